"""What keeps a record from another prompt: each objection by its name, and what the guard `same_words` sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, UNIT, Flow, edited, story

from stepflow.runtime.gate import differing

RIGHT = "1\n2\n3"
OUTPUT_ONLY = [{"type": "expr", "id": "numbers", "assert": "answer.value > 0"}]


def checks(**more: Any) -> list[dict[str, Any]]:
    return [{"id": "ends-right", "type": "expr", "assert": "answer.value == last", **more}]


REFUSED: list[tuple[str, str, str]] = [
    ("no-constraints", edited(COUNT, constraints={}, verify=OUTPUT_ONLY, drop=("patch",)), "please count to 3"),
    ("unguarded-constraint", edited(COUNT, verify=OUTPUT_ONLY), "please count to 3"),
    ("unguarded-constraint", edited(COUNT, verify=[*OUTPUT_ONLY, *checks(on_fail="warn")]), "please count to 3"),
    (
        "unguarded-constraint",
        edited(
            COUNT,
            verify=OUTPUT_ONLY,
            reuse={"skip_when": [{"type": "expr", "assert": "last > 100"}]},
        ),
        "please count to 3",
    ),
    ("same_words", COUNT, "count sheep to 3"),
    (
        "constraint_changed",
        edited(COUNT, reuse={"skip_when": [{"type": "constraint_changed", "names": ["last"]}]}),
        "count to 4",
    ),
    (
        "prompt_matches",
        edited(COUNT, reuse={"skip_when": [{"type": "prompt_matches", "pattern": "please"}]}),
        "please count to 3",
    ),
    (
        "never-shorter",
        edited(
            COUNT,
            reuse={"skip_when": [{"id": "never-shorter", "type": "expr", "assert": "last < cached.constraints.last"}]},
        ),
        "count to 2",
    ),
    (
        "expr",
        edited(COUNT, reuse={"skip_when": [{"type": "expr", "assert": "1 / (last - last) > 0"}]}),
        "please count to 3",
    ),
    ("ends-right", edited(COUNT, verify=checks(on_fail="skip_reuse")), "count to 4"),
    ("ends-right", edited(COUNT, verify=checks(on_fail="repair")), "count to 4"),
    ("ends-right", edited(COUNT, verify=checks(on_fail="fallback")), "count to 4"),
    ("ends-right", edited(COUNT, verify=checks(), patch={"enabled": False}), "count to 4"),
]


@pytest.mark.parametrize(("reason", "rule", "prompt"), REFUSED, ids=[f"{case[0]}-{case[2]}" for case in REFUSED])
def test_a_candidate_is_refused_by_name_and_the_model_is_asked(
    tmp_path: Path, reason: str, rule: str, prompt: str
) -> None:
    flow = Flow(tmp_path, rule)
    flow.ask("count to 3", RIGHT)
    outcome = flow.ask(prompt, "1\n2\n3\n4" if "4" in prompt else "1\n2" if "2" in prompt else RIGHT)
    assert (outcome.outcome, outcome.skip_reason, outcome.final, outcome.calls) == ("skip_reuse", reason, "verified", 1)
    assert reason in story(outcome)


def test_the_share_of_passing_steps_refuses_a_candidate_once_it_is_known(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, reuse={"skip_when": [{"type": "pass_ratio", "below": 0.5}]}))
    flow.store("count to 3", "7\n2\n7")
    outcome = flow.ask("count to 3", RIGHT)
    assert (outcome.skip_reason, outcome.failed_steps) == ("pass_ratio", (1, 3))


def test_a_condition_on_what_this_prompt_does_not_fix_refuses(tmp_path: Path) -> None:
    constraints = {
        "last": {"type": "regex", "pattern": r"\bto\s+(?P<value>\d+)", "as": "integer"},
        "pace": {"type": "regex", "pattern": r"\b(?P<value>slow|fast)ly\b", "optional": True},
    }
    skip = [{"type": "expr", "assert": "pace != cached.constraints.pace"}]
    flow = Flow(tmp_path, edited(COUNT, constraints=constraints, reuse={"skip_when": skip}))
    flow.ask("count to 3", RIGHT)
    assert flow.ask("please count to 3", RIGHT).skip_reason == "expr"


def test_a_failing_first_step_leaves_nothing_to_keep(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.store("count to 3", "9\n2\n3")
    outcome = flow.ask("count to 3", RIGHT)
    assert (outcome.outcome, outcome.skip_reason, outcome.failed_steps) == ("skip_reuse", "nothing-kept", (1,))


def test_the_identical_prompt_needs_no_guard(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, constraints={}, verify=OUTPUT_ONLY, drop=("patch",)))
    flow.store("count to 3", RIGHT)
    assert flow.ask("count to 3").outcome == "reuse"


def test_without_a_guard_the_verifiers_alone_decide(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, reuse={"guard": "none", "min_similarity": 0}))
    flow.ask("count to 3", RIGHT)
    assert flow.ask("count your sheep up to 3").outcome == "reuse"


def test_ignored_words_do_not_count(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, reuse={"ignore": ["Sheep"]}))
    flow.ask("count to 3", RIGHT)
    assert flow.ask("count sheep to 3").outcome == "reuse"


def test_a_word_that_is_no_longer_ignored_counts_for_old_records_too(tmp_path: Path) -> None:
    before = Flow(tmp_path, edited(COUNT, reuse={"ignore": ["backwards"]}))
    before.ask("count backwards to 3", RIGHT)
    after = before.become(COUNT)
    assert after.ask("count to 3", RIGHT).outcome != "reuse"


OPTIONAL = {
    "last": {"type": "regex", "pattern": r"\bto\s+(?P<value>\d+)", "as": "integer"},
    "style": {"type": "regex", "pattern": r"\bin\s+(?P<value>capitals)", "optional": True},
}
IN_STYLE = [
    *checks(),
    {"id": "style", "type": "expr", "when": "style is defined", "assert": "style == 'capitals' and '!' in output"},
]


@pytest.mark.parametrize("first_has_it", [True, False])
def test_what_only_one_prompt_asks_for_refuses_reuse(tmp_path: Path, first_has_it: bool) -> None:
    flow = Flow(tmp_path, edited(COUNT, constraints=OPTIONAL, verify=IN_STYLE))
    plain, styled = "count in to 3", "count in capitals to 3"
    flow.ask(styled if first_has_it else plain, "1\n2\n3!")
    outcome = flow.ask(plain if first_has_it else styled, "1\n2\n3!")
    assert (outcome.outcome, outcome.skip_reason) == ("skip_reuse", "same_words")


def test_a_default_and_the_same_value_spelled_out_are_one_thing(tmp_path: Path) -> None:
    constraints = {"last": {"type": "regex", "pattern": r"\bto\s+(?P<value>\d+)", "as": "integer", "default": 3}}
    flow = Flow(tmp_path, edited(COUNT, constraints=constraints, reuse={"ignore": ["to"]}))
    flow.ask("count", RIGHT)
    assert flow.ask("count to 3").outcome == "reuse"


def test_the_best_of_several_candidates_is_taken(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    for answer in ("1\n2\n7", RIGHT, "9\n9\n9"):
        flow.store("count to 3", answer)
    assert flow.ask("count to 3").answer == RIGHT


def test_a_partly_right_candidate_is_preferred_to_a_refused_one(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, reuse={"min_similarity": 0}))
    flow.store("count sheep to 4", "1\n2\n3\n4")
    flow.store("count to 4", "1\n2\n3\n9")
    outcome = flow.ask("count to 4", "4")
    assert (outcome.outcome, outcome.kept, outcome.patched) == ("patch", 3, 1)


def test_values_of_the_old_request_lead_to_no_reuse(tmp_path: Path) -> None:
    flow = Flow(tmp_path, UNIT)
    flow.ask("convert 2 km to m", "2000")
    outcome = flow.ask("convert 3 km to m", "3000")
    assert (outcome.outcome, outcome.skip_reason, outcome.answer) == ("skip_reuse", "right", "3000")


def test_words_between_the_parts_of_a_constraint_are_not_part_of_it(tmp_path: Path) -> None:
    pattern = r"at (?:most|least) (?P<value>\d+) (?P<noun>\w+)"
    constraints = {"last": {"type": "regex", "pattern": pattern, "as": "integer"}}
    rule = edited(COUNT, constraints=constraints, verify=[{"type": "expr", "assert": "answer.value == last.value"}])
    flow = Flow(tmp_path, edited(rule, patch={"enabled": False}))
    flow.ask("count at most 3 sheep", RIGHT)
    assert flow.ask("please count at most 3 sheep").outcome == "reuse"
    assert flow.ask("count at least 3 sheep", RIGHT).skip_reason == "same_words"


CONDITIONAL = r"""
stepflow: 1
kind: rule
id: sizes
match: [{type: keywords, words: [size]}]
constraints:
  size: {type: regex, pattern: 'size (?P<value>\d+)', as: integer}
  colour: {type: regex, pattern: 'in (?P<value>\w+)'}
