"""`stream: steps`: each step is sent as soon as it is verified, and what was sent is never taken back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from flowkit import COUNT, edited
from serverkit import RIGHT, Model, Running, comments, events, eventually, running, streamed_text
from streamkit import USAGE, Reading, Writing, reading

from stepflow.errors import BackendError
from stepflow.model import Outcome
from stepflow.server.growing import Growing

STREAMED = edited(COUNT, stream="steps")


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Running]:
    """A server whose model has written two of three lines, and waits."""
    with running(tmp_path, STREAMED, model=Writing("1\n", "2\n", "3", held_behind=2), hold_headers=30) as server:
        yield server


def test_a_step_is_sent_before_the_reply_is_whole(held: Running) -> None:
    with reading(held) as reply:
        client = Reading(reply)
        client.until("1\n")
        assert client.events[0]["stepflow"] == {"trace": reply.headers["x-stepflow-trace"]}  # no outcome is known yet
        assert held.model.ended == 0
        held.model.go_on.set()
        client.to_the_end()
    assert (client.text, client.events[-1]) == (RIGHT, {})
    last = client.events[-2]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert (last["stepflow"]["outcome"], last["stepflow"]["final"]) == ("miss", "verified")
    assert last["stepflow"]["trace"] == reply.headers["x-stepflow-trace"]
    assert '"outcome": "miss"' in client.comments[-1]
    assert len({event["id"] for event in client.events[:-1]}) == 1
    again = held.chat(stream=True)
    assert (again.headers["x-stepflow-outcome"], streamed_text(again)) == ("exact", RIGHT)


def test_the_model_is_asked_as_it_would_be_for_a_whole_answer(tmp_path: Path) -> None:
    model = Writing("1\n", "2\n", "3")
    with running(tmp_path, STREAMED, model=model) as server:
        reply = server.chat(stream=True, temperature=0.5, made_up=[1], stream_options={"include_usage": True})
        entry = server.client.get("/console/state").json()["requests"][0]
    assert model.bodies == [
        {"messages": [{"role": "user", "content": "count to 3"}], "temperature": 0.5, "made_up": [1]}
    ]
    assert events(reply)[-2]["usage"] == {**USAGE, "total_tokens": 8}
    assert (entry["prompt_tokens"], entry["completion_tokens"], entry["calls"]) == (5, 3, 1)


def test_openais_client_joins_what_was_sent_in_parts(held: Running) -> None:
    held.model.go_on.set()
    with openai.OpenAI(base_url=f"{held.url}/v1", api_key="-") as client:
        messages: Any = [{"role": "user", "content": "count to 3"}]
        chunks = list(client.chat.completions.create(model="kit", messages=messages, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == RIGHT
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"


def test_text_completions_grow_too(held: Running) -> None:
    body = {"model": "kit", "stream": True, "prompt": "count to 3"}
    with held.client.stream("POST", "/v1/completions", json=body) as reply:
        lines = reply.iter_lines()
        parts = [next(line for line in lines if '"1\\n"' in line)]
        held.model.go_on.set()
        parts += [line for line in lines if "choices" in line]
    assert "".join(json.loads(part[6:])["choices"][0]["text"] for part in parts) == RIGHT


def test_a_step_that_fails_is_mended_behind_those_that_were_sent(tmp_path: Path) -> None:
    model = Writing("1\n", "7\n", "3", patches=("2\n3",))
    with running(tmp_path, STREAMED, model=model) as server:
        reply = server.chat(stream=True)
    assert streamed_text(reply) == RIGHT
    assert [call.messages[-1].content for call in model.calls] == ["Keep 1. Go on from 2 to 3."]
    assert '"final": "verified"' in comments(reply)[-1]
    assert '"calls": 2' in comments(reply)[-1]


def test_an_answer_that_cannot_be_mended_ends_in_an_error_and_never_in_stop(tmp_path: Path) -> None:
    model = Writing("1\n", "2\n", "7", held_behind=2, patches=("9",))
    with running(tmp_path, STREAMED, model=model) as server, reading(server) as reply:
        client = Reading(reply)
        client.until("1\n")
        model.go_on.set()
        client.to_the_end()
        assert client.text in ("1\n", "1\n2\n")  # the second may be overtaken by the end
        assert client.events[-1]["error"]["code"] == "unverified_answer"
        assert "stop" not in json.dumps(client.events)
        assert server.client.get("/v1/records").json()["data"] == []
        assert server.client.get("/console/state").json()["requests"][0]["status"] == 422


@pytest.mark.parametrize(
    ("finish_reason", "breaks", "sentence"),
    [
        ("stop", BackendError("the line broke"), "the line broke"),
        (None, None, "kit/model broke off in the middle of its answer"),
    ],
)
def test_a_reply_that_breaks_off_is_an_error_though_all_its_steps_pass(
    tmp_path: Path, finish_reason: str | None, breaks: Exception | None, sentence: str
) -> None:
    model = Writing("1\n", "2\n", "3", held_behind=2)
    model.finish_reason, model.breaks = finish_reason, breaks
    with running(tmp_path, STREAMED, model=model) as server, reading(server) as reply:
        client = Reading(reply)
        client.until("1\n")
        model.go_on.set()
        client.to_the_end()
        assert sentence in client.events[-1]["error"]["message"]
        assert server.client.get("/v1/records").json()["data"] == []


def test_an_answer_that_was_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    model = Writing("1\n", "2\n", patches=("2\n3",))
    model.finish_reason = "length"
    with running(tmp_path, STREAMED, model=model) as server:
        assert streamed_text(server.chat(stream=True)) == f"{RIGHT}\n"


def test_a_model_that_takes_too_long_is_cut_short(tmp_path: Path) -> None:
    model = Writing("1\n", "2\n", "3", held_behind=2)
    with (
        running(tmp_path, STREAMED, model=model, pipeline={"limits": {"wall_time": "500ms"}}) as server,
        reading(server) as reply,
    ):
        client = Reading(reply)
        client.to_the_end()
        assert client.text == "1\n"
        assert client.events[-1]["error"]["message"] == "kit/model did not end its answer within 0.5 s"
        assert (client.events[-1]["error"]["type"], model.ended) == ("timeout_error", 1)


def test_a_client_that_goes_in_the_middle_cancels_the_model_call(held: Running) -> None:
    body = {"model": "kit", "stream": True, "messages": [{"role": "user", "content": "count to 3"}]}
    with (
        httpx.Client(base_url=held.url, trust_env=False) as client,
        client.stream("POST", "/v1/chat/completions", json=body) as reply,
    ):
        Reading(reply).until("1\n")
    assert eventually(lambda: held.model.ended == 1)
    assert eventually(lambda: held.service.open == 0 and held.service.gate.inside == 0)
    assert eventually(lambda: held.house.current.users == 0)
    assert held.client.get("/v1/records").json()["data"] == []


def test_of_the_same_request_twice_one_grows_and_the_other_waits_for_its_record(held: Running) -> None:
    with ThreadPoolExecutor(1) as pool, reading(held) as reply:
        client = Reading(reply)
        client.until("1\n")
        other = pool.submit(held.chat, stream=True)
        assert eventually(lambda: held.service.open == 2)
        held.model.go_on.set()
        client.to_the_end()
        assert (client.text, streamed_text(other.result()), len(held.model.bodies)) == (RIGHT, RIGHT, 1)


def test_who_asks_for_no_stream_gets_a_whole_answer(tmp_path: Path) -> None:
    model = Writing(patches=(RIGHT,))
    with running(tmp_path, STREAMED, model=model) as server:
        assert server.chat().json()["choices"][0]["message"]["content"] == RIGHT
    assert model.bodies == []


def test_a_rule_that_does_not_say_so_sends_nothing_before_the_whole_is_verified(tmp_path: Path) -> None:
    model = Writing(patches=(RIGHT,))
    with running(tmp_path, COUNT, model=model) as server:
        assert streamed_text(server.chat(stream=True)) == RIGHT
    assert model.bodies == []


def test_a_model_that_does_not_stream_is_waited_for(tmp_path: Path) -> None:
    model = Model(**{"count to 3": RIGHT})
    with running(tmp_path, STREAMED, model=model) as server:
        assert streamed_text(server.chat(stream=True)) == RIGHT


def test_no_answer_is_sent_behind_another_ones_beginning() -> None:
    async def sent_and_answered(answer: str) -> str:
        growing, answering = Growing(), asyncio.get_running_loop().create_future()
        growing.hand_on("1\n")
        parts = growing.parts(answering, 5)
        assert await anext(parts) == "1\n"
        growing.hand_on("2\n")  # ready, but not sent before the answer was whole
        return growing.rest(Outcome(answer, "miss", "verified", "model"))

    assert asyncio.run(sent_and_answered("1\n3")) == "3"
    with pytest.raises(BackendError, match="does not begin with the steps that were sent"):
        asyncio.run(sent_and_answered("2\n3"))
