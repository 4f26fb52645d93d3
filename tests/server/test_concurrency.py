"""Many at once: identical misses ask once, hits wait for nobody, edits come in without dropping a request."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from flowkit import COUNT, UNIT, edited, write_pipeline
from serverkit import RIGHT, Model, Running, counting, eventually, leaving, running

from stepflow.errors import RateLimited
from stepflow.server.logs import Log


def together(count: int, ask: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


@pytest.mark.parametrize("stream", [False, True])
def test_twenty_identical_misses_make_one_model_call(tmp_path: Path, stream: bool) -> None:
    model = counting()
    model.seconds = 0.5
    with running(tmp_path, model=model) as server:
        replies = together(20, lambda _: server.chat(stream=stream))
        assert len(model.calls) == 1
        spent = [each["completion_tokens"] for each in server.client.get("/console/state").json()["requests"]]
    assert {reply.status_code for reply in replies} == {200}
    assert sorted(spent) == [0] * 19 + [3]


def test_the_error_of_the_one_that_asks_is_its_own(tmp_path: Path) -> None:
    model = counting()
    model.seconds = 0.3
    model.failures.append(RateLimited("slow down"))
    with running(tmp_path, model=model) as server:
        replies = together(8, lambda _: server.chat())
    assert (sorted(reply.status_code for reply in replies), len(model.calls)) == ([200] * 7 + [429], 2)


def test_a_model_that_fails_for_all_answers_nobody_one_by_one(tmp_path: Path) -> None:
    model = Model(**{"count to 3": RateLimited("slow down")})  # type: ignore[arg-type]
    model.free.clear()
    with running(tmp_path, model=model) as server, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(server.chat) for _ in range(8)]
        assert eventually(lambda: server.service.open == 8 and model.inside == 1)
        model.seconds = 0.3
        model.free.set()
        assert {each.result().status_code for each in asked} == {429}
    assert len(model.calls) == 8
    assert model.most_inside > 1


def test_when_the_one_that_asks_goes_another_asks_in_its_place(tmp_path: Path) -> None:
    model = counting()
    model.free.clear()
    with running(tmp_path, model=model) as server, ThreadPoolExecutor(4) as pool:
        with leaving(server):
            assert eventually(lambda: len(model.calls) == 1)
            others = [pool.submit(server.chat) for _ in range(4)]
            assert eventually(lambda: server.service.open == 5)
        assert eventually(lambda: model.cancelled == 1)
        model.free.set()
        replies = [each.result() for each in others]
    assert [reply.json()["choices"][0]["message"]["content"] for reply in replies] == [RIGHT] * 4
    assert (len(model.calls), model.cancelled) == (2, 1)


def test_answers_that_are_not_stored_are_asked_for_one_by_one(tmp_path: Path) -> None:
    with running(tmp_path, model=counting()) as server:
        together(4, lambda _: server.chat(stepflow={"no_store": True}))
        assert len(server.model.calls) == 4


def test_what_is_passed_through_is_never_shared(tmp_path: Path) -> None:
    model = Model()
    model.seconds = 0.2
    with running(tmp_path, model=model) as server:
        together(4, lambda _: server.chat("hello"))
    assert len(model.calls) == 4


def test_hits_do_not_wait_for_fifty_misses(tmp_path: Path) -> None:
    model = counting()
    with running(tmp_path, model=model, model_calls=40) as server, ThreadPoolExecutor(50) as pool:
        server.chat()
        model.free.clear()
        slow = [pool.submit(server.chat, f"hello {number}") for number in range(50)]
        assert eventually(lambda: server.service.gate.inside == 50)  # ten of them wait for their turn
        assert {server.chat().headers["x-stepflow-outcome"] for _ in range(30)} == {"exact"}
        assert server.service.gate.inside == 50
        model.free.set()
        assert {each.result().status_code for each in slow} == {200}


# --- edits -----------------------------------------------------------------------------------------------------------


def state(server: Running) -> dict[str, Any]:
    found: dict[str, Any] = server.client.get("/console/state").json()["pipelines"][0]
    return found


def test_an_edit_comes_in_and_the_records_stay(tmp_path: Path) -> None:
    with running(tmp_path, COUNT, reload=0.1, model=counting()) as server:
        server.chat()
        (tmp_path / "rule-0.yaml").write_text(edited(COUNT, title="changed"), encoding="utf-8")
        assert eventually(lambda: state(server)["reloads"] == 1)
        assert server.chat().headers["x-stepflow-outcome"] == "reuse"  # not exact: the files are others now
        assert len(server.model.calls) == 1


def test_a_broken_edit_keeps_the_old_files_and_says_so(tmp_path: Path, capsys: Any) -> None:
    with running(tmp_path, COUNT, reload=0.1, model=counting()) as server:
        server.chat()
        (tmp_path / "rule-0.yaml").write_text("stepflow: 1\nkind: rule\nid: count\n", encoding="utf-8")
        assert eventually(lambda: "still served" in str(state(server)["problem"]))
        assert server.chat().headers["x-stepflow-outcome"] == "exact"
        assert 'stepflow_files_sound{pipeline="kit"} 0.0' in server.client.get("/metrics").text
        (tmp_path / "rule-0.yaml").write_text(COUNT, encoding="utf-8")
        assert eventually(lambda: state(server)["problem"] == "")
        assert 'stepflow_files_sound{pipeline="kit"} 1.0' in server.client.get("/metrics").text


def test_a_new_file_that_the_pattern_names_is_found(tmp_path: Path) -> None:
    path = write_pipeline(tmp_path, COUNT, rules=["rule-*.yaml"])
    with running(tmp_path, path=path, reload=0.1, model=counting()) as server:
        assert state(server)["rules"] == ["count"]
        (tmp_path / "rule-9.yaml").write_text(UNIT, encoding="utf-8")
        assert eventually(lambda: state(server)["rules"] == ["count", "unit"])
        os.remove(tmp_path / "rule-9.yaml")
        assert eventually(lambda: state(server)["rules"] == ["count"])


def test_a_request_under_way_ends_with_the_files_it_began_with(tmp_path: Path) -> None:
    model = counting()
    model.free.clear()
    with running(tmp_path, COUNT, reload=0.1, model=model) as server, ThreadPoolExecutor(1) as pool:
        begun = pool.submit(server.chat)
        assert eventually(lambda: len(model.calls) == 1)
        data = json.loads((tmp_path / "pipeline.yaml").read_text(encoding="utf-8"))
        data["backend"] = {"type": "scripted", "replies": ["1\n2\n3\n4"]}
        (tmp_path / "pipeline.yaml").write_text(json.dumps(data), encoding="utf-8")
        assert eventually(lambda: state(server)["reloads"] == 1)
        assert not model.closed
        model.free.set()
        assert begun.result().json()["choices"][0]["message"]["content"] == RIGHT
        assert eventually(lambda: model.closed)
        assert server.chat("count to 4").json()["choices"][0]["message"]["content"] == "1\n2\n3\n4"


def test_a_server_that_stops_finishes_what_is_under_way(tmp_path: Path) -> None:
    model = counting()
    model.seconds = 0.8
    with ThreadPoolExecutor(1) as pool:
        with running(tmp_path, model=model) as server:
            body = {"model": "kit", "messages": [{"role": "user", "content": "count to 3"}]}
            begun = pool.submit(httpx.post, f"{server.url}/v1/chat/completions", json=body, trust_env=False)
            assert eventually(lambda: len(model.calls) == 1)
        reply = begun.result()
    assert (reply.status_code, model.closed) == (200, True)


# --- the world around ------------------------------------------------------------------------------------------------


def test_it_is_ready_when_the_model_can_be_asked(tmp_path: Path) -> None:
    with running(tmp_path, model=counting()) as server:
        assert eventually(lambda: server.client.get("/readyz").status_code == 200)
        server.house.ready = False
        assert server.client.get("/readyz").json() == {"ready": False, "waiting": ["kit"]}


def test_the_metrics_count_outcomes_tokens_and_refusals(tmp_path: Path) -> None:
    with running(tmp_path, model=counting()) as server:
        for _ in range(3):
            server.chat()
        server.post(b"{")
        text = server.client.get("/metrics").text
    for line in (
        'stepflow_requests_total{final="verified",outcome="exact",pipeline="kit",rule="count"} 2.0',
        'stepflow_requests_total{final="verified",outcome="miss",pipeline="kit",rule="count"} 1.0',
        'stepflow_tokens_total{kind="completion",pipeline="kit"} 3.0',
        'stepflow_tokens_saved_total{pipeline="kit"} 20.0',
        'stepflow_model_calls_total{pipeline="kit"} 1.0',
        'stepflow_refusals_total{status="400"} 1.0',
        "stepflow_requests_open 0.0",
    ):
        assert line in text, line


def test_a_run_is_written_down_where_the_pipeline_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    with running(tmp_path, model=counting(), pipeline={"trace": {"dir": str(folder), "keep": 5}}) as server:
        written_to = folder / f"{server.chat().headers['x-stepflow-trace']}.json"
        assert eventually(written_to.is_file)
    written = json.loads(written_to.read_text(encoding="utf-8"))
    assert (written["outcome"], written["prompt"]) == ("miss", "count to 3")


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_log_has_a_line_for_each_request_and_no_prompt_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, form: Any
) -> None:
    with caplog.at_level("INFO", "stepflow.server"), running(tmp_path, model=counting(), log=form) as server:
        server.chat()
        server.chat("secret\nrequest id=forged")
    lines = [record.getMessage() for record in caplog.records if "request" in record.getMessage()]
    assert (len(lines), any("secret" in line or "count to" in line for line in lines)) == (2, False)
    if form == "json":
        first = json.loads(lines[0])
        assert (first["event"], first["outcome"], first["tokens"], first["status"]) == ("request", "miss", 10, 200)


def test_a_line_break_in_an_error_is_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "stepflow.server"):
        Log("text").event("x", problem="a\nrequest id=forged")
    assert "\n" not in caplog.records[0].getMessage()


def test_two_processes_on_one_store_make_one_model_call_for_the_same_request(tmp_path: Path) -> None:
    store = {"store": {"path": str(tmp_path / "cache")}}
    models = [counting(), counting()]
    with (
        running(tmp_path, model=models[0], pipeline=store) as one,
        running(tmp_path, model=models[1], pipeline=store) as other,
    ):
        for model in models:
            model.seconds = 0.7
        replies = together(8, lambda number: (one, other)[number % 2].chat())
    assert {reply.json()["choices"][0]["message"]["content"] for reply in replies} == {RIGHT}
    assert len(models[0].calls) + len(models[1].calls) == 1
