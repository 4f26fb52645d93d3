"""Which changed prompts a rule does not notice: a right, stored answer is served for them as it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flowkit import Flow, edited

from stepflow import variants
from stepflow.catalog import registry
from stepflow.compiler.pipelines import check_rule_file
from stepflow.variants import BESIDE, Tally, Variation, vary
from stepflow.version import VERSION

SHIPPED = Path(__file__).parents[1] / "rules"

HEADLINE = r"""
stepflow: 1
kind: rule
id: headline
match: [{type: regex, pattern: '^Write'}]
constraints:
  longest: {type: regex, pattern: '(?P<value>\d+) words', as: integer}
  news: {type: quoted}
verify:
  - {id: short, type: length, unit: words, max_from: longest}
  - {id: about-it, type: expr, assert: 'any(word in words(news), contains_word(output, word))'}
reuse: {min_similarity: 0}
tests: []
"""
PROMPT = 'Write 5 words for "Ann won 3 times".'
RIGHT = {"prompt": PROMPT, "output": "Ann wins", "expect": {"failed_checks": []}}


def varied(folder: Path, *tests: dict[str, Any], **keys: Any) -> Variation:
    rule = Flow(folder, edited(HEADLINE, tests=list(tests or (RIGHT,)), **keys)).rule
    return vary(rule, rule.tests)


def seen(variation: Variation) -> dict[tuple[str, str], tuple[int, int]]:
    return {(each.part, each.kind): (each.unnoticed, each.tried) for each in variation.prompts.found}


def passing(variation: Variation) -> dict[str, tuple[int, int]]:
    return {each.kind: (each.unnoticed, each.tried) for each in variation.answers.found}


def test_changes_that_no_check_depends_on_are_named_by_the_constraint_that_reads_them(tmp_path: Path) -> None:
    found = varied(tmp_path)
    assert seen(found) == {
        ("longest", "another number"): (1, 1),  # 6 words: right
        ("news", "another word"): (2, 3),
        ("news", "a 'not'"): (3, 3),
        ("news", "another number"): (1, 1),
        ("news", "a minus sign"): (1, 1),
    }
    example = next(each for each in found.prompts.found if (each.part, each.kind) == ("news", "another word"))
    assert example.example == '… 5 words for "Ann zebra 3 times".'
    assert example.where.endswith("rule-0.yaml:13")


def test_what_the_rule_compares_goes_unnoticed_no_more(tmp_path: Path) -> None:
    compared = {"min_similarity": 0, "skip_when": [{"type": "constraint_changed", "names": ["news"]}]}
    assert {part for part, _ in seen(varied(tmp_path, reuse=compared))} == {"longest"}


def test_words_beside_the_constraints_are_changed_too(tmp_path: Path) -> None:
    found = seen(varied(tmp_path, reuse={"min_similarity": 0, "guard": "none"}))
    assert found[(BESIDE, "another word")] == (1, 3)  # `match` wants 'Write', and the constraint 'words'
    assert (BESIDE, "a 'not'") in found


def test_two_readings_change_places(tmp_path: Path) -> None:
    constraints = {
        "origin": {"type": "regex", "pattern": r"from (?P<value>\w+)"},
        "target": {"type": "regex", "pattern": r"to (?P<value>\w+)"},
    }
    both = {"type": "contains", "values_from": "places"}
    keys = {"constraints": constraints, "let": {"places": "[origin, target]"}, "verify": [both]}
    test = {**RIGHT, "prompt": "Write from Rome to Oslo", "output": "Rome, Oslo"}
    found = varied(tmp_path, test, **keys)
    assert seen(found) == {("origin and target", "two that change places"): (1, 1)}
    assert found.prompts.found[0].example == "Write from Oslo to Rome"


@pytest.mark.parametrize(
    "test",
    [
        {**RIGHT, "output": "Rain"},
        {"prompt": PROMPT, "cache": [{"prompt": PROMPT, "output": "Rain"}], "expect": {"matched": True}},
        {"prompt": "hello", "expect": {"matched": False}},
        {"prompt": PROMPT, "expect": {"matched": True}},
    ],
)
def test_nothing_is_tried_without_a_right_answer(tmp_path: Path, test: dict[str, Any]) -> None:
    found = varied(tmp_path, test)
    assert found.prompts == found.answers == Tally(0, ())


def test_a_right_answer_that_is_stored_before_a_test_counts_once(tmp_path: Path) -> None:
    stored = {"prompt": "hello", "cache": [{"prompt": PROMPT, "output": "Ann wins"}], "expect": {"matched": False}}
    assert varied(tmp_path, stored, RIGHT, stored) == varied(tmp_path)


def test_an_answer_that_is_rewritten_for_the_changed_prompt_has_noticed_it(tmp_path: Path) -> None:
    verify = [{"type": "expr", "assert": "output == text(longest)"}]
    found = varied(
        tmp_path,
        {**RIGHT, "output": "5"},
        verify=verify,
        rewrite=[{"type": "substitute"}],
        constraints={"longest": {"type": "regex", "pattern": r"(?P<value>-?\d+) words", "as": "integer"}},
    )
    assert seen(found) == {}


NOTES = {
    "match": [{"type": "keywords", "words": ["notes"]}],
    "constraints": {"topic": {"type": "regex", "pattern": r"notes on (?P<value>\w+)"}},
    "segment": "lines",
}
FREE = [{"type": "expr", "assert": "topic in output"}]
NOTE = {"prompt": "notes on tea", "output": "hot tea\n- 2 cups", "expect": {"failed_checks": []}}


def test_changes_of_an_answer_that_pass_every_check_are_told_by_their_kind(tmp_path: Path) -> None:
    assert passing(varied(tmp_path, NOTE, **NOTES, verify=FREE)) == {
        "another word": (2, 3),  # 'tea' must stay
        "a 'not'": (3, 3),
        "another number": (1, 1),
        "a minus sign": (1, 1),
        "a step left out": (1, 2),
        "a step said twice": (2, 2),
        "two that change places": (1, 1),
        "a line more": (1, 1),
    }


@pytest.mark.parametrize(
    ("check", "kind"),
    [
        ({"type": "unique"}, "a step said twice"),
        ({"type": "step_count", "equals": 2}, "a line more"),
        ({"type": "expr", "assert": "starts_with(first(steps).text, 'hot')"}, "two that change places"),
        ({"type": "not_regex", "pattern": "-2"}, "a minus sign"),
    ],
)
def test_a_change_that_a_check_refuses_is_not_told(tmp_path: Path, check: dict[str, Any], kind: str) -> None:
    found = passing(varied(tmp_path, NOTE, **NOTES, verify=[*FREE, {"id": "more", **check}]))
    assert "another word" in found
    assert kind not in found


def test_what_is_taken_off_an_answer_before_it_is_served_is_no_change(tmp_path: Path) -> None:
    keys = {**NOTES, "segment": {"type": "json", "by": "member"}, "verify": [{"type": "json"}, *FREE]}
    found = passing(varied(tmp_path, {**NOTE, "output": '{"hot": "tea"}'}, **keys))
    assert "another word" in found
    assert "a line more" not in found


def test_of_very_many_changes_some_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = varied(tmp_path).prompts.tried
    monkeypatch.setattr(variants, "MAX_TRIED", everything // 2)
    assert everything // 3 <= varied(tmp_path).prompts.tried <= everything // 2


@pytest.mark.parametrize(("word", "other"), [("ann", "zebra"), ("Ann", "Zebra"), ("ANN", "ZEBRA"), ("Zebra", "Otter")])
def test_another_word_is_written_like_the_one_that_it_replaces(tmp_path: Path, word: str, other: str) -> None:
    task = Flow(tmp_path, HEADLINE).task(f'Write 5 words for "{word}"')
    changed = [change.applied(task.request.prompt) for change in variants.prompt_changes(task)]
    assert f'Write 5 words for "{other}"' in changed


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.yaml")), ids=lambda path: path.stem)
def test_no_shipped_rule_overlooks_a_word_beside_what_it_reads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "MAX_TRIED", 62)
    rule, problems = check_rule_file(str(path), registry(), VERSION)
    assert rule is not None, problems
    found = vary(rule, rule.tests)
    assert found.prompts.tried > 30
    assert [each for each in found.prompts.found if each.part == BESIDE] == []


def test_the_command_line_says_it_as_text_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from stepflow.cli.main import run

    file = tmp_path / "headline.yaml"
    file.write_text(edited(HEADLINE, tests=[RIGHT]), encoding="utf-8")
    assert run(["test", str(file), "--vary"]) == 0
    said = capsys.readouterr().out
    assert "changed prompts are served the stored answer as it stands" in said
    assert "news: another word" in said
    assert "5 of 7 changed answers pass" in said
    assert "the answer: another word" in said
    assert run(["test", str(file), "--vary", "--format", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["variations"]
    assert told["rule"] == "headline"
    members = {"part", "kind", "where", "unnoticed", "tried", "example"}
    assert set(told["prompts"]["found"][0]) == set(told["answers"]["found"][0]) == members
    file.write_text(edited(HEADLINE, tests=[{"prompt": "hello", "expect": {"matched": False}}]), encoding="utf-8")
    assert run(["test", str(file), "--vary"]) == 0
    assert "no test holds a right answer, so nothing was changed" in capsys.readouterr().out
    assert run(["test", str(file), "--format", "json"]) == 0
    assert "variations" not in json.loads(capsys.readouterr().out)
