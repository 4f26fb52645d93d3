"""The interpreter without any world: its effects are answered from a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flowkit import COUNT, Flow, edited

from stepflow.model import Outcome, Record, Request, Usage
from stepflow.protocols import Candidate, Completion, Nomination
from stepflow.records import decode_answered, encode_record
from stepflow.runtime.effects import Effect, Generate, Generated, Link, Looked, Lookup, Nominate, Reply, Save, Saved
from stepflow.runtime.interpreter import interpret
from stepflow.runtime.journal import Journal
from stepflow.runtime.record import request_key

RIGHT = "1\n2\n3"
NOTHING: list[Reply] = [Looked(None), Nomination()]


def said(text: str, seconds: float = 0.5, finish_reason: str = "stop") -> Generated:
    return Generated(Completion(text, Usage(7, 5), finish_reason, "a-model"), seconds)


def play(flow: Flow, prompt: str, replies: list[Reply]) -> tuple[list[Effect], Outcome]:
    """What the interpreter asked of the world, and its outcome."""
    flow_of = interpret(flow.pipeline.plan, Request.of(prompt), Journal())
    asked = [next(flow_of)]
    for reply in replies:
        try:
            asked.append(flow_of.send(reply))
        except StopIteration as end:
            assert reply is replies[-1], "a reply was not used"
            outcome: Outcome = end.value
            return asked, outcome
    raise AssertionError(f"the world was asked for more: {asked[-1]}")


def test_a_miss_looks_up_nominates_generates_and_saves(tmp_path: Path) -> None:
    asked, outcome = play(Flow(tmp_path), "count to 3", [*NOTHING, said(RIGHT), Saved("r1")])
    assert [type(effect) for effect in asked] == [Lookup, Nominate, Generate, Save]
    assert (outcome.record, outcome.calls, outcome.usage, outcome.outcome) == ("r1", 1, Usage(7, 5), "miss")
    saved = asked[-1]
    assert isinstance(saved, Save)
    assert (saved.record.id, saved.record.model, saved.record.usage) == ("", "a-model", Usage(7, 5))
    assert saved.record.answer == RIGHT


def stored(flow: Flow, prompt: str = "count to 3", answer: str = RIGHT) -> Record:
    return flow.store(prompt, answer)


def test_an_exact_hit_asks_one_thing_only(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    asked, outcome = play(flow, "count to 3", [Looked(decode_answered(encode_record(stored(flow))))])
    assert [type(effect) for effect in asked] == [Lookup]
    assert outcome.outcome == "exact"


def test_a_reuse_links_the_request_to_the_record(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    record = stored(flow)
    nominated = Nomination((Candidate(record, "signature"),))
    asked, outcome = play(flow, "please count to 3", [Looked(None), nominated, Saved(record.id)])
    key = request_key(flow.pipeline.plan.sources, Request.of("please count to 3"))
    assert asked[-1] == Link(key, record.id)
    assert outcome.outcome == "reuse"


@pytest.mark.parametrize(
    ("name", "world", "expected"),
    [
        ("lookup", lambda record: [Looked(None, ("the row is odd",)), Nomination(), said(RIGHT), Saved("r")], "is odd"),
        ("nominate", lambda record: [Looked(None), Nomination((), ("torn",)), said(RIGHT), Saved("r")], "torn"),
        ("save", lambda record: [*NOTHING, said(RIGHT), Saved(None, "not stored: full")], "not stored: full"),
        (
            "link",
            lambda record: [Looked(None), Nomination((Candidate(record, "x"),)), Saved(None, "not stored: full")],
            "not stored: full",
        ),
    ],
)
def test_whatever_the_store_says_stands_in_the_journal_and_costs_no_answer(
    tmp_path: Path, name: str, world: Callable[[Record], list[Reply]], expected: str
) -> None:
    flow = Flow(tmp_path)
    _, outcome = play(flow, "please count to 3", world(stored(flow)))
    assert (outcome.answer, outcome.final) == (RIGHT, "verified")
    assert expected in " ".join(event.message for event in outcome.journal), name


def test_time_in_model_calls_is_bounded_and_each_call_gets_what_is_left(tmp_path: Path) -> None:
    rule = edited(COUNT, repair={"max_attempts": 5}, fallback={"type": "template", "text": RIGHT})
    flow = Flow(tmp_path, rule, limits={"wall_time": "10s"})
    asked, outcome = play(flow, "count to 3", [*NOTHING, said("1", 4), said("2", 5), said("3", 2), Saved("r")])
    timeouts = [effect.call.timeout_s for effect in asked if isinstance(effect, Generate)]
    assert timeouts == [10, 6, 1]
    assert (outcome.final, outcome.calls, outcome.usage) == ("fallback", 3, Usage(21, 15))
    assert "limit of 10 s" in " ".join(event.message for event in outcome.journal)


def test_a_record_without_steps_is_never_served(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    empty = replace(stored(flow), steps=())
    nominated = Nomination((Candidate(empty, "signature"),))
    _, outcome = play(flow, "please count to 3", [Looked(None), nominated, Nomination(), said(RIGHT), Saved("r")])
    assert (outcome.outcome, outcome.answer) == ("skip_reuse", RIGHT)


def test_the_same_replies_give_the_same_outcome(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    nominated = Nomination((Candidate(stored(flow), "signature"),))
    worlds: list[list[Reply]] = [
        [*NOTHING, said("1\n2\n3\n4"), Saved("r1")],
        [*NOTHING, said("1\n7")],
        [Looked(None), nominated, Nomination(), said("3\n4"), Saved("r2")],
    ]
    for world in worlds:
        assert play(flow, "count to 4", world) == play(flow, "count to 4", world)
