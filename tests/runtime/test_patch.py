"""Patches: which steps are regenerated, what the model is asked, and how its reply is fitted in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, Flow, edited, story

from stepflow.errors import RateLimited
from stepflow.model import Message
from stepflow.runtime.patch import Region, find_region
from stepflow.runtime.verify import Examination

NUMBERED = r"""
stepflow: 1
kind: rule
id: tour
match: [{type: keywords, words: [tour]}]
constraints:
  towns: {type: regex, pattern: '\bby\s+(?P<value>[\w, ]+)', split: ',\s*'}
segment: numbered
parse: [{field: town, type: regex, pattern: '[A-Z]\w+'}]
verify:
  - {id: in-order, scope: step, type: expr, assert: 'step.town == towns[step.index - 1]'}
  - {id: all-of-them, type: expr, assert: '(steps | length) == (towns | length)'}
reuse: {min_similarity: 0, ignore: [grand]}
patch: {scope: failing_region}
repair: {max_attempts: 0}
"""

MEMBERS = r"""
stepflow: 1
kind: rule
id: form
match: [{type: keywords, words: [form]}]
constraints:
  keys: {type: regex, pattern: '\bwith\s+(?P<value>[\w, ]+)', split: ',\s*'}
segment: {type: json, by: member}
parse: [{field: key, type: regex, pattern: '"(?P<value>\w+)"\s*:'}]
verify:
  - {id: asked, scope: step, type: expr, assert: step.key in keys}
  - {id: whole, type: json}
reuse: {guard: none, min_similarity: 0}
patch: {scope: failing_region}
repair: {max_attempts: 0}
"""

CACHED = "1\n2\n8\n4\n9\n6"
RIGHT = "1\n2\n3\n4\n5\n6"


def scoped(scope: str) -> str:
    return edited(COUNT, patch={"scope": scope})


@pytest.mark.parametrize(
    ("scope", "reply", "kept", "patched"),
    [
        ("from_first_failure", "3\n4\n5\n6", 2, 4),
        ("failing_region", "3\n4\n5", 3, 3),
        ("failing_step", "3\n4\n5", 4, 2),  # the step between says what it said before
        ("whole", RIGHT, 0, 6),
    ],
)
def test_a_scope_says_which_steps_are_regenerated(
    tmp_path: Path, scope: str, reply: str, kept: int, patched: int
) -> None:
    flow = Flow(tmp_path, scoped(scope))
    flow.store("count to 6", CACHED)
    outcome = flow.ask("count to 6", reply)
    assert (outcome.outcome, outcome.answer, outcome.final) == ("patch", RIGHT, "verified")
    assert (outcome.kept, outcome.patched, outcome.failed_steps) == (kept, patched, (3, 5))
    origins = [step.origin for step in flow.records[-1].steps]
    assert (origins.count("model"), origins.count("patch")) == (kept, patched)


def test_when_only_the_whole_fails_the_last_step_is_to_blame() -> None:
    examination = Examination((*[object()] * 4,), ())  # type: ignore[arg-type]
    assert find_region("failing_region", examination) == Region((4,), 4)
    assert find_region("failing_step", examination) == Region((4,), 4)
    assert find_region("from_first_failure", examination) == Region((4,), 4)
    assert find_region("whole", examination) == Region((1, 2, 3, 4), 4)


def test_failing_steps_that_lie_apart_are_asked_for_in_one_call_and_the_steps_between_are_kept(tmp_path: Path) -> None:
    flow = Flow(tmp_path, scoped("failing_step"))
    flow.store("count to 6", CACHED)
    outcome = flow.ask("count to 6", "3\n5")
    assert (outcome.outcome, outcome.answer, outcome.kept, outcome.patched) == ("patch", RIGHT, 4, 2)
    assert [step.origin for step in flow.records[-1].steps] == ["model", "model", "patch", "model", "patch", "model"]


PRICES = r"""
stepflow: 1
kind: rule
id: prices
match: [{type: keywords, words: [price]}]
constraints:
  goods: {type: list, after: '\bprice', find: only}
let:
  columns: "['item', 'price']"
  how_many: length(goods)
