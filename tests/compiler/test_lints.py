"""Lints that look at a whole rule or pipeline: what deserves a warning, and what must not get one."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from stepflow.cli.commands.lint import lint_files
from stepflow.compiler.notations import slowness
from stepflow.compiler.notations.regexes import compile_regex
from stepflow.compiler.notations.slowness import nested_repeats, slow_part

HEAD = "stepflow: 1\nkind: rule\n"
BODY = r"""
match: [{type: keywords, words: [add]}]
constraints:
  numbers: {type: regex, pattern: '\d+', find: all, as: integer}
verify: [{type: expr, assert: numbers | length > 0}]
""".lstrip()
TESTS = "tests: [{prompt: hello, expect: {matched: false}}]\n"


def codes(folder: Path, **rules: str) -> list[str]:
    """The codes that lint finds in a pipeline of these rules, asked in this order."""
    names = []
    for number, (name, text) in enumerate(rules.items()):
        names.append(f"{number}.yaml")
        (folder / names[-1]).write_text(f"{HEAD}id: {name}\n{text}", encoding="utf-8")
    pipeline = folder / "p.yaml"
    pipeline.write_text(
        f"stepflow: 1\nkind: pipeline\nid: p\nbackend: {{type: scripted}}\nrules: [{', '.join(names)}]\n",
        encoding="utf-8",
    )
    return [problem.code for problem in lint_files([str(pipeline)])]


# --- unreachable rules ----------------------------------------------------------------------------------------------

ALL = (
    "match: [{type: regex, pattern: '(?s).*'}]\nconstraints: {}\n"
    + BODY.partition("constraints:\n")[2].partition("\n")[2]
)


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (BODY, BODY, True),
        (BODY, BODY + "priority: 1\n", True),  # then the first is never reached
        (BODY, BODY.replace("[add]", "[sum]"), False),
        (BODY, BODY.replace("[add]", "[add, sum]"), False),
        (BODY + "unless: [{type: keywords, words: [not]}]\n", BODY, False),  # what the first refuses, the second gets
        (BODY, BODY + "unless: [{type: keywords, words: [not]}]\n", True),
        (BODY + "let: {top: max(numbers)}\n", BODY, False),  # the first declines where that has no value
        (BODY, BODY.replace("find: all", "find: only"), False),  # the first declines what has no number
        (BODY.replace("words: [add]}", "words: [add]}, {type: keywords, words: [sum]}"), BODY, True),
        (BODY, BODY.replace("words: [add]}", "words: [add]}, {type: keywords, words: [sum]}"), False),
        (BODY.replace("{type: keywords, words: [add]}", "{type: regex, pattern: '.*'}"), BODY, True),
        (BODY.replace("{type: keywords, words: [add]}", "{type: regex, pattern: 'a.*'}"), BODY, False),
    ],
)
def test_a_rule_is_unreachable_only_when_another_surely_owns_all_of_it(
    tmp_path: Path, first: str, second: str, found: bool
) -> None:
    assert ("unreachable-rule" in codes(tmp_path, first=first + TESTS, second=second + TESTS)) is found


# --- tests that show nothing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("{prompt: add 1, expect: {matched: true}}", True),
        ("{prompt: add 1, model: ['1'], expect: {outcome: miss, final: verified}}", True),
        ("{prompt: add 1, output: '1', expect: {failed_checks: []}}", True),
        ("{prompt: hello, expect: {matched: false}}", False),
        ("{prompt: add 1, output: ' ', expect: {failed_checks: [segment]}}", False),
        ("{prompt: add 1, output: '1', expect: {failed_steps: [1]}}", False),
        ("{prompt: add 1, model: ['', ''], expect: {error: no text}}", False),
        ("{prompt: add 1, model: ['2', '1'], expect: {origin: repair}}", False),
        ("{prompt: add 1, model: ['2', '2'], expect: {final: unverified}}", False),
        ("{prompt: add 1, model: ['2'], expect: {outcome: patch}}", False),
        ("{prompt: add 1, model: ['2'], expect: {skip_reason: same_words}}", False),
    ],
)
def test_one_test_at_least_shows_a_refusal(tmp_path: Path, test: str, found: bool) -> None:
    assert ("no-failing-test" in codes(tmp_path, only=BODY + f"tests: [{test}]\n")) is found


# --- slow patterns --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a|aa)+$",
        r"^(a|a)*$",
        r"add (?:\d|\d\d|,)+ now",
        r"(?i)^x(?P<v>(?:a|aa)+)$",
        r"(?:\w|\w\w)*!",
    ],
)
def test_a_pattern_that_takes_for_ever_is_found(pattern: str) -> None:
    slow = slow_part(pattern)
    assert slow is not None
    assert pattern[slow.start] == "("
    assert pattern[slow.end - 1] in "+*"


@pytest.mark.parametrize(
    "pattern",
    [r"(?:[a-z]+,)*x", r"(?:a|b)*c", r"\d+(?:\.\d+)?", r"(\w+)\s+(\w+)", r"(?:\([^()]*\))*", r"\(a+\)+", r"[(a+)]*b",
     r"(?:ab?)++c", "", "(", r"(?x) a (?: b+ \s )* # (c+)+", r"(?P<a>x+)y*"],
)  # fmt: skip
def test_a_pattern_that_only_looks_like_it_is_left_alone(pattern: str) -> None:
    try:
        assert slow_part(pattern) is None
    except ValueError:  # a pattern that does not compile is told elsewhere, before
        assert pattern == "("


def test_what_was_quick_once_is_not_tried_again_and_what_was_slow_is(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(slowness, "compile_regex", lambda text, limit: tried.append(text) or compile_regex(text, limit))
    quick, slow = f"(?:[a-z]+,)*{uuid4().hex}", f"(a|aa|{uuid4().hex})+$"
    for _ in range(2):
        slow_part.cache_clear()
        assert slow_part(quick) is None
        assert slow_part(slow) is not None
    assert tried == [quick, slow, slow]


@pytest.mark.parametrize(
    ("pattern", "stretches"),
    [
        (r"(a+)+", ["(a+)+"]),
        (r"x(?:a|b){2,}y", ["(?:a|b){2,}"]),
        (r"((a+)b)*", ["((a+)b)*"]),
        (r"(a+)?", []),
        (r"(?:ab)+", []),
        (r"[(a+)]+", []),
        (r"\(a+\)+", []),
    ],
)
def test_repeats_of_repeats_are_found_by_their_shape(pattern: str, stretches: list[str]) -> None:
    assert [pattern[start:end] for start, end in nested_repeats(pattern)] == stretches
