"""Tests that live in YAML: what passes, what fails, and that nothing passes by not being looked at."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, Flow, edited

import stepflow
from stepflow.config.schema import TestSpec, TurnSpec
from stepflow.testing import agrees, run_rule_test, run_turns
from stepflow.values import Equation, Linear

RIGHT = "1\n2\n3"
CACHED = [{"prompt": "count to 3", "output": RIGHT}]
WRONG = [{"prompt": "count to 3", "output": "1\n2\n9"}]
RULE = edited(COUNT, let={"half": "last / 2"})


def failures(folder: Path, rule: str = RULE, **test: Any) -> str:
    """What a test of a rule says, as one text; empty when it passes."""
    spec = TestSpec.model_validate({"prompt": "count to 3", **test})
    return "\n".join(run_rule_test(Flow(folder, rule).rule, spec))


PASSING: list[dict[str, Any]] = [
    {"expect": {"matched": True}},
    {"prompt": "hello", "expect": {"matched": False}},
    {"expect": {"constraints": {"last": 3}, "let": {"half": 1.5}}},
    {"output": RIGHT, "expect": {"steps": ["1", "2", "3"], "answer": 3, "failed_checks": [], "failed_steps": []}},
    {"output": "1\n7\n3", "expect": {"failed_steps": [2], "failed_checks": ["in-order"]}},
    {"output": " ", "expect": {"failed_checks": ["segment"]}},
    {"model": [RIGHT], "expect": {"outcome": "miss", "final": "verified", "origin": "model", "calls": 1}},
    {"model": [RIGHT], "expect": {"rule": "count"}},
    {"model": [RIGHT], "expect": {"steps": ["1", "2", "3"], "output": RIGHT, "answer": 3, "matched": True}},
    {"cache": CACHED, "expect": {"outcome": "exact", "calls": 0, "kept": 3, "answer": 3}},
    {"cache": CACHED, "prompt": "please count to 3", "expect": {"outcome": "reuse", "calls": 0}},
    {"cache": WRONG, "model": ["3"], "expect": {"outcome": "patch", "failed_steps": [3]}},
    {"cache": CACHED, "prompt": "count sheep to 3", "model": [RIGHT], "expect": {"skip_reason": "same_words"}},
    {"cache": [{**CACHED[0], "origin": "fallback"}], "expect": {"outcome": "exact", "final": "fallback"}},
    {"model": [{"error": "RateLimited"}], "expect": {"error": "RateLimited"}},
    {"model": [""], "expect": {"error": "no text"}},
    {"system": "Be brief.", "model": [RIGHT], "expect": {"outcome": "miss"}},
]  # fmt: skip


@pytest.mark.parametrize("test", PASSING, ids=str)
def test_what_comes_out_as_expected_passes(tmp_path: Path, test: dict[str, Any]) -> None:
    assert failures(tmp_path, **test) == ""


FAILING: list[tuple[dict[str, Any], str]] = [
    ({"prompt": "hello", "expect": {"matched": True}}, "the rule does not own the prompt: `match` finds nothing   ["),
    (
        {"expect": {"matched": False}},
        "the rule owns the prompt, but should not\n    read: last = 3, half = 1.5\n    left over: ",
    ),
    (
        {"prompt": "count, please", "expect": {"matched": True}},
        "rule-0.yaml:10]\n    read: nothing\n    left over: 'count, please'",
    ),
    (
        {"cache": [{"prompt": "count up to 3", "output": "1"}], "expect": {"outcome": "reuse"}},
        "that the test does not plan: the script holds no reply",
    ),
    (
        {"cache": [{"prompt": "count up to 3", "output": "1"}], "expect": {"outcome": "reuse"}},
        "is refused: same_words (only the stored one says 'up')",
    ),
    ({"expect": {"constraints": {"last": 4}}}, "constraint last: expected 4, got 3"),
    ({"expect": {"constraints": {"first": 1}}}, "constraint first: expected 1, but there is none"),
    ({"expect": {"let": {"half": 2}}}, "let half: expected 2, got 1.5"),
    ({"output": "1\n7\n3", "expect": {"failed_checks": []}}, "failed_checks: expected [], got [in-order]"),
    (
        {"output": "1\n7\n3", "expect": {"failed_steps": []}},
        "\n    step 2: in-order fails: step.n == step.index is false: 7 is not 2   [",
    ),
    ({"output": " ", "expect": {"answer": 3}}, "cannot be cut into steps: the answer is empty"),
    ({"model": [RIGHT], "expect": {"outcome": "reuse"}}, "outcome: expected 'reuse', got 'miss'"),
    ({"model": [RIGHT], "expect": {"output": "1\n2"}}, "output differs:"),
    ({"model": [RIGHT], "expect": {"steps": ["1"]}}, "steps: expected [1], got [1, 2, 3]"),
    ({"model": [RIGHT, "2", "3"], "expect": {"outcome": "miss"}}, "2 of the model's replies were not used"),
    ({"cache": CACHED, "model": [RIGHT], "expect": {"outcome": "exact"}}, "1 of the model's replies was not used"),
    ({"expect": {"outcome": "miss"}}, "a model call that the test does not plan"),
    ({"model": [{"error": "RateLimited"}], "expect": {"outcome": "miss"}}, "the run failed: the script raises"),
    ({"model": [{"error": "RateLimited"}], "expect": {"error": "TimedOut"}}, "the run failed: the script raises"),
    ({"model": [RIGHT], "expect": {"error": "anything"}}, "expected an error with 'anything', but the run succeeded"),
    ({"model": ["", RIGHT], "expect": {"error": "no text"}}, "1 of the model's replies was not used"),
    (
        {"cache": [{"prompt": "hello", "output": RIGHT}], "model": [RIGHT], "expect": {"outcome": "miss"}},
        "cache item 1 cannot be stored: the rule does not own the prompt: `match` finds nothing   [",
    ),
]


@pytest.mark.parametrize(("test", "said"), FAILING, ids=[said for _, said in FAILING])
def test_what_does_not_fails_with_a_sentence(tmp_path: Path, test: dict[str, Any], said: str) -> None:
    assert said in failures(tmp_path, **test)


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ({"output": RIGHT, "expect": {"answer": 3, "outcome": "reuse"}}, "outcome"),
        ({"output": RIGHT, "expect": {"final": "fallback"}}, "final"),
        ({"output": RIGHT, "expect": {"error": "x"}}, "error"),
        ({"prompt": "hello", "expect": {"matched": False, "outcome": "reuse"}}, "outcome"),
        ({"model": [""], "expect": {"error": "no text", "outcome": "reuse"}}, "outcome"),
    ],
)
def test_nothing_passes_by_not_being_looked_at(tmp_path: Path, test: dict[str, Any], name: str) -> None:
    assert f"`{name}` cannot be seen" in failures(tmp_path, **test)


def test_a_check_that_should_have_failed_says_why_it_did_not(tmp_path: Path) -> None:
    checks = [
        {"id": "never", "type": "expr", "assert": "1 == 2", "when": "last > 3"},
        {"id": "style", "type": "expr", "assert": "1 == 2", "on_fail": "warn"},
        {"id": "right", "type": "expr", "assert": "answer.value == last"},
    ]
    said = failures(
        tmp_path, edited(COUNT, verify=checks), output=RIGHT, expect={"failed_checks": ["never", "style", "right"]}
    )
    assert "\n    never was not asked: its `when` does not hold here" in said
    assert "\n    style only warns (`on_fail: warn`), so that it is never among the failed checks" in said
    assert "right was not asked" not in said


def turns(folder: Path, *specs: dict[str, Any], **settings: Any) -> str:
    plan = Flow(folder, **settings).pipeline.plan
    return "\n".join(run_turns(plan, [TurnSpec.model_validate({"prompt": "count to 3", **spec}) for spec in specs]))


def test_turns_share_one_store(tmp_path: Path) -> None:
    said = turns(
        tmp_path,
        {"model": [RIGHT], "expect": {"outcome": "miss", "constraints": {"last": 3}}},
        {"expect": {"outcome": "exact", "answer": 3}},
        {"prompt": "please count to 3", "expect": {"outcome": "reuse", "rule": "count"}},
        {"prompt": "hello", "model": ["hi"], "expect": {"outcome": "passthrough", "matched": False}},
        {"system": "Be brief.", "model": [RIGHT], "expect": {"outcome": "miss"}},
    )
    assert said == ""


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ({"matched": False}, "turn 1: matched: expected false, got true"),
        ({"constraints": {"last": 4}}, "turn 1: constraint last: expected 4, got 3"),
        ({"let": {"half": 1}}, "turn 1: let half: expected 1, but there is none"),
        ({"rule": "sum"}, "turn 1: rule: expected 'sum', got 'count'"),
        (
            {"outcome": "exact"},
            "because\n    exact: exactly this request has no stored answer\n",
        ),
    ],
)
def test_a_turn_that_went_otherwise_is_named(tmp_path: Path, expect: dict[str, Any], said: str) -> None:
    assert said in turns(tmp_path, {"model": [RIGHT], "expect": expect})


def test_turns_run_under_the_pipelines_own_settings(tmp_path: Path) -> None:
    stages = ["extract", "retrieve", "gate", "verify", "generate", "integrity", "record"]
    first = {"model": [RIGHT], "expect": {"outcome": "miss"}}
    assert turns(tmp_path, first, {"expect": {"outcome": "reuse"}}, stages=stages) == ""


@pytest.mark.parametrize(
    ("actual", "expected", "same"),
    [
        (3, 3, True),
        (Fraction(1, 3), "1/3", True),
        (Fraction(3, 2), 1.5, True),
        (3, "three", False),
        (3, {"value": 3}, False),
        (3, [3], False),
        (True, 1, False),
        (1, True, False),
        (False, False, True),
        (None, None, True),
        (None, 0, False),
        ((1, 2), [1, 2], True),
        ((1, 2), [2, 1], False),
        ((1, 2), [1], False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ("a  b", "a b", True),
        ("A", "a", False),
        (Equation((Linear(), Linear()), "2x = 4"), "2x  = 4", True),
    ],
)
def test_values_agree_by_what_they_mean(actual: Any, expected: Any, same: bool) -> None:
    assert agrees(actual, expected) is same


def test_a_rule_file_of_the_repository_passes_its_own_tests() -> None:
    from stepflow.cli.commands.test import run_file

    root = Path(stepflow.__file__).parents[1]
    results = [result for path in sorted((root / "rules").glob("*.yaml")) for result in run_file(str(path))]
    assert results
    assert [(result.where, result.failures) for result in results if not result.passed and not result.todo] == []