segment: markdown_table
parse: [{field: item, type: regex, pattern: '^\|\s*(?P<value>[a-z]+)\s*\|\s*\d+\s*\|$', optional: true}]
answer: {type: markdown_table}
verify:
  - {id: header, scope: step, type: expr, when: step.index == 1, assert: "lines(step.text)[0] == '| item | price |'"}
  - {id: asked-for, scope: step, type: expr, when: step.index > 1, assert: 'step.item == nth(goods, step.index - 1)'}
  - {id: table, type: markdown_table, columns_from: columns, rows_from: how_many, on_fail: append}
reuse: {guard: none, min_similarity: 0}
patch: {prompt: 'Have: {{ kept_steps }}. Add the rows for {{ goods }} that are missing.'}
repair: {max_attempts: 0}
"""
TEA = "| item | price |\n|---|---|\n| tea | 3 |"


@pytest.mark.parametrize(
    "reply",
    [
        "| jam | 4 |\n| rice | 2 |",
        "Here are the rows:\n\n| jam | 4 |\n| rice | 2 |",
        "| item | price |\n| jam | 4 |\n| rice | 2 |",
        "| item | price |\n|---|---|\n| jam | 4 |\n| rice | 2 |",
        f"{TEA}\n| jam | 4 |\n| rice | 2 |",
    ],
)
def test_a_patch_of_a_table_may_be_rows_alone(tmp_path: Path, reply: str) -> None:
    flow = Flow(tmp_path, PRICES)
    flow.store("price tea, milk", f"{TEA}\n| milk | 9 |")
    outcome = flow.ask("price tea, jam, rice", reply)
    assert (outcome.outcome, outcome.calls) == ("patch", 1), story(outcome)
    assert outcome.answer == f"{TEA}\n| jam | 4 |\n| rice | 2 |"


def test_rows_alone_are_put_behind_a_table_that_lacks_them(tmp_path: Path) -> None:
    flow = Flow(tmp_path, PRICES)
    flow.store("price tea, jam", f"{TEA}\n| jam | 4 |")
    outcome = flow.ask("price tea, jam, rice", "| rice | 2 |")
    assert (outcome.outcome, outcome.calls, outcome.kept) == ("patch", 1, 3), story(outcome)
    assert outcome.answer == f"{TEA}\n| jam | 4 |\n| rice | 2 |"


@pytest.mark.parametrize(
    "reply", ["| jam | 4 |", "| jam | 4 |\n| oats | 2 |", "| jam | 4 |\nand\n| rice | 2 |", "jam: 4", "|"]
)
def test_rows_alone_that_are_not_those_asked_for_make_no_patch(tmp_path: Path, reply: str) -> None:
    flow = Flow(tmp_path, PRICES)
    flow.store("price tea, milk", f"{TEA}\n| milk | 9 |")
    outcome = flow.ask("price tea, jam, rice", reply, f"{TEA}\n| jam | 4 |\n| rice | 2 |")
    assert (outcome.outcome, outcome.calls) == ("skip_reuse", 2), story(outcome)


def test_rows_alone_are_no_answer_where_no_header_is_kept(tmp_path: Path) -> None:
    flow = Flow(tmp_path, PRICES.replace("patch: {", "patch: {scope: whole, "))
    flow.store("price tea, milk", f"{TEA}\n| milk | 9 |")
    outcome = flow.ask("price tea, jam", "| tea | 3 |\n| jam | 4 |", f"{TEA}\n| jam | 4 |")
    assert (outcome.outcome, outcome.calls) == ("skip_reuse", 2), story(outcome)


LISTING = r"""
stepflow: 1
kind: rule
id: packing
match: [{type: keywords, words: [pack]}]
constraints:
  things: {type: regex, pattern: '\bpack\s+(?P<value>[\w, ]+)', split: ',\s*'}
segment: numbered
parse: [{field: thing, type: regex, pattern: '[a-z]+'}]
verify:
  - {id: asked-for, scope: step, type: expr, assert: step.thing in things, on_fail: drop}
  - {id: all-there, type: expr, assert: "(steps | map(attribute='thing') | list) == things", on_fail: append}
