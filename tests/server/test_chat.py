"""Chat completions as clients see them: with curl's bytes, and with OpenAI's own Python client."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from flowkit import COUNT, UNIT, edited
from serverkit import RIGHT, Model, Running, counting, running

from stepflow.errors import (
    BackendError,
    ConnectionRefused,
    EmptyAnswer,
    MissingApiKey,
    RateLimited,
    TimedOut,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, COUNT, UNIT, model=counting()) as found:
        yield found


@pytest.fixture
def client(server: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as found:
        yield found


def ask(client: openai.OpenAI, prompt: str = "count to 3", **more: Any) -> Any:
    return client.chat.completions.create(model="kit", messages=[{"role": "user", "content": prompt}], **more)


def account(response: Any) -> tuple[str, str, int]:
    headers = response.headers
    return headers["x-stepflow-outcome"], headers["x-stepflow-final"], int(headers["x-stepflow-calls"])


def test_the_openai_client_gets_an_answer_and_what_it_cost(client: openai.OpenAI) -> None:
    reply = ask(client)
    assert reply.choices[0].message.content == RIGHT
    assert (reply.choices[0].finish_reason, reply.object, reply.model) == ("stop", "chat.completion", "kit")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.total_tokens) == (7, 3, 10)


def test_a_second_request_is_answered_from_the_record_and_costs_nothing(server: Running) -> None:
    first, second, third = server.chat(), server.chat(), server.chat("please count to 3")
    assert [account(each) for each in (first, second, third)] == [
        ("miss", "verified", 1), ("exact", "verified", 0), ("reuse", "verified", 0),
    ]  # fmt: skip
    assert {each.json()["choices"][0]["message"]["content"] for each in (first, second, third)} == {RIGHT}
    assert second.json()["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert len(server.model.calls) == 1


def test_every_answer_says_in_its_headers_how_it_came_about(server: Running) -> None:
    server.chat()
    headers = server.chat().headers
    assert (headers["x-stepflow-rule"], headers["x-stepflow-tokens-saved"]) == ("count", "10")
    assert len(headers["x-stepflow-record"]) == 17
    assert headers["x-stepflow-trace"] == headers["x-request-id"]


def test_a_patched_answer_says_what_was_really_spent(server: Running) -> None:
    server.chat()
    server.model.answers["Keep 1\n2. Go on from 3 to 5."] = "3\n4\n5"
    reply = server.chat("count to 5")
    assert account(reply) == ("patch", "verified", 1)
    assert reply.json()["choices"][0]["message"]["content"] == "1\n2\n3\n4\n5"
    assert reply.json()["usage"]["completion_tokens"] == 3


def test_what_no_rule_owns_is_passed_through(server: Running) -> None:
    reply = server.chat("hello", temperature=0.5)
    assert (account(reply), reply.json()["choices"][0]["message"]["content"]) == (
        ("passthrough", "unverified", 1), "echo: hello",
    )  # fmt: skip
    assert "x-stepflow-rule" not in reply.headers
    assert reply.json()["usage"]["total_tokens"] == 9


def test_an_answer_that_does_not_pass_is_flagged(server: Running) -> None:
    server.model.answers["count to 4"] = "1\n2\n9\n4"
    assert account(server.chat("count to 4")) == ("miss", "unverified", 1)


@pytest.mark.parametrize(
    "parameters",
    [
        {"temperature": 0.5},
        {"seed": 1},
        {"max_tokens": 9},
        {"stop": ["x"]},
        {"user": "a"},
        {"made_up": [1, {"a": None}]},
    ],
)
def test_another_parameter_is_another_request(server: Running, parameters: dict[str, Any]) -> None:
    server.chat()
    assert account(server.chat(**parameters))[0] == "miss"
    assert account(server.chat(**parameters))[0] == "exact"
    assert server.model.calls[-1].parameters == parameters


@pytest.mark.parametrize(
    "parameters",
    [
        {"n": 1},
        {"tools": []},
        {"logprobs": False},
        {"seed": None},
        {"response_format": {"type": "text"}},
        {"stream": False},
    ],
)
def test_a_parameter_that_says_nothing_changes_nothing(server: Running, parameters: dict[str, Any]) -> None:
    server.chat()
    assert account(server.chat(**parameters))[0] == "exact"


def test_a_text_in_one_part_is_that_text(server: Running) -> None:
    server.chat()
    assert account(server.chat([{"role": "user", "content": [{"type": "text", "text": "count to 3"}]}]))[0] == "exact"


def test_another_conversation_is_another_request(server: Running) -> None:
    server.chat()
    turns = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "count to 3"}]
    assert account(server.chat(turns))[0] == "miss"


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (RateLimited("slow down"), openai.RateLimitError, 429),
        (TimedOut("too slow"), openai.InternalServerError, 504),
        (ConnectionRefused("nobody there"), openai.InternalServerError, 502),
        (MissingApiKey("no key"), openai.InternalServerError, 500),
        (EmptyAnswer("nothing"), openai.InternalServerError, 502),
        (BackendError("no idea"), openai.InternalServerError, 502),
    ],
)
def test_an_error_of_the_model_has_a_status_and_openais_form(
    server: Running, client: openai.OpenAI, error: Exception, kind: type[openai.APIStatusError], status: int
) -> None:
    server.model.answers["hello"] = server.model.answers["count to 4"] = error
    for prompt in ("hello", "count to 4"):
        with pytest.raises(kind) as caught:
            ask(client, prompt)
        assert (caught.value.status_code, caught.value.body["message"]) == (status, str(error))  # type: ignore[index]


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422, 500, 529])
def test_the_backends_own_status_is_passed_on(server: Running, status: int) -> None:
    error = BackendError("the provider says no")
    error.status = status
    server.model.answers["hello"] = error
    reply = server.chat("hello")
    assert (reply.status_code, reply.json()["error"]["message"]) == (status, "the provider says no")


def test_the_openai_client_tries_again_after_an_error_that_passes(server: Running) -> None:
    said = [RateLimited("slow down"), BackendError("oops"), RIGHT]

    class Moody(Model):
        async def acomplete(self, call: Any) -> Any:
            self.answers["count to 3"] = said.pop(0)
            return await super().acomplete(call)

    server.model = Moody()
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=2) as client:
        assert ask(client).choices[0].message.content == RIGHT


def test_an_unverified_answer_may_be_an_error(tmp_path: Path) -> None:
    with running(tmp_path, model=counting(), pipeline={"on_unverified": "error"}) as server:
        server.model.answers["count to 4"] = "1"
        reply = server.chat("count to 4")
    assert (reply.status_code, reply.json()["error"]["type"]) == (422, "unverified_answer")


def test_models_are_the_pipelines_and_the_models_behind_them(client: openai.OpenAI) -> None:
    assert [each.id for each in client.models.list()] == ["kit", "kit/model"]
    assert client.models.retrieve("kit/model").owned_by == "stepflow"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("wibble")


@pytest.mark.parametrize("name", ["kit", "stepflow/kit", "kit/model", "model"])
def test_a_pipeline_answers_to_its_id_and_to_its_models_name(server: Running, name: str) -> None:
    assert server.chat(model=name).status_code == 200


def test_another_model_is_not_there_unless_any_is_taken(tmp_path: Path, server: Running) -> None:
    reply = server.chat(model="gpt-9")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found")
    with running(tmp_path, model=counting(), any_model=True) as other:
        assert other.chat(model="gpt-9").status_code == 200


def test_a_completion_is_a_chat_of_one_prompt(server: Running, client: openai.OpenAI) -> None:
    first = client.completions.create(model="kit", prompt="count to 3")
    assert (first.choices[0].text, first.object, first.usage.total_tokens) == (RIGHT, "text_completion", 10)  # type: ignore[union-attr]
    assert account(server.chat())[0] == "exact"
    assert client.completions.create(model="kit", prompt=["hello"]).choices[0].text == "echo: hello"
    texts = [
        chunk.choices[0].text for chunk in client.completions.create(model="kit", prompt="count to 3", stream=True)
    ]
    assert "".join(texts) == RIGHT


@pytest.mark.parametrize(
    "more",
    [
        {"echo": True},
        {"n": 2},
        {"suffix": "."},
        {"best_of": 2},
        {"logprobs": 1},
        {"prompt": ["a", "b"]},
        {"prompt": [1, 2]},
    ],
)
def test_what_a_completion_cannot_do_is_refused(server: Running, more: dict[str, Any]) -> None:
    reply = server.client.post("/v1/completions", json={"model": "kit", "prompt": "count to 3", **more})
    assert reply.status_code == 400


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_gets_an_answer(server: Running) -> None:
    body = json.dumps({"model": "kit", "messages": [{"role": "user", "content": "count to 3"}]})
    command = [
        "curl",
        "-sS",
        "--noproxy",
        "*",
        f"{server.url}/v1/chat/completions",
        "-H",
        "content-type: application/json",
        "-d",
        body,
    ]
    said = subprocess.run(command, capture_output=True, check=True, timeout=20).stdout
    assert json.loads(said)["choices"][0]["message"]["content"] == RIGHT


def test_a_fallback_is_marked_as_one(tmp_path: Path) -> None:
    rule = edited(COUNT, fallback={"type": "template", "text": RIGHT})
    with running(tmp_path, rule, model=Model(**{"count to 3": "no"})) as server:
        assert account(server.chat()) == ("miss", "fallback", 1)
