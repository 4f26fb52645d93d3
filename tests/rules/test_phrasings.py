"""Requests as people write them, in phrasings.yaml: what a rule reads of each, or that it leaves it alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from rulekit import RULES, read

from stepflow.testing import agrees

WRITTEN = Path(__file__).with_name("phrasings.yaml").read_text(encoding="utf-8")
PHRASINGS = yaml.safe_load(WRITTEN)
OWNED = [(rule, each["prompt"], each["reads"]) for rule, rows in PHRASINGS["owned"].items() for each in rows]
LEFT_ALONE = [(rule, prompt) for rule, prompts in PHRASINGS["left_alone"].items() for prompt in prompts]


@pytest.mark.parametrize(("rule", "prompt", "values"), OWNED)
def test_a_request_is_read_as_a_person_would(rule: str, prompt: str, values: dict[str, Any]) -> None:
    task = read(rule, prompt)
    assert task is not None
    found = {**task.values, **task.let}
    assert all(agrees(found[name], value) for name, value in values.items()), {name: found[name] for name in values}


@pytest.mark.parametrize(("rule", "prompt"), LEFT_ALONE)
def test_a_request_with_a_wish_that_nothing_checks_is_left_alone(rule: str, prompt: str) -> None:
    assert read(rule, prompt) is None


WISHES = (
    " in French", " and explain why", " twice", " as YAML", " and nothing about cats", ". Then translate it.",
    ". Skip one.", ". Use at most 5 words.", ". Be formal.",
)  # fmt: skip
GIVEN_LAST = re.compile(r"\n(?:Text|Request|Prompt|Sentiment|User[^:\n]*): *[^\n]*\Z")


@pytest.mark.parametrize("rule", PHRASINGS["owned"])
def test_a_request_that_ends_in_a_further_wish_is_left_alone(rule: str) -> None:
    for each in PHRASINGS["owned"][rule]:
        if GIVEN_LAST.search(each["prompt"]):
            continue  # what stands behind it is part of the text that is given
        for wish in WISHES:
            assert read(rule, each["prompt"].rstrip(" .?!") + wish) is None


def test_no_row_is_lost_by_a_rule_that_stands_there_twice() -> None:
    assert len(OWNED) + len(LEFT_ALONE) == WRITTEN.count("\n    - ")


@pytest.mark.parametrize("rule", sorted(path.stem for path in RULES.rglob("*.yaml")))
def test_every_shipped_rule_has_a_judge_of_its_own(rule: str) -> None:
    """Seeded variants, right, wrong and malformed replies: in tests/rules/test_<rule>.py."""
    own = RULES.parent / "tests" / "rules" / f"test_{rule.replace('-', '_')}.py"
    tables = own.with_name("test_csv_table.py")  # which judges tables of both forms
    assert own.exists() or f'"{rule}"' in tables.read_text(encoding="utf-8")
