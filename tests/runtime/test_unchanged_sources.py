"""What no check can judge is kept only where its source is the same: `unchanged`, and `step.stored`."""

from __future__ import annotations

from pathlib import Path

import pytest
from flowkit import Flow, edited, story

TITLES = r"""
stepflow: 1
kind: rule
id: titles
match: [{type: regex, pattern: '^Translate '}]
constraints:
  texts: {type: json, root: object}
segment: {type: json, by: member}
parse: [{field: entry, type: json, of: member}]
verify:
  - {id: asked, scope: step, type: expr, assert: step.entry.key in texts, on_fail: drop}
  - {id: same, scope: step, type: unchanged, of: 'lookup(texts, step.entry.key)'}
  - {id: all, type: jsonpath, has_keys_from: texts, on_fail: append}
reuse: {min_similarity: 0}
patch: {scope: failing_step}
repair: {max_attempts: 0}
"""

FIRST = 'Translate {"a": "one", "b": "two", "c": "not three"}'
STORED = '{"a": "eins", "b": "zwei", "c": "nicht drei"}'


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    flow = Flow(tmp_path, TITLES)
    assert flow.ask(FIRST, STORED).final == "verified"
    return flow


def test_a_step_whose_source_has_changed_is_asked_for_anew_and_the_others_are_kept(flow: Flow) -> None:
    outcome = flow.ask(FIRST.replace("not three", "three"), '{"c": "drei"}')
    assert (outcome.outcome, outcome.kept, outcome.answer) == ("patch", 2, '{"a": "eins", "b": "zwei", "c": "drei"}')
    assert "it was made from 'not three', and this request says 'three'" in story(outcome)


def test_the_model_may_say_of_another_source_what_another_step_says(flow: Flow) -> None:
    outcome = flow.ask(FIRST.replace("not three", "two"), '{"c": "zwei"}')
    assert outcome.answer == '{"a": "eins", "b": "zwei", "c": "zwei"}'


def test_a_stored_step_that_the_model_repeats_is_not_taken_for_a_new_one(flow: Flow) -> None:
    outcome = flow.ask(FIRST.replace("not three", "three"), '{"c": "nicht drei"}', STORED.replace("nicht ", ""))
    assert (outcome.outcome, outcome.skip_reason) == ("skip_reuse", "patch-failed")
    assert outcome.answer == STORED.replace("nicht ", "")


def test_a_new_text_is_asked_for_alone_and_one_that_is_gone_is_dropped(flow: Flow) -> None:
    more = flow.ask(FIRST.replace("}", ', "d": "four"}'), '{"d": "vier"}')
    assert (more.outcome, more.kept, more.answer) == ("patch", 3, STORED.replace("}", ', "d": "vier"}'))
    fewer = flow.ask('Translate {"a": "one", "c": "not three"}')
    assert (fewer.outcome, fewer.calls, fewer.answer) == ("rewrite", 0, '{"a": "eins", "c": "nicht drei"}')


def test_texts_that_change_places_are_no_longer_the_source_of_their_steps(flow: Flow) -> None:
    outcome = flow.ask('Translate {"a": "two", "b": "one", "c": "not three"}', '{"a": "zwei", "b": "eins"}')
    assert (outcome.kept, outcome.answer) == (1, '{"a": "zwei", "b": "eins", "c": "nicht drei"}')


def test_a_patched_answer_is_a_stored_one_for_the_next_request(flow: Flow) -> None:
    flow.ask(FIRST.replace("not three", "three"), '{"c": "drei"}')
    outcome = flow.ask(FIRST.replace("not three", "four"), '{"c": "vier"}')
    assert (outcome.outcome, outcome.answer) == ("patch", '{"a": "eins", "b": "zwei", "c": "vier"}')


def test_what_a_rewriter_makes_of_a_stored_step_is_stored_still(tmp_path: Path) -> None:
    """'not 3' for 'not 4' may be put in; whether it is right then, nobody knows."""
    rule = edited(TITLES, rewrite=[{"type": "substitute"}])
    flow = Flow(tmp_path, rule)
    flow.ask('Translate {"a": "up to 3 men"}', '{"a": "bis zu 3 Mann"}')
    outcome = flow.ask('Translate {"a": "over 4 men"}', '{"a": "mehr als 4 Mann"}')
    assert (outcome.calls, outcome.answer) == (1, '{"a": "mehr als 4 Mann"}')


def test_of_the_answer_as_a_whole_no_step_may_be_stored_when_the_source_has_changed(tmp_path: Path) -> None:
    check = {"id": "same", "type": "unchanged", "of": "texts", "on_fail": "skip_reuse"}
    looked_at = {"scope": "step", "type": "expr", "assert": "step.entry.value is string"}
    flow = Flow(tmp_path, edited(TITLES, verify=[looked_at, check]))
    flow.ask(FIRST, STORED)
    assert flow.ask(FIRST + " ").outcome == "reuse"
    changed = flow.ask(FIRST.replace("not ", ""), STORED.replace("nicht ", ""))
    assert (changed.skip_reason, changed.calls) == ("same", 1)


@pytest.mark.parametrize("source", ["rest", "nth([1], step.index)"])
def test_a_source_that_is_not_known_of_both_requests_has_changed(tmp_path: Path, source: str) -> None:
    check = {"id": "same", "scope": "step", "type": "unchanged", "of": source, "on_fail": "skip_reuse"}
    others = [{"id": "all", "type": "jsonpath", "has_keys_from": "texts"}]
    flow = Flow(tmp_path, edited(TITLES, verify=[check, *others]))
    flow.ask(FIRST, STORED)
    outcome = flow.ask(FIRST + " ", STORED)
    assert (outcome.outcome, outcome.calls) == ("skip_reuse", 1)


def test_a_step_says_whether_it_is_stored(tmp_path: Path) -> None:
    check = {"id": "new", "scope": "step", "type": "expr", "assert": "not step.stored", "on_fail": "skip_reuse"}
    rule = edited(TITLES, verify=[check, {"type": "jsonpath", "has_keys_from": "texts"}])
    flow = Flow(tmp_path, rule)
    assert flow.ask(FIRST, STORED).final == "verified"
    assert flow.ask(FIRST.replace("not ", ""), STORED.replace("nicht ", "")).outcome == "skip_reuse"
