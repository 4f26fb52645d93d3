"""The rule `regex-pattern` against seeded examples and replies. The judge tries every expression with `re`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from random import Random

import pytest
from rulekit import TRUSTED, World, read, runs

RULE = "regex-pattern"
# A right expression, texts that it matches, texts that it is not found in, and a text that it wrongly fits.
FAMILIES = [
    (r"^[a-z]\d+$", ["a1", "b22", "c333", "z9"], ["1a", "abc", "A1", "a1b"]),
    (r"^\d{4}-\d{2}$", ["2026-01", "1999-12", "0001-07"], ["2026/01", "26-01", "2026-1", "x"]),
    (r"^#[0-9a-f]{6}$", ["#a1b2c3", "#ffffff", "#000000"], ["a1b2c3", "#fff", "#gggggg"]),
    (r"^\w+@\w+\.com$", ["ann@x.com", "bob_1@mail.com", "c@d.com"], ["ann.x.com", "@x.com", "ann@x.org"]),
    (r"^\(\d{3}\)$", ["(123)", "(555)", "(000)"], ["123", "(12)", "[123]"]),
    (r"^v\d+\.\d+$", ["v1.0", "v10.25", "v2.3"], ["1.0", "v1", "v1.0.0"]),
    (r"^\$\d+$", ["$5", "$120", "$99"], ["5$", "$", "$5.0"]),
    (r"^[A-Z][a-z]+ [A-Z][a-z]+$", ["Ann Lee", "Bob Ray", "Cy Twom"], ["ann lee", "Ann", "Ann lee"]),
]
WORDINGS = [
    "Write a regex that matches {0} but not {1}.",
    "Please give me a regular expression matching {0} and not matching {1}",
    "I need a pattern. It must match {0}. It must not match {1}.",
    "Create a regex that does not match {1} and matches {0}.",
    "Find a Python regex that accepts the strings {0} and rejects the strings {1}.",
]


@dataclass(frozen=True, slots=True)
class Item:
    """Examples and counter-examples, and how they are asked for."""

    good: tuple[str, ...]
    bad: tuple[str, ...]
    wording: int = 0
    marks: str = '""'

    @property
    def prompt(self) -> str:
        """The prompt."""
        wording = WORDINGS[self.wording % len(WORDINGS)]
        return wording.format(self._listed(self.good, "and"), self._listed(self.bad, "or"))

    def _listed(self, texts: tuple[str, ...], word: str) -> str:
        quoted = [f"{self.marks[0]}{text}{self.marks[1]}" for text in texts]
        return f" {word} ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else quoted[0]


def is_right(item: Item, answer: str) -> bool:
    """Whether the answer, as an expression, matches all that it must from end to end, and nothing that it must not."""
    pattern = answer.strip().removeprefix("```regex\n").removesuffix("\n```").strip("`")
    try:
        compiled = re.compile(pattern)
    except re.error:
        return False
    return all(compiled.fullmatch(text) for text in item.good) and not any(map(compiled.search, item.bad))


def items(seed: int, count: int) -> list[tuple[Item, str]]:
    rng = Random(seed)
    found = []
    for number in range(count):
        pattern, good, bad = FAMILIES[number % len(FAMILIES)]
        some, others = rng.sample(good, rng.randint(1, len(good))), rng.sample(bad, rng.randint(1, len(bad)))
        found.append((Item(tuple(some), tuple(others), rng.randrange(9), rng.choice(['""', "``", "“”"])), pattern))
    return found


def wrong_replies(item: Item, pattern: str) -> list[str]:
    return [
        ".*", "", "[", f"/{pattern}/", f'r"{pattern}"', f"Here it is: {pattern}", f"{pattern}\nIt works.", "^x{99}$",
        "|".join(map(re.escape, item.bad)), re.escape(item.good[0])[:-1], "I cannot do that.", f"```\n{pattern}",
        "(?s).+", r"\p{L}+", pattern.replace("^", ".*").replace("$", ".*"),
    ]  # fmt: skip


def test_right_replies_are_verified_at_once_and_wrong_ones_never() -> None:
    for item, pattern in items(1, 48):
        for reply in (pattern, f"`{pattern}`", f"```regex\n{pattern}\n```"):
            outcome = World(RULE).ask(item.prompt, reply)
            assert outcome is not None, item.prompt
            assert (outcome.final, outcome.calls) == ("verified", 1), (item.prompt, reply)
            assert is_right(item, outcome.answer)
        for outcome in runs(RULE, item.prompt, wrong_replies(item, pattern), 2):
            assert outcome is not None
            assert outcome.final in TRUSTED
            assert is_right(item, outcome.answer), (item.prompt, outcome.answer)


def variants(item: Item, rng: Random) -> dict[str, Item]:
    shuffled = tuple(rng.sample(item.good, len(item.good)))
    return {
        "reworded": replace(item, good=shuffled, wording=item.wording + 1, marks="``"),
        "reversed": replace(item, good=item.bad, bad=item.good),
        "value_changed": replace(item, good=(*item.good[:-1], "Qq-7")),
        "wanted_added": replace(item, good=(*item.good, "??")),
        "unwanted_added": replace(item, bad=(*item.bad, f"{item.good[0]}{item.good[0]}")),
        "removed": replace(item, good=item.good[:1], bad=item.bad[:1]),
    }


def test_rewordings_are_reused_and_changed_requests_get_their_own_answer() -> None:
    rng = Random(2)
    for item, pattern in items(3, 48):
        for kind, variant in variants(item, rng).items():
            world = World(RULE)
            world.ask(item.prompt, pattern)
            reply = rng.choice([pattern, ".*", "", "I cannot."])
            outcome = world.ask(variant.prompt, *[reply] * 4)
            assert outcome is not None, variant.prompt
            assert outcome.final in TRUSTED
            assert is_right(variant, outcome.answer), (variant.prompt, outcome.answer)
            if kind in {"reworded", "removed"}:
                assert outcome.calls == 0, (item.prompt, variant.prompt)


DECLINED = r"""
Write a regex that matches "a1" and "b2".
Write a regex that does not match "a1".
Write a regex for dates that matches "2026-01-01" but not "x".
Write a regex that matches anything but "a".
Write a regex that matches strings like "a1" but not "1a".
Write a regex that matches only "a1" and not "1a".
Write a regex that matches not only "a1" but also "b1", not "c".
Write a regex that matches "a1" but not "1a", ignoring case.
Write a case-insensitive regex that matches "a1" but not "1a".
Write a JavaScript regex that matches "a1" but not "1a".
Write a regex that matches either "a1" or "b1" but not "1a".
Write a regex that matches neither "a1" nor "1a".
Write a regex that fails to match "a1" but not "1a".
Write a regex that matches "a1" at the start but not "1a".
Write a regex that matches "a1" followed by "b" but not "1a".
Write a regex that matches "a1" but not "1a" or 'b.
Write a regex that matches "a1 but not "1a".
Write a regex that matches " a1" but not "1a".
Write a regex that matches "a\n" but not "1a".
Write a regex that matches "a1" but not "a1".
Write a regex that matches "a1" but not "1a" and explain it.
Does this regex match "a1" but not "1a"?
Does the pattern match "a1" but not "1a"?
Write a regex that matches "a1" and one that does not match "1a".
Write a regex that matches "a1" and a pattern that does not match "1a".
Write a regex for words that matches "ab" but not "a1".
Find the pattern in these words: it matches "ab" but not "a1".
Write two regexes that match "a1" but not "1a".
Does the regex `a.` match "a1" but not "1a"?
Why does this regex match "a1" but not "1a": `a.`
Write a regex that matches "a1" but not "1a" with at most 5 characters.
Write a regex that matches "a1", "a2", ... but not "1a".
Write a regex that matches "a1" (and "a2") but not "1a".
Write a glob pattern that matches "a1" but not "1a".
Write a regex that matches "a1" but not "1a". Do it without digits.
Write a regex that should not match "a1" but should "1a".
"""


@pytest.mark.parametrize("prompt", [line for line in DECLINED.splitlines() if line])
def test_a_prompt_that_is_not_understood_whole_is_left_alone(prompt: str) -> None:
    assert read(RULE, prompt) is None


def test_an_expression_that_takes_too_long_is_not_right() -> None:
    prompt = f'Write a regex that matches "{"a" * 38}" but not "{"a" * 38}b".'
    outcome = World(RULE).ask(prompt, "^(a|a|aa)*$", "^(a|a|aa)*$", "^(a|a|aa)*$")
    assert outcome is not None
    assert outcome.final == "fallback"
    outcome = World(RULE).ask(prompt, "^a*$")
    assert outcome is not None
    assert outcome.final == "verified"
