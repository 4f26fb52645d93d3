"""A changed constant, sign or letter is served from cached steps without a call, and rightly."""

from __future__ import annotations

from collections import Counter

import pytest
from rulekit import World
from workload.checker import judge_equation
from workload.equation_families import families
from workload.equation_replies import right_replies

NAME = "linear-equation"
CHANGED = ("constant_changed", "numbers_changed", "unknown_renamed", "sign_changed")
NUMBERED = "1. Start from 2x + 3 = 11\n2. Subtract 3 from both sides: 2x = 8\n3. Divide both sides by 2: x = 4"


def test_most_changed_variants_are_rewritten_without_a_call_and_every_one_rightly() -> None:
    tried: Counter[tuple[str, str]] = Counter()
    served: Counter[tuple[str, str]] = Counter()
    for number, family in enumerate(families(3, 5)):
        changed = [variant for variant in family.variants if variant.kind in CHANGED]
        for turn, reply in enumerate(right_replies(family.base)):
            variant = changed[(turn + number) % len(changed)]
            world = World(NAME)
            cached = world.ask(family.base.prompt, reply.text)
            if cached is None or cached.final != "verified":  # a bare result where steps are asked for
                continue
            outcome = world.ask(variant.prompt)
            tried[reply.kind, variant.kind] += 1
            if outcome is None:
                continue
            assert (outcome.outcome, outcome.calls) == ("rewrite", 0)
            assert variant.item is not None
            judgement = judge_equation(variant.item, outcome.answer)
            assert judgement.right, f"{variant.prompt!r} got {outcome.answer!r}: {judgement.why}"
            served[reply.kind, variant.kind] += 1
    shares = [
        sum(served[pair] for pair in pairs) / sum(tried[pair] for pair in pairs)
        for place in (0, 1)
        for label in {pair[place] for pair in tried}
        for pairs in [[pair for pair in tried if pair[place] == label]]
    ]
    assert served.total() / tried.total() > 0.9
    assert min(shares) >= 0.6


@pytest.mark.parametrize(
    ("cached", "prompt", "expected"),
    [
        (NUMBERED, "Solve 2x + 5 = 11", ("2x + 5 = 11", "Subtract 5 from both sides: 2x = 6", "by 2: x = 3")),
        (NUMBERED, "Solve 2x - 5 = 11", ("2x - 5 = 11", "Add 5 to both sides: 2x = 16", "by 2: x = 8")),
        (NUMBERED, "Solve -5y - 5 = 15", ("-5y - 5 = 15", "Add 5 to both sides: -5y = 20", "by -5: y = -4")),
        (NUMBERED, "Solve 11 = 3x - 4", ("11 = 3x - 4", "Add 4 to both sides: 3x = 15", "by 3: x = 5")),
        (
            "2x + 3 = 11\n2x = 11 - 3 = 8\nx = 8/2 = 4",
            "Solve 5t - 4 = 21",
            ("5t - 4 = 21", "5t = 21 + 4 = 25", "t = 25/5 = 5"),
        ),
        (
            "Move 3 to the right side: 2x = 8\nHalve both sides: x = 4",
            "Solve 2x + 7 = 11",
            ("Move 7 to the right side: 2x = 4", "Halve both sides: x = 2"),
        ),
        ("2x + 3 = 11\n2x = 8\n4 = x", "Solve 2x + 3 = 21", ("2x + 3 = 21", "2x = 18", "9 = x")),
    ],
)
def test_the_words_and_signs_follow_the_numbers(cached: str, prompt: str, expected: tuple[str, ...]) -> None:
    world = World(NAME)
    world.ask("Solve 2x + 3 = 11", cached)
    outcome = world.ask(prompt)
    assert outcome is not None
    assert (outcome.outcome, outcome.calls, outcome.final) == ("rewrite", 0, "verified")
    assert [part in line for part, line in zip(expected, outcome.answer.splitlines(), strict=True)] == [True] * len(
        expected
    ), outcome.answer


@pytest.mark.parametrize("prompt", ["Solve 2x = 11", "Solve 3x - 2x = 11", "Solve 2x + 3 = 2x + 11"])
def test_steps_that_would_do_nothing_or_do_not_fit_are_not_served(prompt: str) -> None:
    world = World(NAME)
    world.ask("Solve 2x + 3 = 11", NUMBERED)
    assert world.ask(prompt) is None


def test_a_rewritten_answer_still_grants_the_wishes_of_the_prompt() -> None:
    world = World(NAME)
    world.ask("Solve 2x + 3 = 11", "Subtracting 3 from both sides gives 2x = 8, so 2x/2 = 8/2 and x = 4.")
    outcome = world.ask("Solve 2x + 5 = 11. Number your steps.", "1. Subtract 5: 2x = 6\n2. Divide by 2: x = 3")
    assert outcome is not None
    assert (outcome.calls, outcome.answer[:2]) == (1, "1.")


def test_one_wrong_step_costs_less_than_four_tenths_of_a_full_answer() -> None:
    world = World(NAME)
    assert world.store("Solve 2x + 3 = 11", NUMBERED.replace("x = 4", "x = 5"))
    patched = world.ask("Solve 2x + 3 = 11", "3. Divide both sides by 2: x = 4")
    full = World(NAME).ask("Solve 2x + 3 = 11", NUMBERED)
    assert patched is not None
    assert full is not None
    assert (patched.outcome, patched.final, patched.patched, patched.answer) == ("patch", "verified", 1, NUMBERED)
    assert patched.usage.completion_tokens < 0.4 * full.usage.completion_tokens