reuse: {min_similarity: 0}
patch: {scope: failing_step, prompt: 'Have: {{ kept_steps }}. Add what is missing of {{ things }}.'}
repair: {max_attempts: 0}
"""


@pytest.mark.parametrize(
    ("asked", "kept"),
    [("hat, coat", "1. hat\n2. coat"), ("coat, shoes", "1. coat\n2. shoes"), ("hat, shoes", "1. hat\n2. shoes")],
)
def test_surplus_steps_are_dropped_without_a_call_wherever_they_stand(tmp_path: Path, asked: str, kept: str) -> None:
    flow = Flow(tmp_path, LISTING)
    flow.store("pack hat, coat, shoes", "1. hat\n2. coat\n3. shoes")
    outcome = flow.ask(f"pack {asked}")
    assert (outcome.outcome, outcome.answer, outcome.calls) == ("rewrite", kept, 0)
    assert (outcome.kept, outcome.rewritten) == (2, 0)
    assert "is surplus, and dropped" in story(outcome)


@pytest.mark.parametrize(
    "reply", ["1. hat\n2. tent\n3. coat", "1. tent\n2. hat\n3. coat", "1. hat\n2. coat\n3. tent\n4. stove"]
)
def test_surplus_steps_of_a_fresh_reply_are_dropped_too(tmp_path: Path, reply: str) -> None:
    flow = Flow(tmp_path, LISTING)
    outcome = flow.ask("pack hat, coat", reply)
    assert (outcome.outcome, outcome.final, outcome.answer, outcome.calls) == ("miss", "verified", "1. hat\n2. coat", 1)
    assert "is surplus, and dropped" in story(outcome)
    assert flow.records[-1].answer == "1. hat\n2. coat"


def test_a_fresh_reply_that_fails_without_its_surplus_steps_too_stays_as_it_is(tmp_path: Path) -> None:
    flow = Flow(tmp_path, LISTING)
    outcome = flow.ask("pack hat, coat", "1. tent\n2. coat")
    assert (outcome.final, outcome.answer, flow.records) == ("unverified", "1. tent\n2. coat", [])
    assert {verdict.check for verdict in outcome.verdicts if not verdict.passed} == {"asked-for", "all-there"}
    assert "is surplus" not in story(outcome)


def test_surplus_steps_of_a_patch_are_dropped(tmp_path: Path) -> None:
    flow = Flow(tmp_path, LISTING)
    flow.store("pack hat, shoes", "1. hat\n2. shoes")
    outcome = flow.ask("pack hat, shoes, coat", "3. coat\n4. tent")
    assert (outcome.outcome, outcome.answer) == ("patch", "1. hat\n2. shoes\n3. coat")
    assert (outcome.kept, outcome.patched) == (2, 1)
    assert "patch: step 4 by asked-for: '4. tent' is surplus, and dropped" in story(outcome)


FRAMED = edited(
    COUNT,
    segment="numbered",
    parse=[{"field": "n", "type": "regex", "pattern": r"\A\d+\Z", "as": "integer"}],
    patch={
        "scope": "failing_step",
        "prompt": "Only the number of step {{ step.index }}.",
        "frame": "{{ step.index }}. {{ reply }}",
    },
)


@pytest.mark.parametrize("reply", ["2", " 2\n", "2. 2", "1. 1\n2. 2\n3. 3"])
def test_a_frame_puts_a_reply_that_is_less_than_a_step_into_one(tmp_path: Path, reply: str) -> None:
    flow = Flow(tmp_path, FRAMED)
    flow.store("count to 3", "1. 1\n2. 7\n3. 3")
    outcome = flow.ask("count to 3", reply)
    assert (outcome.outcome, outcome.answer, outcome.kept) == ("patch", "1. 1\n2. 2\n3. 3", 2)


@pytest.mark.parametrize("reply", ["8", "two", "2. 8"])
def test_what_a_frame_makes_is_verified_like_anything_else(tmp_path: Path, reply: str) -> None:
    flow = Flow(tmp_path, FRAMED)
    flow.store("count to 3", "1. 1\n2. 7\n3. 3")
    assert flow.ask("count to 3", reply, "1. 1\n2. 2\n3. 3").skip_reason == "patch-failed"


def test_a_frame_that_cannot_be_written_is_no_patch(tmp_path: Path) -> None:
    patch = {"scope": "failing_step", "frame": "{{ failing[3].text }} {{ reply }}"}
    flow = Flow(tmp_path, edited(COUNT, patch=patch))
    flow.store("count to 3", "1\n7\n3")
    outcome = flow.ask("count to 3", "2", "1\n2\n3")
    assert (outcome.outcome, outcome.skip_reason) == ("skip_reuse", "patch-failed")
    assert "no patch: failing[3]" in story(outcome)


@pytest.mark.parametrize("asked", ["hat, coat, shoes", "coat, hat, shoes", "hat, shoes, coat"])
def test_a_missing_step_is_asked_for_alone_and_put_in_its_place(tmp_path: Path, asked: str) -> None:
    flow = Flow(tmp_path, LISTING)
    flow.store("pack hat, shoes", "1. hat\n2. shoes")
    outcome = flow.ask(f"pack {asked}", "1. coat")
    wanted = "\n".join(f"{number}. {thing}" for number, thing in enumerate(asked.split(", "), start=1))
    assert (outcome.outcome, outcome.answer, outcome.kept, outcome.patched) == ("patch", wanted, 2, 1)


def test_one_step_too_many_and_one_too_few_cost_one_call(tmp_path: Path) -> None:
    flow = Flow(tmp_path, LISTING)
    flow.store("pack hat, coat, shoes", "1. hat\n2. coat\n3. shoes")
    outcome = flow.ask("pack hat, shoes, scarf", "3. scarf")
    assert (outcome.outcome, outcome.answer, outcome.calls) == ("patch", "1. hat\n2. shoes\n3. scarf", 1)
    assert (outcome.kept, outcome.patched) == (2, 1)


def test_what_is_left_over_in_kept_steps_is_looked_for_after_a_patch(tmp_path: Path) -> None:
    rule = edited(
        LISTING,
        constraints={
            "things": {"type": "regex", "pattern": r"\bpack\s+(?P<value>[\w, ]+?)\s+for", "split": r",\s*"},
            "who": {"type": "regex", "pattern": r"\bfor\s+(?P<value>\w+)"},
        },
        verify=[
            {"id": "asked-for", "scope": "step", "type": "expr", "assert": "step.thing in things"},
            {"id": "nothing-left-over", "type": "no_stale_values"},
            {"id": "guards", "type": "expr", "assert": "who != ''"},
        ],
    )
    flow = Flow(tmp_path, rule)
    flow.store("pack hat, coat for Ada", "1. hat of Ada\n2. coat")
    outcome = flow.ask("pack hat, shoes for Bob", "2. shoes", "1. hat\n2. shoes")
    assert (outcome.outcome, outcome.skip_reason) == ("skip_reuse", "patch-failed")
    assert "Ada" not in outcome.answer


def test_a_patch_prompt_may_name_all_that_is_known(tmp_path: Path) -> None:
    prompt = (
        "{{ steps_before }} | {{ failing_steps }} | {{ steps_after }} | {{ kept_steps }} | {{ next_index }} | "
        "{{ failed_steps }} | {{ step.index }} {{ step.n }} | {{ failures }} | {{ output }}"
    )
    flow = Flow(tmp_path, edited(COUNT, patch={"scope": "failing_step", "prompt": prompt}))
    flow.store("count to 3", "1\n7\n3")
    messages = [Message("system", "Be brief."), Message("user", "count to 3")]
    flow.ask([Message("user", "count to 3")], "2")
    assert flow.calls[0].messages == (Message("user", "1 | 7 | 3 | 1\n3 | 2 | 2 | 2 7 | step 2 is wrong | 1\n7\n3"),)
    assert flow.ask(messages, "1\n2\n3").outcome == "miss", "a system prompt is another namespace"


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("only the step", "2. Bonn"),
        ("under a number too low", "1. Bonn"),
        ("under a number too high", "7. Bonn"),
        ("after a word of greeting", "Sure! Here it is:\n\n2. Bonn"),
        ("with blanks around it", "\n\n2. Bonn\n\n"),
        ("with the kept steps before it", "1. Aachen\n2. Bonn"),
        ("with the kept steps around it", "1. Aachen\n2. Bonn\n3. Celle"),
    ],
)
def test_a_reply_is_fitted_in_however_it_comes(tmp_path: Path, name: str, reply: str) -> None:
    flow = Flow(tmp_path, NUMBERED)
    flow.store("tour by Aachen, Bonn, Celle", "1. Aachen\n2. Dresden\n3. Celle")
    outcome = flow.ask("tour by Aachen, Bonn, Celle", reply)
    assert (outcome.outcome, outcome.answer) == ("patch", "1. Aachen\n2. Bonn\n3. Celle"), name
    assert (outcome.kept, outcome.patched) == (2, 1)


def test_kept_steps_behind_an_inserted_one_are_renumbered_and_still_count_as_kept(tmp_path: Path) -> None:
    flow = Flow(tmp_path, NUMBERED)
    flow.store("tour by Aachen, Celle", "1. Aachen\n2. Celle")
    longer = flow.ask("tour by Aachen, Bonn, Celle", "2. Bonn\n3. Celle")
    assert (longer.answer, longer.kept, longer.patched) == ("1. Aachen\n2. Bonn\n3. Celle", 1, 2)


def test_a_step_too_many_is_replaced_by_nothing_new(tmp_path: Path) -> None:
    flow = Flow(tmp_path, NUMBERED)
    flow.store("tour by Aachen, Bonn", "1. Aachen\n2. Zossen\n3. Bonn")
    outcome = flow.ask("tour by Aachen, Bonn", "1. Aachen\n2. Bonn")
    assert (outcome.answer, outcome.kept, outcome.patched) == ("1. Aachen\n2. Bonn", 1, 1)


@pytest.mark.parametrize(
    "reply",
    ["", "   ", "I cannot.", {"text": "2. Bonn", "finish_reason": "length"}, "2. Bonn\n3. Zossen"],
)
def test_a_patch_that_does_not_pass_is_followed_by_a_whole_answer(tmp_path: Path, reply: Any) -> None:
    flow = Flow(tmp_path, edited(NUMBERED, patch={"scope": "failing_region"}))
    flow.store("tour by Aachen, Bonn, Celle", "1. Aachen\n2. Dresden\n3. Celle")
    whole = "1. Aachen\n2. Bonn\n3. Celle"
    outcome = flow.ask("tour by Aachen, Bonn, Celle", reply, whole)
    assert (outcome.outcome, outcome.skip_reason, outcome.calls) == ("skip_reuse", "patch-failed", 2)
    assert (outcome.answer, outcome.final, outcome.origin) == (whole, "verified", "model")


def test_a_patch_may_be_tried_again(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(NUMBERED, patch={"scope": "failing_region", "max_calls": 2}))
    flow.store("tour by Aachen, Bonn", "1. Aachen\n2. Dresden")
    outcome = flow.ask("tour by Aachen, Bonn", "2. Essen", "2. Bonn")
    assert (outcome.outcome, outcome.calls) == ("patch", 2)


def test_a_backend_error_in_a_patch_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.store("count to 3", "1\n2\n7")
    before = flow.pipeline.archive.stats()
    with pytest.raises(RateLimited):
        flow.ask("count to 3", {"error": "RateLimited"})
    assert flow.pipeline.archive.stats() == before


def test_a_patch_prompt_that_cannot_be_written_is_no_patch(tmp_path: Path) -> None:
    constraints = {
        "last": {"type": "regex", "pattern": r"\bto\s+(?P<value>\d+)", "as": "integer"},
        "noun": {"type": "regex", "pattern": r"\bof\s+(?P<value>\w+)", "optional": True},
    }
    flow = Flow(tmp_path, edited(COUNT, constraints=constraints, patch={"prompt": "{{ noun }}"}))
    flow.store("count to 3", "1\n2\n7")
    outcome = flow.ask("count to 3", "1\n2\n3")
    assert (outcome.skip_reason, outcome.calls) == ("patch-failed", 1)
    assert "no patch: noun is missing" in story(outcome)


def test_the_part_of_a_fallback_answer_that_is_kept_stays_marked(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.store("count to 3", "1\n2\n7", origin="fallback")
    flow.ask("count to 3", "3")
    assert [step.origin for step in flow.records[-1].steps] == ["fallback", "fallback", "patch"]
    assert flow.records[-1].origin == "patch"


@pytest.mark.parametrize(
    ("cached", "reply", "answer"),
    [
        ('{"a": 1, "x": 2, "c": 3}', '{"b": 2}', '{"a": 1, "b": 2, "c": 3}'),
        ('{\n  "a": 1,\n  "b": 2,\n  "x": 3\n}', '{"c": 3}', '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}'),
        ('{"x": 1, "b": 2, "c": 3}', '```json\n{"a": 1}\n```', '{"a": 1, "b": 2, "c": 3}'),
    ],
)
def test_members_of_an_object_are_patched_alone(tmp_path: Path, cached: str, reply: str, answer: str) -> None:
    flow = Flow(tmp_path, MEMBERS)
    flow.store("form with a, b, c", cached)
    outcome = flow.ask("form with a, b, c", reply)
    assert (outcome.outcome, outcome.answer) == ("patch", answer)
    assert (outcome.kept, outcome.patched) == (2, 1)


def test_a_key_that_is_already_there_is_no_patch(tmp_path: Path) -> None:
    flow = Flow(tmp_path, MEMBERS)
    flow.store("form with a, b", '{"a": 1, "x": 2}')
    outcome = flow.ask("form with a, b", '{"a": 5}', '{"a": 1, "b": 2}')
    assert (outcome.outcome, outcome.skip_reason) == ("skip_reuse", "patch-failed")


PARTS = edited(
    MEMBERS,
    segment={"type": "json", "by": "part"},
    verify=[
        {"id": "asked", "scope": "step", "type": "expr", "assert": "step.key in keys"},
        {"id": "all-there", "type": "jsonpath", "has_keys_from": "keys", "on_fail": "append"},
    ],
    patch={"scope": "failing_step"},
)


@pytest.mark.parametrize(
    ("asked", "cached", "reply", "answer", "kept"),
    [
        ("a, b", '{"a": 1}', '{"b": 2}', '{"a": 1, "b": 2}', 1),  # no separator to take over
        ("a, b", '{"a": 1, "x": 2}', '{"b": 2}', '{"a": 1, "b": 2}', 1),
        ("a, b, c", '{"a": 1}', '{"a": 1, "b": 2, "c": 3}', '{"a": 1, "b": 2, "c": 3}', 1),
        ("a, b", '{"a": 1}', '{"a": 9, "b": 2}', '{"a": 9, "b": 2}', 0),  # it starts over, and is whole
        ("a, b, c, d", '{"x": 1, "b": 2, "y": 3}', '{"a": 1, "c": 3, "d": 4}', '{"a": 1, "b": 2, "c": 3, "d": 4}', 1),
        ("a, b, c", '{"x": 1, "b": 2, "y": 3}', '{"a": 1, "b": 9, "c": 3}', '{"a": 1, "b": 9, "c": 3}', 0),
    ],
)
def test_missing_members_are_merged(
    tmp_path: Path, asked: str, cached: str, reply: str, answer: str, kept: int
) -> None:
    flow = Flow(tmp_path, PARTS)
    flow.store(f"form with {asked}", cached)
    outcome = flow.ask(f"form with {asked}", reply)
    assert (outcome.outcome, outcome.answer, outcome.kept) == ("patch", answer, kept)


@pytest.mark.parametrize("reply", ['{"a": 9}', '{"a": 9, "c": 3}', '{"b": 2, "b": 3}', '[{"b": 2}]', "2", '{"B": 2}'])
def test_a_reply_that_repeats_what_is_kept_and_is_not_whole_is_no_patch(tmp_path: Path, reply: str) -> None:
    flow = Flow(tmp_path, PARTS)
    flow.store("form with a, b", '{"a": 1}')
    outcome = flow.ask("form with a, b", reply, '{"a": 1, "b": 2}')
    assert (outcome.outcome, outcome.skip_reason) == ("skip_reuse", "patch-failed")


def test_a_patched_answer_ends_as_it_ended(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.store("count to 3", "1\n2\n7\n")
    assert flow.ask("count to 3", "3").answer == "1\n2\n3\n"
