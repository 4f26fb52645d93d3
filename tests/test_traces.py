"""Traces: written whole, kept in number, read back by the beginning of an id."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, Flow, edited

from stepflow import traces
from stepflow.errors import UsageError
from stepflow.model import Request


def trace(prompt: str = "hello", **more: Any) -> dict[str, Any]:
    return {"prompt": prompt, "journal": [], **more}


def test_a_trace_tells_what_was_asked_served_and_decided(tmp_path: Path) -> None:
    outcome = Flow(tmp_path, edited(COUNT, let={"half": "last / 2"})).ask("count to 3", "1\n2\n3", system="Be brief.")
    request = Request.of("count to 3")
    told = json.loads(json.dumps(traces.describe(request, outcome, "p.yaml")))
    assert (told["pipeline"], told["prompt"], told["answer"]) == ("p.yaml", "count to 3", "1\n2\n3")
    assert (told["constraints"], told["let"]) == ({"last": 3}, {"half": 1.5})
    assert (told["outcome"], told["calls"], told["completion_tokens"]) == ("miss", 1, 3)
    assert [event["stage"] for event in told["journal"]][:3] == ["exact", "extract", "retrieve"]
    assert told["journal"][3]["data"]["sent"][0] == {"role": "system", "content": "Be brief."}


def test_the_newest_are_kept_and_the_newest_is_read_first(tmp_path: Path) -> None:
    for number in range(5):
        traces.write(str(tmp_path), 3, f"a{number}", trace(str(number)))
    assert [each["id"] for each in traces.listing(str(tmp_path))] == ["a4", "a3", "a2"]
    assert traces.read(str(tmp_path))["prompt"] == "4"
    assert not list(tmp_path.glob(".*")), "no draft is left behind"


def test_a_trace_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    for name in ("abc", "abd", "xyz"):
        traces.write(str(tmp_path), 9, name, trace())
    assert traces.read(str(tmp_path), "x")["id"] == "xyz"
    for wanted, said in (("ab", "2 traces begin with 'ab'"), ("q", "no trace begins with 'q'")):
        with pytest.raises(UsageError, match=said):
            traces.read(str(tmp_path), wanted)


def test_without_traces_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no traces in"):
        traces.read(str(tmp_path / "nowhere"))
    assert traces.listing(str(tmp_path / "nowhere")) == []


@pytest.mark.parametrize("damage", ["", "{", "[1, 2]", "null", "\udc80"])
def test_a_damaged_trace_is_left_out_of_the_list_and_named_when_asked_for(tmp_path: Path, damage: str) -> None:
    traces.write(str(tmp_path), 9, "good", trace())
    (tmp_path / "z.json").write_bytes(damage.encode("utf-8", "surrogateescape"))
    assert [each["id"] for each in traces.listing(str(tmp_path))] == ["good"]
    with pytest.raises(UsageError, match="cannot be read"):
        traces.read(str(tmp_path), "z")


@pytest.mark.parametrize("text", ["é 😀", "half a pair \ud83d", "\x00\x1b"])
def test_any_text_can_be_written_and_read(tmp_path: Path, text: str) -> None:
    traces.write(str(tmp_path), 9, "a", trace(text))
    assert traces.read(str(tmp_path))["prompt"] == text


@pytest.mark.parametrize("what", [{"odd": object()}, {"odd": {1, 2}}])
def test_what_cannot_be_written_costs_no_answer(tmp_path: Path, what: dict[str, Any]) -> None:
    traces.write(str(tmp_path), 9, "a", trace(**what))
    assert traces.listing(str(tmp_path)) == []
    assert not list(tmp_path.iterdir())


def test_threads_write_side_by_side(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for round_ in range(20):
            traces.write(str(tmp_path), 10, f"{number}-{round_:02}", trace())

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(traces.listing(str(tmp_path))) in (10, 11)  # an eighth more, until somebody looks


def test_a_trace_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    traces.write(str(folder), 9, "a", trace())
    assert folder.stat().st_mode & 0o077 == 0
