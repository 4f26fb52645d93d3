"""`stream: steps`: what may be handed on while the model is still writing, and what becomes of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, Flow, edited
from hypothesis import given
from hypothesis import strategies as st

from stepflow.catalog import registry
from stepflow.engine import make_request
from stepflow.errors import UnverifiedAnswer
from stepflow.model import Outcome, Usage
from stepflow.protocols import Completion, GrowingSegmenter
from stepflow.runtime.drivers import perform
from stepflow.runtime.effects import Generate, Generated, Reply
from stepflow.runtime.interpreter import interpret
from stepflow.runtime.journal import Journal

STREAMED = edited(COUNT, stream="steps")
GROWING = ("lines", "numbered", "paragraphs", "sentences")


def segmenter(name: str) -> GrowingSegmenter:
    plug = registry().get("segmenter", name)
    built = plug.build(plug.Options(), None)
    assert isinstance(built, GrowingSegmenter)
    return built


class Told:
    """What was handed on while replies were being written, character by character."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.asked: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def ask(self, folder: Path, prompt: str, *replies: str | Completion, rule: str = STREAMED) -> Outcome:
        """Answer a prompt; whoever drives shows each reply as it grows."""
        flow, left = Flow(folder, rule), list(replies)
        interpretation = interpret(flow.pipeline.plan, make_request(prompt), Journal())
        reply: Reply | None = None
        while True:
            try:
                effect = next(interpretation) if reply is None else interpretation.send(reply)
            except StopIteration as end:
                assert not left
                return end.value  # type: ignore[no-any-return]
            if isinstance(effect, Generate):
                self.asked.append(effect.call.messages[-1].content)
                reply = Generated(self._written(effect, left.pop(0)), 0.0)
            else:
                reply = perform(effect, flow.pipeline.archive)

    def _written(self, effect: Generate, said: str | Completion) -> Completion:
        completion = said if isinstance(said, Completion) else Completion(said, Usage(1, 1))
        for end in range(1, len(completion.text) + 1) if effect.watch is not None else ():
            part = effect.watch.ready(completion.text[:end])
            if part:
                self.parts.append(part)
        return completion


@pytest.mark.parametrize("name", GROWING)
@given(data=st.data())
def test_settled_pieces_are_those_of_the_whole_text(name: str, data: Any) -> None:
    alphabet = st.sampled_from(
        ["1", "2", ".", ")", " ", "\n", "\r", "a", "B", "Step ", "1. ", "2. ", "e.g. ", "\n\n", "*", "!", '"']
    )
    text = "".join(data.draw(st.lists(alphabet, max_size=25)))
    end = data.draw(st.integers(0, len(text)))
    cut = segmenter(name)
    settled = list(cut.settled(text[:end]))
    assert settled == list(cut.segment(text))[: len(settled)]


@pytest.mark.parametrize(
    ("name", "text", "settled"),
    [
        ("lines", "one\ntwo", ["one"]),
        ("lines", "one\n", []),
        ("paragraphs", "one\ntwo\n\nthree", ["one\ntwo"]),
        ("numbered", "1. one\n2. ", ["1. one"]),
        ("numbered", "1. one\n2.", []),  # it may become 2.5
        ("numbered", "one\ntwo\nthree", []),  # a number may follow yet
        ("sentences", "It is. So", ["It is."]),
    ],
)
def test_a_step_is_settled_once_the_next_begins(name: str, text: str, settled: list[str]) -> None:
    assert [piece.text for piece in segmenter(name).settled(text)] == settled


def test_each_step_is_handed_on_when_it_is_verified_and_the_rest_with_the_whole(tmp_path: Path) -> None:
    told = Told()
    outcome = told.ask(tmp_path, "count to 3", "1\n2\n3")
    assert told.parts == ["1\n", "2\n"]
    assert (outcome.answer, outcome.final, outcome.origin) == ("1\n2\n3", "verified", "model")
    assert outcome.record is not None


def test_a_step_that_fails_holds_back_itself_and_all_behind_it(tmp_path: Path) -> None:
    told = Told()
    outcome = told.ask(tmp_path, "count to 4", "1\n2\n7\n4", "3\n4")
    assert told.text == "1\n2\n"
    assert told.asked[1] == "Keep 1\n2. Go on from 3 to 4."
    assert (outcome.answer, outcome.final, outcome.origin, outcome.calls) == ("1\n2\n3\n4", "verified", "repair", 2)


