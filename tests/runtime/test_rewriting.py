"""Rewriting in the flow: before any model call, verified like anything else, and counted for what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flowkit import Flow, edited, story

from stepflow.plan import STAGES
from stepflow.runtime import rewrite

DOUBLE = r"""
stepflow: 1
kind: rule
id: double
match: [{type: keywords, words: [double]}]
constraints:
  number: {type: regex, pattern: '\d+', as: integer, find: only}
let: {twice: 2 * number, thrice: 3 * number}
segment: lines
parse: [{field: n, type: regex, pattern: '\d+', as: integer, find: last}]
verify:
  - {id: start, scope: step, type: expr, when: step.index == 1, assert: step.n == number}
  - {id: end, scope: step, type: expr, when: step.index > 1, assert: step.n == twice}
  - {id: stale, type: no_stale_values}
rewrite: [{type: substitute, constraints: [number, twice]}]
patch: {scope: failing_region}
repair: {max_attempts: 0}
"""


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    return Flow(tmp_path, DOUBLE)


def test_old_values_become_new_ones_without_a_call(flow: Flow) -> None:
    flow.ask("double 4", "take 4\ntwice is 8")
    outcome = flow.ask("double 7")
    assert (outcome.outcome, outcome.final, outcome.origin, outcome.calls) == ("rewrite", "verified", "rewrite", 0)
    assert (outcome.answer, outcome.kept, outcome.rewritten) == ("take 7\ntwice is 14", 0, 2)
    assert outcome.failed_steps == (1, 2)
    assert "becomes 'take 7'" in story(outcome)


def test_a_rewritten_answer_is_stored_and_served_as_such(flow: Flow) -> None:
    flow.ask("double 4", "take 4\ntwice is 8")
    first = flow.ask("double 7")
    assert [flow.ask(prompt).outcome for prompt in ("double 7", "please double 7")] == ["exact", "reuse"]
    assert {record.id: record.origin for record in flow.records}[first.record or ""] == "rewrite"


def test_what_is_rewritten_from_a_deterministic_answer_stays_marked(flow: Flow) -> None:
    flow.store("double 4", "take 4\ntwice is 8", origin="fallback")
    outcome = flow.ask("double 7")
    assert (outcome.outcome, outcome.final, outcome.origin) == ("rewrite", "fallback", "fallback")


def test_what_no_rewriter_can_mend_is_patched_and_the_rest_is_counted_apart(flow: Flow) -> None:
    flow.store("double 4", "take 4\ntwice is 8\nso it is nine: 9\nyes, 8")
    outcome = flow.ask("double 7", "so it is 14")
    assert (outcome.outcome, outcome.calls) == ("patch", 1)
    assert outcome.answer == "take 7\ntwice is 14\nso it is 14\nyes, 14"
    assert (outcome.rewritten, outcome.kept, outcome.patched) == (3, 0, 1)


def test_steps_that_are_rewritten_and_then_patched_away_count_as_patched(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(DOUBLE, patch={"scope": "whole"}))
    flow.store("double 4", "take 4\ntwice is 8\nso it is nine: 9")
    outcome = flow.ask("double 7", "take 7\ntwice: 14")
    assert (outcome.outcome, outcome.rewritten, outcome.kept, outcome.patched) == ("patch", 0, 0, 2)


def test_without_the_stage_nothing_is_rewritten(tmp_path: Path) -> None:
    flow = Flow(tmp_path, DOUBLE, stages=[stage for stage in STAGES if stage != "rewrite"])
    flow.ask("double 4", "take 4\ntwice is 8")
    outcome = flow.ask("double 7", "take 7\ntwice is 14")
    assert (outcome.outcome, outcome.rewritten) == ("patch", 0)


def test_a_refused_candidate_is_not_rewritten(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(DOUBLE, reuse={"skip_when": [{"type": "constraint_changed", "names": ["number"]}]}))
    flow.ask("double 4", "take 4\ntwice is 8")
    outcome = flow.ask("double 7", "take 7\ntwice is 14")
    assert (outcome.outcome, outcome.skip_reason) == ("skip_reuse", "constraint_changed")


COUPLED = r"""
stepflow: 1
kind: rule
id: sum
match: [{type: keywords, words: [sum]}]
constraints:
  number: {type: regex, pattern: '\d+', as: integer, find: only}
let: {twice: 2 * number}
segment: lines
parse: [{field: n, type: regex, pattern: '\d+', as: integer, find: last}]
verify:
  - {id: first, scope: step, type: expr, when: step.index == 1, assert: 'step.n == number and steps[1].n == twice'}
  - {id: second, scope: step, type: expr, when: step.index == 2, assert: 'step.n == twice and steps[0].n == number'}
  - {id: stale, type: no_stale_values}
rewrite: [{type: substitute, constraints: [number, twice]}]
repair: {max_attempts: 0}
"""


def test_steps_that_only_pass_together_are_rewritten_together(tmp_path: Path) -> None:
    flow = Flow(tmp_path, COUPLED)
    flow.ask("sum 4", "take 4\ntwice is 8")
    outcome = flow.ask("sum 7")
    assert (outcome.outcome, outcome.answer) == ("rewrite", "take 7\ntwice is 14")


def test_of_several_candidates_the_model_s_is_rewritten_before_a_fallback_s(flow: Flow) -> None:
    flow.store("double 4", "take 4\ntwice is 8")
    flow.store("double 5", "take 5\ntwice is 10", origin="fallback")
    outcome = flow.ask("double 7")
    assert (outcome.outcome, outcome.final, outcome.answer) == ("rewrite", "verified", "take 7\ntwice is 14")


def test_a_candidate_that_rewriting_cannot_mend_does_not_hide_one_that_it_can(flow: Flow) -> None:
    flow.store("double 4", "take 4\ntwice is 8")
    flow.store("double 5", "take 5\nso it is nine: 9")
    outcome = flow.ask("double 7")
    assert (outcome.outcome, outcome.answer) == ("rewrite", "take 7\ntwice is 14")
    assert "fails as it is stored" in story(outcome)


def test_the_search_for_proposals_is_bounded_for_a_request(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    verified = 0
    original = rewrite.step_passes

    def counted(*arguments: Any) -> bool:
        nonlocal verified
        verified += 1
        return original(*arguments)

    monkeypatch.setattr(rewrite, "step_passes", counted)
    for number in range(10, 15):
        flow.store(f"double {number}", f"take {number}\n" + f"{number} {2 * number} " * 8 + "is 999")
    flow.ask("double 7", "take 7\ntwice is 14")
    assert 0 < verified <= rewrite.MAX_PROPOSALS + 20  # one more for each step as it is


SUM = r"""
stepflow: 1
kind: rule
id: sum
match: [{type: keywords, words: [work out]}]
constraints:
  sum: {type: regex, pattern: 'work out (?P<value>[\d +*]+)'}
verify:
  - {id: same, type: expr, assert: 'sum in output'}
  - {id: nothing-more, type: regex, pattern: 'take [\d +*]+\Z'}
rewrite: [{type: substitute}]
repair: {max_attempts: 0}
"""


def test_of_many_of_one_wording_those_of_the_same_form_are_candidates(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(SUM, reuse={"min_similarity": 0.99}))  # likeness shall find none
    flow.store("work out 3 + 4", "take 3 + 4")
    for number in range(10):
        flow.store(f"work out {number} * 2 * 3", f"give {number} times six")
    outcome = flow.ask("work out 5 + 6")
    assert (outcome.outcome, outcome.answer) == ("rewrite", "take 5 + 6")
