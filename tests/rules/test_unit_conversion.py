"""The rule `unit-conversion` against an independent table: wordings, directions, changed numbers, wrong replies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from random import Random

import pytest
from rulekit import World, read, trusted_answers

RULE = "unit-conversion"
SPELLINGS = {
    "mi": ("miles", "mi"), "km": ("kilometres", "km", "kilometers"), "ft": ("feet", "ft"), "m": ("metres", "meters"),
    "cm": ("cm", "centimeters"), "inch": ("inches",), "lb": ("pounds", "lbs"), "kg": ("kg", "kilograms"),
    "g": ("grams",), "oz": ("ounces", "oz"), "l": ("litres", "liters"), "ml": ("ml",), "usgal": ("US gallons",),
    "h": ("hours",), "min": ("minutes",), "d": ("days",), "C": ("°C", "degrees Celsius"), "F": ("degrees Fahrenheit",),
}  # fmt: skip
SIZES = {
    "mi": 1.609344, "km": 1, "ft": 0.0003048, "m": 0.001, "cm": 0.00001, "inch": 0.0000254, "lb": 0.45359237, "kg": 1,
    "g": 0.001, "oz": 0.028349523125, "l": 1, "ml": 0.001, "usgal": 3.785411784, "h": 60, "min": 1, "d": 1440,
}  # fmt: skip
PAIRS = [
    ("mi", "km"), ("ft", "m"), ("inch", "cm"), ("lb", "kg"), ("oz", "g"), ("usgal", "l"), ("l", "ml"), ("h", "min"),
    ("d", "h"), ("C", "F"),
]  # fmt: skip
WORDINGS = (
    "Convert {n} {a} to {b}.",
    "How many {b} are {n} {a}?",
    "What is {n} {a} in {b}?",
    "Please convert {n} {a} into {b}",
    "{n} {a} = ? {b}",
    "Hi, can you tell me how much {n} {a} is in {b}? Thanks!",
)
KNOWN = {spelling.lower(): unit for unit, spellings in SPELLINGS.items() for spelling in spellings} | {"°f": "F"}
KNOWN |= {
    "lb": "lb",
    "mi": "mi",
    "ft": "ft",
    "us gallons": "usgal",
    "minutes": "min",
    "hours": "h",
    "days": "d",
    "l": "l",
    "g": "g",
    "m": "m",
}


@dataclass(frozen=True)
class Item:
    """So much of one unit, wanted in another."""

    amount: float
    source: str
    target: str

    @property
    def value(self) -> float:
        """The right number, by this file's own table."""
        if self.source == "C":
            return self.amount * 9 / 5 + 32
        if self.source == "F":
            return (self.amount - 32) * 5 / 9
        return self.amount * SIZES[self.source] / SIZES[self.target]

    def prompt(self, rng: Random) -> str:
        """The question in one of many wordings."""
        a, b = (rng.choice(SPELLINGS[unit]) for unit in (self.source, self.target))
        return rng.choice(WORDINGS).format(n=f"{self.amount:g}", a=a, b=b)

    def is_right(self, answer: str) -> bool:
        """Whether an answer ends in the right number with the right unit, and equates nothing else with it."""
        unit = "|".join(sorted(map(re.escape, KNOWN), key=len, reverse=True))
        found = re.findall(rf"(-?[\d,]*\.?\d+)\s*({unit})(?!\w)", answer, re.IGNORECASE)
        if not found:
            return False
        number, name = found[-1]
        near = (
            abs(float(number.replace(",", "")) - self.value) <= 0.005 * max(abs(self.value), 0.01) and len(number) >= 4
        )
        near = near or float(number.replace(",", "")) == round(self.value, 9)
        others = all(
            float(n.replace(",", "")) in (self.amount, 1.0)
            or (KNOWN[unit.lower()] == self.target and abs(float(n.replace(",", "")) - self.value) < 1e-6)
            for n, unit in found[:-1]
        )
        return near and others and KNOWN[name.lower()] == self.target and " not " not in answer


