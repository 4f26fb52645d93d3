"""A shadowed run serves the model's answer, stores nothing, and says what would have come."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from flowkit import COUNT, Flow, edited, story

from stepflow.errors import BackendError

REWRITING = edited(
    COUNT,
    drop=("patch", "parse"),
    verify=[{"id": "right", "type": "expr", "assert": "answer.value == last"}],
    rewrite=["substitute"],
)
MODEL = "what the model says"


@pytest.mark.parametrize(
    ("rule", "stored", "prompt", "shadow"),
    [
        (COUNT, {"count to 3": "1\n2\n3"}, "count to 3", "exact"),
        (COUNT, {"count to 3": "1\n2\n3"}, "please count to 3", "reuse"),
        (COUNT, {"count to 3": "1\n2\n3"}, "count to 5", "patch"),
        (COUNT, {}, "count to 3", "model"),
        (COUNT, {"count to 3": "1\n2\n3"}, "count sheep to 3", "model"),
        (COUNT, {}, "say hi", "passthrough"),
        (REWRITING, {"count to 3": "so: 3"}, "count to 4", "rewrite"),
    ],
)
def test_the_shadow_says_what_the_records_would_have_given(
    tmp_path: Path, rule: str, stored: dict[str, str], prompt: str, shadow: str
) -> None:
    flow = Flow(tmp_path, rule)
    for asked, answer in stored.items():
        assert flow.ask(asked, answer).final == "verified"
    before = flow.records
    outcome = flow.ask(prompt, MODEL, shadow=True)
    assert (outcome.answer, outcome.outcome, outcome.final, outcome.shadow) == (
        MODEL, "passthrough", "unverified", shadow,
    )  # fmt: skip
    assert (outcome.calls, outcome.record, flow.records) == (1, None, before)
    assert shadow in story(outcome)
    again = flow.ask(prompt, MODEL, shadow=True)
    assert again.shadow == shadow  # nothing was learnt from the first time


def test_a_shadowed_run_notes_the_answer_that_would_have_been_served(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.ask("count to 3", "1\n2\n3")
    outcome = flow.ask("please count to 3", MODEL, shadow=True)
    assert [event.data["answer"] for event in outcome.journal if event.stage == "shadow"] == ["1\n2\n3"]


def test_it_is_the_same_without_blocking(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.ask("count to 3", "1\n2\n3")
    outcome = asyncio.run(flow.aask("count to 3", MODEL, shadow=True))
    assert (outcome.answer, outcome.shadow) == (MODEL, "exact")


def test_where_an_error_would_have_come_the_model_answers_all_the_same(tmp_path: Path) -> None:
    outcome = Flow(tmp_path, route={"no_match": "error"}).ask("say hi", MODEL, shadow=True)
    assert (outcome.answer, outcome.shadow) == (MODEL, "error")


def test_a_hit_does_not_stand_in_for_a_model_that_fails(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.ask("count to 3", "1\n2\n3")
    with pytest.raises(BackendError):
        flow.ask("count to 3", shadow=True)