def test_what_was_handed_on_is_never_changed_by_a_mended_answer(tmp_path: Path) -> None:
    told = Told()
    with pytest.raises(UnverifiedAnswer, match="2 steps were sent already, and no answer that begins with them"):
        told.ask(tmp_path, "count to 3", "1\n2\n4", "1.\n2.\n3.\n")
    assert told.text == "1\n2\n"


def test_a_fallback_of_another_form_goes_on_behind_what_was_handed_on(tmp_path: Path) -> None:
    rule = edited(STREAMED, fallback={"type": "template", "text": "01\n02\n03"})
    told = Told()
    outcome = told.ask(tmp_path, "count to 3", "1\n2\n4", "no", rule=rule)
    assert (told.text, outcome.answer, outcome.final) == ("1\n2\n", "1\n2\n03", "fallback")


@pytest.mark.parametrize(
    "text",
    [
        "3",  # wrong in itself
        "1, 2, 3",  # right as a whole, and nothing in it comes behind two steps
        "1\n2 and 3",  # the same with too few steps
    ],
)
def test_a_fallback_that_does_not_go_on_behind_what_was_handed_on_is_not_served(tmp_path: Path, text: str) -> None:
    told = Told()
    with pytest.raises(UnverifiedAnswer):
        told.ask(
            tmp_path, "count to 3", "1\n2\n4", "no", rule=edited(STREAMED, fallback={"type": "template", "text": text})
        )
    assert told.text == "1\n2\n"


def test_a_fallback_that_goes_on_where_it_stopped_is_served(tmp_path: Path) -> None:
    rule = edited(STREAMED, fallback={"type": "template", "text": "1\n2\n3"})
    told = Told()
    outcome = told.ask(tmp_path, "count to 3", "1\n2\n4", "no", rule=rule)
    assert (told.text, outcome.answer, outcome.final) == ("1\n2\n", "1\n2\n3", "fallback")


def test_missing_steps_are_asked_for_behind_those_that_were_handed_on(tmp_path: Path) -> None:
    checks = [
        {"id": "in-order", "scope": "step", "type": "expr", "assert": "step.n == step.index"},
        {"id": "ends-right", "type": "expr", "assert": "answer.value == last", "on_fail": "append"},
    ]
    told = Told()
    outcome = told.ask(tmp_path, "count to 4", "1\n2\n3", "4", rule=edited(STREAMED, verify=checks))
    assert (told.text, outcome.answer, outcome.final) == ("1\n2\n", "1\n2\n3\n4", "verified")


def test_an_answer_that_was_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    told = Told()
    cut_off = Completion("1\n2\n3\n", Usage(1, 1), "length")
    outcome = told.ask(tmp_path, "count to 4", cut_off, "3\n4")
    assert (told.text, outcome.answer, outcome.final) == ("1\n2\n", "1\n2\n3\n4\n", "verified")


def test_nothing_is_handed_on_of_a_rule_that_streams_the_whole(tmp_path: Path) -> None:
    told = Told()
    outcome = told.ask(tmp_path, "count to 3", "1\n2\n3", rule=COUNT)
    assert (told.parts, outcome.final) == ([], "verified")


def test_a_check_that_needs_to_know_how_many_steps_there_are_waits_for_the_whole(tmp_path: Path) -> None:
    checks = [
        {"id": "in-order", "scope": "step", "type": "expr", "assert": "step.n == step.index and step.count <= last"},
        {"id": "ends-right", "type": "expr", "assert": "answer.value == last"},
    ]
    told = Told()
    outcome = told.ask(tmp_path, "count to 3", "1\n2\n3", rule=edited(STREAMED, verify=checks))
    assert (told.parts, outcome.final) == ([], "verified")


def test_a_step_that_no_check_looks_at_is_not_handed_on(tmp_path: Path) -> None:
    checks = [
        {"id": "in-order", "scope": "step", "type": "expr", "when": "step.index > 1", "assert": "step.n == step.index"},
        {"id": "ends-right", "type": "expr", "assert": "answer.value == last"},
    ]
    told = Told()
    told.ask(tmp_path, "count to 3", "1\n2\n3", rule=edited(STREAMED, verify=checks))
    assert told.parts == []