def items(seed: int) -> Iterator[tuple[Item, Random]]:
    rng = Random(seed)
    for source, target in PAIRS * 5:
        if rng.random() < 0.5:
            source, target = target, source  # noqa: PLW2901 - the direction is part of what is drawn
        yield Item(rng.choice([2, 3.5, 12, 40, 75, 120, 0.5]), source, target), rng


def right(item: Item) -> list[str]:
    a, b = SPELLINGS[item.source][0], SPELLINGS[item.target][0]
    n, v = f"{item.amount:g}", f"{item.value:.6f}"
    return [f"{n} {a} = {v} {b}", f"{n} {a} is approximately {v} {b}.", f"Sure!\n\n{n} {a} equals {v} {b}"]


def wrong(item: Item) -> list[str]:
    a, b = SPELLINGS[item.source][0], SPELLINGS[item.target][0]
    n, v = f"{item.amount:g}", f"{item.value:.6f}"
    back = Item(item.amount, item.target, item.source).value
    return [
        f"{n} {a} = {item.value * 1.1 + 1:.4f} {b}",
        f"{n} {a} = {v} {a}",
        f"{n} {b} = {back:.6f} {a}",
        f"{n} {a} = {back * 1.01 + 0.5:.6f} {b}",
        f"{n} {a} is not {v} {b}",
        f"{n} {a} is more than {v} {b}",
        f"{item.amount + 1:g} {a} = {v} {b}",
        f"{n} {a} = {v} {b}, or {item.value + 7:.3f} {b}",
        f"{n} {a} = {v} {b}\nSo the answer is {item.value + 7:.3f} {b}",
        f"The factor is 17.\n{n} {a} = {v} {b}",
        f"{v}",
        f"{n} {a} = -{v} {b}",
    ]


MALFORMED = ("", "I cannot do that.", "{}", "km", "= = =", "1.2.3 km", "∞ km", "5 to 6 km")


def test_right_answers_are_verified_at_the_first_call() -> None:
    for item, rng in items(1):
        for reply in right(item):
            outcome = World(RULE).ask(item.prompt(rng), reply, reply)
            assert outcome is not None
            first = ("fallback", 2) if item.value < 0 else ("verified", 1)  # 'is about -4' may be a subtraction
            assert (outcome.final, outcome.calls) == first or "=" in reply, (item, reply, outcome.verdicts)


def test_wrong_and_malformed_answers_are_never_served() -> None:
    served = 0
    for item, rng in items(2):
        for answer in trusted_answers(RULE, partial(item.prompt, rng), (*wrong(item), *MALFORMED), 2):
            served += 1
            assert item.is_right(answer), (item, answer)
    assert served > 350


def test_rewordings_are_reused_and_changes_are_computed_without_a_call() -> None:
    free = asked = 0
    for item, rng in items(3):
        world = World(RULE)
        first = right(item)[0]
        world.ask(item.prompt(rng), first, first)
        changed = [Item(item.amount + 1, item.source, item.target), Item(item.amount, item.target, item.source)]
        for each in (item, *changed):
            outcome = world.ask(each.prompt(rng), "no", "no")
            assert outcome is not None
            assert each.is_right(outcome.answer), (each, outcome.answer)
            free, asked = free + (outcome.calls == 0), asked + 1
    assert free > 0.9 * asked


def test_in_one_store_of_all_questions_everyone_gets_their_own_answer() -> None:
    world = World(RULE)
    for item, rng in items(4):
        answer = world.trusted(item.prompt(rng), [rng.choice(wrong(item)), rng.choice([*wrong(item), *right(item)])])
        assert answer is not None
        assert item.is_right(answer), (item, answer)


CHAINS = [("mi", "ft", "m"), ("d", "h", "min"), ("ft", "inch", "cm"), ("kg", "g", "oz"), ("km", "m", "ft")]


