"""Streams: hits as well-formed chunks, misses held until they are verified, the backend's own chunks at once."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from serverkit import (
    RIGHT,
    TOOL_REPLY,
    TOOLS,
    Model,
    Relaying,
    comments,
    counting,
    events,
    eventually,
    leaving,
    running,
    streamed_text,
)

from stepflow.errors import RateLimited


def test_a_hit_streams_as_chunks_that_the_openai_client_joins(tmp_path: Path) -> None:
    with (
        running(tmp_path, model=counting()) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="-") as client,
    ):
        for _ in range(2):
            messages: Any = [{"role": "user", "content": "count to 3"}]
            stream = client.chat.completions.create(
                model="kit", messages=messages, stream=True, stream_options={"include_usage": True}
            )
            chunks = list(stream)
            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == RIGHT
            assert chunks[0].choices[0].delta.role == "assistant"
            assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
            assert len({chunk.id for chunk in chunks}) == 1
        assert chunks[-1].usage.total_tokens == 0  # the second was an exact hit


def test_a_stream_says_in_its_first_chunk_and_last_comment_how_it_came_about(tmp_path: Path) -> None:
    with running(tmp_path, model=counting()) as server:
        server.chat()
        reply = server.chat(stream=True)
    assert (reply.headers["content-type"], reply.headers["x-stepflow-outcome"]) == (
        "text/event-stream; charset=utf-8",
        "exact",
    )
    assert events(reply)[0]["stepflow"]["outcome"] == "exact"
    assert '"outcome": "exact"' in comments(reply)[-1]
    assert events(reply)[-1] == "[DONE]"


def test_a_miss_is_held_with_comments_until_it_is_verified(tmp_path: Path) -> None:
    model = counting()
    model.free.clear()
    with (
        running(tmp_path, model=model, hold_headers=0.05, keep_alive=0.05) as server,
        server.client.stream("POST", "/v1/chat/completions", json=body()) as reply,
    ):
        lines = reply.iter_lines()
        assert [next(lines) for _ in range(6)] == [": not verified yet", ""] * 3
        model.free.set()
        rest = [line for line in lines if line and line != ": not verified yet"]
    assert [line[:6] for line in rest] == ["data: "] * 5 + [": step", "data: "]


def body(prompt: str = "count to 3") -> dict[str, Any]:
    return {"model": "kit", "stream": True, "messages": [{"role": "user", "content": prompt}]}


def test_what_does_not_pass_is_never_streamed_before_it_was_judged(tmp_path: Path) -> None:
    with running(tmp_path, model=Model(**{"count to 3": "nine\nnine"}), pipeline={"on_unverified": "error"}) as server:
        reply = server.chat(stream=True)
    assert (reply.status_code, "nine" in reply.text) == (422, False)


def test_an_error_that_comes_late_is_an_event_on_which_clients_raise(tmp_path: Path) -> None:
    model = Model(**{"count to 3": RateLimited("slow down")})
    model.seconds = 0.3
    with (
        running(tmp_path, model=model, hold_headers=0.01) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="-", max_retries=0) as client,
    ):
        messages: Any = [{"role": "user", "content": "count to 3"}]
        stream = client.chat.completions.create(model="kit", messages=messages, stream=True)
        with stream, pytest.raises(openai.APIError, match="slow down"):
            list(stream)


def test_a_failure_of_ours_that_comes_late_stands_in_the_log_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("stepflow.server"), "propagate", True)
    model = Model(**{"count to 3": ZeroDivisionError("a secret")})  # type: ignore[arg-type]
    model.seconds = 0.3
    with running(tmp_path, model=model, hold_headers=0.01) as server:
        reply = server.chat(stream=True)
        refusals = server.client.get("/metrics").text
    assert events(reply)[-1]["error"]["message"] == "the server failed; its log says why"
    assert "a secret" in caplog.text
    assert 'stepflow_refusals_total{status="500"} 1.0' in refusals


def test_half_a_surrogate_pair_of_a_model_does_not_end_a_stream(tmp_path: Path) -> None:
    with running(tmp_path, model=Relaying("one \ud800 three")) as server:
        reply = server.chat("hello", stream=True)
    assert streamed_text(reply) == "one \ud800 three "


def test_an_error_that_comes_soon_has_its_status(tmp_path: Path) -> None:
    with running(tmp_path, model=Model(**{"count to 3": RateLimited("slow down")})) as server:
        assert server.chat(stream=True).status_code == 429


def test_what_no_rule_owns_streams_at_once(tmp_path: Path) -> None:
    model = Relaying("a b c d e")
    model.free.clear()
    with running(tmp_path, model=model) as server:
        with server.client.stream("POST", "/v1/chat/completions", json=body("hello")) as reply:
            lines = (line for line in reply.iter_lines() if '"content"' in line)
            assert '"a "' in next(lines)
            assert model.ended == 0
            model.free.set()
            assert len(list(lines)) == 4
        # The client has the last chunk before the server has written its account of it.
        told = ("passthrough", 5, 3)
        keys = ("outcome", "prompt_tokens", "completion_tokens")
        assert eventually(lambda: [tuple(each[key] for key in keys) for each in seen_requests(server)][:1] == [told])


@pytest.mark.parametrize("wanted", [True, False])
def test_the_usage_of_a_stream_is_there_for_those_who_ask(tmp_path: Path, wanted: bool) -> None:
    with running(tmp_path, model=Relaying()) as server:
        reply = server.chat("hello", stream=True, stream_options={"include_usage": wanted})
    found = [event for event in events(reply) if event != "[DONE]"]
    assert any("usage" in event for event in found) is wanted
    assert found[0]["stepflow"]["outcome"] == "passthrough"
    assert streamed_text(reply) == "one two three "


def test_a_stream_that_breaks_says_so(tmp_path: Path) -> None:
    with running(tmp_path, model=Relaying(breaks_after=1)) as server:
        reply = server.chat("hello", stream=True)
        assert events(reply)[-1]["error"]["message"] == "the line broke"
        assert eventually(lambda: [each["status"] for each in seen_requests(server)][:1] == [502])


def seen_requests(server: Any) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = server.client.get("/console/state").json()["requests"]
    return requests


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_cancels_the_model_call(tmp_path: Path, stream: bool) -> None:
    model = counting()
    model.free.clear()
    with running(tmp_path, model=model, hold_headers=0.05, keep_alive=0.1) as server:
        with leaving(server, stream=stream):
            assert eventually(lambda: model.inside == 1)
        assert eventually(lambda: model.cancelled == 1)
        assert eventually(lambda: server.service.open == 0 and server.service.gate.inside == 0)
        assert eventually(lambda: server.house.current.users == 0)
        assert server.client.get("/console/state").json()["requests"][0]["status"] == 499


def test_a_client_that_leaves_a_stream_ends_the_backends(tmp_path: Path) -> None:
    model = Relaying()
    model.free.clear()
    with running(tmp_path, model=model) as server:
        with (
            httpx.Client(trust_env=False) as client,
            client.stream("POST", f"{server.url}/v1/chat/completions", json=body("hello")) as reply,
        ):
            next(reply.iter_lines())
        assert eventually(lambda: model.ended == 1)
        assert eventually(lambda: server.service.open == 0 and server.service.gate.inside == 0)


# --- more than a text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"tools": TOOLS},
        {"n": 2},
        {"logprobs": True},
        {"response_format": {"type": "json_object"}},
        {"tool_choice": "none"},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "count"}, {"type": "text", "text": "to 3"}]}
            ]
        },
        {"messages": [{"role": "user", "content": "count to 3", "name": "ann"}]},
        {"messages": [{"role": "user", "content": "count to 3"}, {"role": "assistant", "content": "1\n"}]},
        {"messages": [{"role": "user", "content": "a"}, {"role": "tool", "content": "4", "tool_call_id": "c1"}]},
    ],
)
def test_what_asks_for_more_than_a_text_is_passed_on_as_it_is_and_never_reused(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    model = Relaying()
    model.reply = TOOL_REPLY
    with running(tmp_path, model=model) as server:
        assert server.chat().headers["x-stepflow-outcome"] == "miss"  # the plain request is stored
        body = {"model": "kit", "messages": [{"role": "user", "content": "count to 3"}], **more}
        replies = [server.client.post("/v1/chat/completions", json=body) for _ in range(2)]
    sent = {key: value for key, value in body.items() if key != "model"}
    assert model.bodies == [sent, sent]
    for reply in replies:
        assert reply.headers["x-stepflow-outcome"] == "passthrough"
        assert {key: value for key, value in reply.json().items() if key not in ("stepflow", "object")} == TOOL_REPLY


def test_a_backend_that_relays_nothing_says_that_it_cannot(tmp_path: Path) -> None:
    with running(tmp_path, model=counting()) as server:
        reply = server.chat([{"role": "user", "content": "hi", "name": "ann"}])
    assert (reply.status_code, reply.json()["error"]["message"]) == (
        400, "kit/model takes messages of a role and a text, and nothing else",
    )  # fmt: skip


def test_a_pipeline_that_passes_nothing_through_passes_no_tools_either(tmp_path: Path) -> None:
    with running(tmp_path, model=Relaying(), pipeline={"route": {"no_match": "error"}}) as server:
        assert [server.chat(tools=TOOLS).status_code, server.chat("hello").status_code] == [422, 422]
        assert server.model.bodies == []
