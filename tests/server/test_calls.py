"""Tool calls that a rule owns: verified and reused as texts, served as calls, and nothing of them lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from flowkit import COUNT
from serverkit import Calling, Running, events, running

from stepflow.toolcalls import calls_of, text_of

LAMPS = """
stepflow: 1
kind: rule
id: lamps
reply: tool_call
match: [{type: keywords, words: [lamps]}]
constraints:
  level: {type: regex, pattern: '(?P<value>\\\\d+) ?%', as: integer}
segment: {type: json, by: document}
answer: {type: json}
verify:
  - id: right-call
    type: expr
    assert: answer.value == {'name':'set_lamps', 'arguments':{'level':level}}
    on_fail: repair
reuse: {guard: none}
repair: {max_attempts: 1}
fallback: {type: none}
""".replace("\\\\d", "\\d")
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "set_lamps", "parameters": {"type": "object", "properties": {}}}},
    {"type": "function", "function": {"name": "other", "parameters": {"type": "object", "properties": {}}}},
]


def call(level: int, name: str = "set_lamps", id_: str = "up-call") -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": json.dumps({"level": level})}}


def reply(*calls: dict[str, Any], content: str | None = None) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "tool_calls": [*calls], "reasoning_content": "hm"}
    usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    return {"id": "up", "model": "up", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
            "usage": usage}  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, LAMPS, COUNT, model=Calling()) as found:
        yield found


def ask(server: Running, prompt: str = "lamps to 30 %", **more: Any) -> Any:
    return server.chat(prompt, **{"tools": TOOLS, **more})


def said(response: Any) -> tuple[str, Any]:
    choice = response.json()["choices"][0]
    calls = [each["function"] for each in choice["message"].get("tool_calls") or ()]
    return response.headers["x-stepflow-outcome"], [(each["name"], json.loads(each["arguments"])) for each in calls]


RIGHT = [("set_lamps", {"level": 30})]


def test_a_call_is_verified_stored_and_served_again_as_a_call(server: Running) -> None:
    server.model.replies = [reply(call(30), content="I set them")]
    fresh, exact, reused = ask(server), ask(server), ask(server, "lamps  to 30%")
    assert [said(each) for each in (fresh, exact, reused)] == [("miss", RIGHT), ("exact", RIGHT), ("reuse", RIGHT)]
    message = fresh.json()["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("hm", "I set them")  # the model's own reply
    again = exact.json()["choices"][0]
    assert (again["finish_reason"], again["message"]["content"]) == ("tool_calls", None)
    assert exact.json()["usage"]["total_tokens"] == 0
    assert len(server.model.bodies) == 1
    assert server.model.bodies[0]["tools"] == TOOLS


def test_openais_client_reads_a_reused_call_streamed_or_not(server: Running) -> None:
    server.model.replies = [reply(call(30))]
    ask(server)
    asked: Any = {"model": "kit", "messages": [{"role": "user", "content": "lamps to 30 %"}], "tools": TOOLS}
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="-") as client:
        whole = client.chat.completions.create(**asked).choices[0].message.tool_calls[0]
        with client.chat.completions.stream(**asked) as stream:
            streamed = stream.get_final_completion().choices[0]
    assert json.loads(whole.function.arguments) == {"level": 30}
    assert (streamed.finish_reason, json.loads(streamed.message.tool_calls[0].function.arguments)) == (
        "tool_calls", {"level": 30},
    )  # fmt: skip


def test_a_fresh_call_streams_with_all_that_came_with_it(server: Running) -> None:
    server.model.replies = [reply(call(30))]
    found = [each for each in events(ask(server, stream=True)) if each != "[DONE]"]
    assert found[0]["choices"][0]["delta"]["tool_calls"][0]["id"] == "up-call"
    assert found[0]["choices"][0]["delta"]["reasoning_content"] == "hm"
    assert found[0]["stepflow"]["outcome"] == "miss"
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_wrong_argument_is_sent_back(server: Running) -> None:
    server.model.replies = [reply(call(40)), reply(call(30))]
    response = ask(server)
    assert said(response) == ("miss", RIGHT)
    assert response.json()["usage"]["total_tokens"] == 16  # of both calls
    assert '"level": 40' in server.model.bodies[1]["messages"][1]["content"]


@pytest.mark.parametrize(
    ("wrong", "more"),
    [
        (reply(call(30), call(30)), {}),  # the rule wants one
        (reply(call(30, "third")), {}),  # it is not offered
        (reply(call(30)), {"tool_choice": {"type": "function", "function": {"name": "other"}}}),
        ({**reply(), "choices": [{"index": 0, "message": {"content": "Which lamps?"}, "finish_reason": "stop"}]}, {}),
    ],
)
def test_what_does_not_pass_is_served_as_it_came_and_not_stored(
    server: Running, wrong: dict[str, Any], more: dict[str, Any]
) -> None:
    server.model.replies = [wrong, wrong]
    response = ask(server, **more)
    assert response.headers["x-stepflow-final"] == "unverified"
    assert response.json()["choices"] == wrong["choices"]
    assert server.client.get("/v1/records").json()["data"] == []


def test_other_tools_or_another_choice_never_share_a_record(server: Running) -> None:
    variants: list[dict[str, Any]] = [{}, {"tools": TOOLS[:1]}, {"tool_choice": "required"}]
    server.model.replies = [reply(call(30))] * 3
    assert [said(ask(server, **each))[0] for each in variants] == ["miss"] * 3


def test_a_rule_for_texts_owns_no_request_with_tools_nor_the_other_way_round(server: Running) -> None:
    server.model.replies = [reply(call(3))] * 3
    assert said(ask(server, "count to 3")) == ("passthrough", [("set_lamps", {"level": 3})])
    assert server.chat("lamps to 30 %").headers["x-stepflow-outcome"] == "passthrough"
    assert ask(server, tool_choice="none").headers["x-stepflow-outcome"] == "passthrough"


@pytest.mark.parametrize(
    "answer",
    ["", "hi", "[]", "3", '{"name": "f"}', '{"name": "f", "arguments": "x"}', '{"name": 1, "arguments": {}}',
     '{"name": "f", "arguments": {}, "more": 1}', '[{"name": "f", "arguments": {}}, 1]', "null"],
)  # fmt: skip
def test_other_texts_are_no_calls(answer: str) -> None:
    assert calls_of(answer) == ()


def test_calls_and_their_text_say_the_same() -> None:
    for calls in ([call(1)], [call(1), call(2, "other")]):
        read = calls_of(text_of({"content": None, "tool_calls": calls}))
        assert read == tuple((each["function"]["name"], each["function"]["arguments"]) for each in calls)
    broken = {"tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}
    assert calls_of(text_of(broken)) == ()


@pytest.mark.parametrize(
    "arguments", ['{"level": 1, "level": 30}', '{"level": NaN}', '{"level": 1} {}', "{'level': 1}"]
)
def test_arguments_that_a_client_may_read_otherwise_are_no_call(arguments: str) -> None:
    said = {"content": None, "tool_calls": [{"function": {"name": "set_lamps", "arguments": arguments}}]}
    assert calls_of(text_of(said)) == ()
