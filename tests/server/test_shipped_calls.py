"""The shipped rule for tool calls, as an OpenAI client meets it: verified, reused, rewritten, and served as calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from rulekit import RULES
from serverkit import Calling, Running, events, running, streamed_text

PIPELINE = f"""
stepflow: 1
kind: pipeline
id: kit
rules: [{RULES / "api-tool-call.yaml"}, {RULES / "tool-call.yaml"}]
backend: {{type: scripted}}
store: {{type: memory}}
"""
PARAMETERS = {"type": "object", "required": ["city"], "properties": {
    "city": {"type": "string"}, "days": {"type": "integer"}}}  # fmt: skip
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": PARAMETERS}} for name in ("get_weather", "get_tides")
]
ROME = {"city": "Rome", "days": 3}


def reply(name: str = "get_weather", **arguments: Any) -> dict[str, Any]:
    call = {"id": "up-1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {"id": "up", "model": "up", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE, encoding="utf-8")
    with running(tmp_path, path=str(tmp_path / "pipeline.yaml"), model=Calling()) as found:
        yield found


def ask(server: Running, prompt: str = "Weather in Rome for 3 days", **more: Any) -> Any:
    return server.chat(prompt, **{"tools": TOOLS, **more})


def called(choice: Any) -> list[Any]:
    return [(each["function"]["name"], json.loads(each["function"]["arguments"])) for each in choice["tool_calls"]]


def test_a_call_is_verified_and_then_served_in_other_words_and_with_another_number(server: Running) -> None:
    server.model.replies = [reply(**ROME)]
    prompts = ("Weather in Rome for 3 days", "Please, the weather in Rome for 3 days!", "Weather in Rome for 5 days")
    replies = [ask(server, prompt) for prompt in prompts]
    said = [(each.headers["x-stepflow-outcome"], each.headers["x-stepflow-final"]) for each in replies]
    assert said == [("miss", "verified"), ("reuse", "verified"), ("rewrite", "verified")]
    choices = [each.json()["choices"][0] for each in replies]
    assert [called(each["message"]) for each in choices] == [
        [("get_weather", ROME)], [("get_weather", ROME)], [("get_weather", {"city": "Rome", "days": 5})],
    ]  # fmt: skip
    assert {each["finish_reason"] for each in choices} == {"tool_calls"}
    assert len(server.model.bodies) == 1
    assert "response_format" not in server.model.bodies[0]  # a schema for texts has no say in calls


@pytest.mark.parametrize("prompt", ["Weather in Rome for 3 days", "Hello, weather in Rome for 3 days"])
def test_openais_client_reads_the_call_of_a_stream(server: Running, prompt: str) -> None:
    server.model.replies = [reply(**ROME)]
    ask(server)
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="-") as client:
        messages: Any = [{"role": "user", "content": prompt}]
        with client.chat.completions.stream(model="kit", messages=messages, tools=TOOLS) as stream:
            choice = stream.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls"
    assert json.loads(choice.message.tool_calls[0].function.arguments) == ROME
    assert len(server.model.bodies) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "wrong", [reply(city="Oslo", days=3), reply(city="Rome", days=4), reply(city="Rome"), reply("get_tides", **ROME)]
)
def test_a_wrong_call_is_sent_back(server: Running, wrong: dict[str, Any], stream: bool) -> None:
    server.model.replies = [wrong, reply(**ROME)]
    response = ask(server, stream=stream)
    first = events(response)[0]["choices"][0]["delta"] if stream else response.json()["choices"][0]["message"]
    assert called(first) == [("get_weather", ROME)]
    assert len(server.model.bodies) == 2
    assert server.model.bodies[1]["tools"] == TOOLS


@pytest.mark.parametrize("stream", [False, True])
def test_a_question_that_the_model_asks_back_is_served_at_once_and_not_stored(server: Running, stream: bool) -> None:
    asks = {"index": 0, "message": {"role": "assistant", "content": "In which city?"}, "finish_reason": "stop"}
    server.model.replies = [{"id": "up", "model": "up", "choices": [asks]}]
    response = ask(server, "The weather, please", stream=stream)
    assert (
        streamed_text(response) if stream else response.json()["choices"][0]["message"]["content"]
    ) == "In which city?"
    assert response.headers["x-stepflow-final"] == "unverified"
    assert server.client.get("/v1/records").json()["data"] == []


def test_each_verdict_names_the_line_of_yaml_behind_it_inherited_or_not(server: Running) -> None:
    server.model.replies = [reply("get_moon", **ROME), reply(**ROME)]
    trace = ask(server).headers["x-stepflow-trace"]
    verdicts = [
        event["data"]
        for event in server.client.get(f"/console/requests/{trace}").json()["journal"]
        if "check" in event.get("data", {})
    ]
    assert {each["check"] for each in verdicts if not each["passed"]} >= {"asked-call", "reply"}
    for each in verdicts:
        path, _, line = each["where"].rpartition(":")
        assert re.search(r"rules/(?:api-)?tool-call\.yaml$", path), each
        written = Path(path).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert each["check"] in written or each["check"] == "reply", (each, written)