def chain(item: Item, via: str) -> list[str]:
    """The item's conversion over a third unit, line by line."""
    a, v, b = (SPELLINGS[unit][0] for unit in (item.source, via, item.target))
    middle = f"{Item(item.amount, item.source, via).value:.6f}"
    return [f"{item.amount:g} {a} = {middle} {v}", f"{middle} {v} = {item.value:.6f} {b}"]


def wrong_chains(item: Item, via: str) -> Iterator[list[str]]:
    """The lines with one number or unit changed, one left out, or one of another quantity."""
    lines = chain(item, via)
    for index, line in enumerate(lines):
        for number in re.findall(r"\d+(?:\.\d+)?", line):
            yield [*lines[:index], line.replace(number, f"{float(number) * 1.5 + 3:g}", 1), *lines[index + 1 :]]
    yield lines[1:]
    yield lines[::-1]
    yield [chain(Item(item.amount + 1, item.source, item.target), via)[0], lines[1]]
    yield [lines[0], chain(Item(item.amount + 1, item.source, item.target), via)[1]]
    yield chain(Item(item.amount + 1, item.source, item.target), via)
    yield lines[:1]
    yield [*lines, "3 stone = 42 lb"]


def test_a_chain_over_a_third_unit_is_right_only_when_it_is_connected() -> None:
    rng = Random(6)
    for source, via, target in CHAINS:
        for amount in (2, 3.5, 12):
            item = Item(amount, source, target)
            end = f"So {amount:g} {SPELLINGS[source][0]} is about {item.value:.6f} {SPELLINGS[target][0]}."
            for lines in (chain(item, via), [*chain(item, via), end]):
                outcome = World(RULE).ask(item.prompt(rng), "\n".join(lines))
                assert outcome is not None, lines
                assert (outcome.final, outcome.calls) == ("verified", 1), lines
            for lines in wrong_chains(item, via):
                reply = "\n".join(lines)
                outcome = World(RULE).ask(item.prompt(rng), reply, reply)
                assert outcome is not None
                assert outcome.final == "fallback", lines
            for lines in wrong_chains(item, via):  # what leads nowhere is dropped before a right last line
                outcome = World(RULE).ask(item.prompt(rng), "\n".join([lines[0], end]))
                assert outcome is not None
                assert outcome.answer == end, lines


def test_a_stored_chain_never_serves_another_question() -> None:
    rng = Random(7)
    for source, via, target in CHAINS:
        item = Item(3.5, source, target)
        for other in (
            Item(4, source, target),
            Item(3.5, source, via),
            Item(3.5, target, source),
            Item(3.5, via, target),
        ):
            world = World(RULE)
            world.ask(item.prompt(rng), "\n".join(chain(item, via)))
            outcome = world.ask(other.prompt(rng), "no", "no")
            assert outcome is not None
            assert other.is_right(outcome.answer), (item, other, outcome.answer)


@pytest.mark.parametrize(
    "prompt",
    [
        "Convert 5 miles to kg.",
        "Convert 5 Mg to kg.",
        "Convert 5 ft 3 inches to cm.",
        "Convert 5 square feet to square metres.",
        "Convert 5 km/h to miles.",
        "Convert 5 km² to m.",
        "Convert 5 to 6 miles to km.",
        "Convert about 5 miles to km.",
        "Do not convert 5 miles to km.",
        "Convert 5 miles to km and double it.",
        "Convert 5 miles to km, rounded down to one decimal.",
        "Convert 5 miles to km and round it.",
        "Convert 5 miles to km with 3 significant digits.",
        "Convert 5 gallons to litres.",
        "Convert 8 fl oz to ml.",
        "Convert 5 pounds to dollars.",
        "Convert -300 °C to K.",
        "How many km do you run in 5 minutes?",
        "Is 5 miles more than 8 km?",
        "Convert 5 miles to km in French.",
        "Write a Python function that converts 5 miles to km.",
        "What is 5 in km?",
    ],
)
def test_other_questions_are_left_alone(prompt: str) -> None:
    assert read(RULE, prompt) is None