answer: {type: regex, pattern: '\d+', as: integer}
verify:
  - {id: sized, type: expr, assert: answer.value == size}
  - {id: coloured, type: expr, when: size > 10, assert: 'contains(output, colour)'}
reuse: {guard: none, min_similarity: 0}
patch: {enabled: false}
repair: {max_attempts: 0}
"""


def test_a_check_whose_when_does_not_hold_guards_nothing(tmp_path: Path) -> None:
    flow = Flow(tmp_path, CONDITIONAL)
    flow.store("size 3 in red", "3 red")
    unchecked = flow.ask("size 3 in blue", "3 blue")
    assert (unchecked.outcome, unchecked.skip_reason) == ("skip_reuse", "unguarded-constraint")
    assert flow.ask("the size 3 in red, please").outcome == "reuse"


def test_where_its_when_holds_the_check_decides(tmp_path: Path) -> None:
    flow = Flow(tmp_path, CONDITIONAL)
    flow.store("size 12 in red", "12 red")
    checked = flow.ask("size 12 in blue", "12 blue")
    assert (checked.outcome, checked.skip_reason) == ("skip_reuse", "coloured")


@pytest.mark.parametrize(
    ("here", "there", "said"),
    [
        ("count up", "count", "only this prompt says 'up'"),
        ("count", "count down", "only the stored one says 'down'"),
        ("count up up", "count up down", "only this prompt says 'up'; only the stored one says 'down'"),
        ("dog bites man", "man bites dog", "in another order: 'dog bites man' here, 'man bites dog' there"),
    ],
)
def test_the_words_in_which_two_prompts_differ_are_named(here: str, there: str, said: str) -> None:
    assert differing(tuple(here.split()), tuple(there.split())) == said


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        (edited(COUNT, verify=OUTPUT_ONLY), "last:"),
        (edited(COUNT, reuse={"guard": "same_words"}), "reuse:"),
        (COUNT, "stepflow: 1"),
    ],
)
def test_a_refusal_names_the_line_that_it_comes_from(tmp_path: Path, rule: str, where: str) -> None:
    flow = Flow(tmp_path, rule)
    flow.store("count to 3", RIGHT)
    outcome = flow.ask("count sheep to 3", RIGHT)
    event = next(event for event in outcome.journal if event.stage == "gate")
    path, line = event.data["where"].rsplit(":", 1)
    shown = Path(path).read_text(encoding="utf-8").splitlines()[max(int(line) - 2, 0) : int(line)]
    assert any(where in each for each in shown)
