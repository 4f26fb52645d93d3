"""Which rule owns a prompt, and what it reads there: what is not understood is declined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, UNIT, Flow, edited, story

from stepflow.errors import ConfigError, UsageError
from stepflow.model import Message, Request

RIGHT = "1\n2\n3"


def reading(pattern: str = r"\bto\s+(?P<value>\d+)", **more: Any) -> dict[str, Any]:
    return {"type": "regex", "pattern": pattern, "as": "integer", **more}


SLOW, SLOWLY_READ = "(a|aa)+$", "a" * 60 + "!"
DECLINED: list[tuple[str, str, str, str]] = [
    ("no match", COUNT, "sum up to 3", "`match` finds nothing"),
    ("a constraint that is not there", COUNT, "count", "constraint last: not found in the prompt"),
    ("two where only one may be", COUNT, "count to 3, then count to 4", "2 different ones found"),
    (
        "a value that cannot be converted",
        edited(COUNT, constraints={"last": reading(r"\bto\s+(?P<value>\w+)")}),
        "count to tree",
        "constraint last:",
    ),
    (
        "a word that the table does not hold",
        edited(COUNT, tables={"few": {"two": 2}}, constraints={"last": reading(r"to (?P<value>\w+)", via="few")}),
        "count to 3",
        "is not in the table",
    ),
    ("a let that fails", edited(COUNT, let={"share": "1 / (last - 3)"}), "count to 3", "let share:"),
    ("unless", edited(COUNT, unless=[{"type": "keywords", "words": ["sheep"]}]), "count sheep to 3", "`unless` holds"),
    (
        "unless on what was read",
        edited(COUNT, unless=[{"id": "too-far", "type": "expr", "assert": "last > 2"}]),
        "count to 3",
        "`unless` holds: too-far",
    ),
    (
        "an unless that compares tells what differs",
        edited(COUNT, unless=[{"id": "other", "type": "expr", "assert": "unknown_words(rest, 'count to') != []"}]),
        "count up to 3",
        "`unless` holds: other: ['up'] is not []",
    ),
    (
        "an unless that cannot be decided",
        edited(COUNT, unless=[{"id": "odd", "type": "expr", "assert": "last"}]),
        "count to 3",
        "odd: last gives 3",
    ),
    (
        "a pattern that takes too long",
        edited(COUNT, constraints={"last": reading(SLOW)}),
        f"count {SLOWLY_READ}",
        "constraint last: the pattern '(a|aa)+$' took longer",
    ),
    (
        "an ignored phrase that takes too long",
        edited(COUNT, reuse={"ignore_matching": [SLOW]}),
        f"count to 3 {SLOWLY_READ}",
        "`ignore_matching`: the pattern '(a|aa)+$' took longer",
    ),
]


@pytest.mark.parametrize(("name", "rule", "prompt", "why"), DECLINED, ids=[case[0] for case in DECLINED])
def test_a_rule_declines_what_it_does_not_understand_and_says_why(
    tmp_path: Path, name: str, rule: str, prompt: str, why: str
) -> None:
    outcome = Flow(tmp_path, rule).ask(prompt, "Hm.")
    assert outcome.outcome == "passthrough"
    assert why in story(outcome)
    assert all("rule-0.yaml:" in event.data["where"] for event in outcome.journal if "declined" in event.data)


def test_the_same_thing_said_twice_is_one(tmp_path: Path) -> None:
    assert dict(Flow(tmp_path).task("count to 3, really to 3").values) == {"last": 3}


def test_an_optional_constraint_may_be_absent_and_a_default_stands_in(tmp_path: Path) -> None:
    constraints = {
        "last": reading(),
        "first": reading(r"\bfrom\s+(?P<value>\d+)", default=1),
        "pace": {"type": "keywords", "words": ["slowly"], "optional": True},
    }
    flow = Flow(tmp_path, edited(COUNT, constraints=constraints))
    assert dict(flow.task("count to 3").values) == {"last": 3, "first": 1}
    assert dict(flow.task("count slowly from 2 to 3").values) == {"last": 3, "first": 2, "pace": "slowly"}


@pytest.mark.parametrize(("find", "value"), [("first", 3), ("last", 5), ("all", (3, 5))])
def test_find_says_which_one_counts(tmp_path: Path, find: str, value: Any) -> None:
    flow = Flow(tmp_path, edited(COUNT, constraints={"last": reading(find=find)}))
    assert flow.task("count to 3 or to 5").values["last"] == value


CONVERSATION = (
    Message("system", "Never count to 9."),
    Message("user", "count to 7"),
    Message("assistant", "1 to 7"),
    Message("user", "count to 3"),
)


@pytest.mark.parametrize(("source", "value"), [("user", (3,)), ("system", (9,)), ("conversation", (9, 7, 7, 3))])
def test_constraints_come_from_the_last_user_message_unless_the_rule_says_otherwise(
    tmp_path: Path, source: str, value: tuple[int, ...]
) -> None:
    flow = Flow(tmp_path, edited(COUNT, constraints={"last": reading(find="all", **{"from": source})}))
    assert flow.task(Request(CONVERSATION)).values["last"] == value


def test_the_rule_with_the_highest_priority_is_asked_first(tmp_path: Path) -> None:
    second = edited(COUNT, id="also", priority=1)
    assert Flow(tmp_path, COUNT, second).ask("count to 3", RIGHT).rule == "also"
    assert Flow(tmp_path, COUNT, edited(COUNT, id="also")).ask("count to 3", RIGHT).rule == "count"


def test_the_next_rule_is_asked_when_one_declines(tmp_path: Path) -> None:
    outcome = Flow(tmp_path, edited(COUNT, priority=1), UNIT).ask("Convert 2 km to m, count on me", "2000")
    assert outcome.rule == "unit"
    assert "count declines: constraint last" in story(outcome)


def test_a_forced_rule_needs_no_match_but_all_else(tmp_path: Path) -> None:
    flow = Flow(tmp_path, COUNT, UNIT)
    assert flow.ask("go up to 3", RIGHT, rule="count").rule == "count"
    assert flow.ask("count to 3, convert 2 km to m", "2000", rule="unit").rule == "unit"
    assert flow.ask("go up", "Where?", rule="count").outcome == "passthrough"


def test_a_rule_that_is_not_there_cannot_be_forced(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no rule 'cuont' in .*; there are: count"):
        Flow(tmp_path).ask("count to 3", rule="cuont")


def test_match_may_be_an_expression_on_the_prompt(tmp_path: Path) -> None:
    flow = Flow(tmp_path, edited(COUNT, match=[{"type": "expr", "assert": "'count' in prompt"}]))
    assert flow.ask("count to 3", RIGHT).rule == "count"


def test_a_request_without_a_user_message_is_passed_through(tmp_path: Path) -> None:
    assert Flow(tmp_path).ask([Message("system", "count to 3")], "Hm.").outcome == "passthrough"


@pytest.mark.parametrize("key", ["tables", "constraints", "let"])
@pytest.mark.parametrize("name", ["answer", "output", "step", "steps", "previous", "cached", "prompt", "failures"])
def test_a_name_that_every_run_has_is_refused(tmp_path: Path, key: str, name: str) -> None:
    value: Any = {"tables": {"a": 1}, "constraints": reading(), "let": "1"}[key]
    mine = {key: {name: value, **({"last": reading()} if key == "constraints" else {})}}
    with pytest.raises(ConfigError, match=f"every run has '{name}' already"):
        Flow(tmp_path, edited(COUNT, **mine))
