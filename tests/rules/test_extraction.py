"""The rule `extraction`: the asked keys, values that stand in the passage, and another passage's values never."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

import pytest
from rulekit import World, read, trusted_answers

RULE = "extraction"
PASSAGE = "{name} from {city} paid {amount} EUR for {quantity} lamps to {seller}."
NAMES = ("Ann", "Benoit", "Carla O'Neil", "Dave")
CITIES = ("Rome", "Oslo", "New York")
WORDINGS = (
    "Extract the {keys} as JSON from: {q}{text}{q}",
    "Please extract {keys} from the following text. Return a JSON object.\n\nText: {text}",
    "Extract these fields as JSON: {keys}. Text: {q}{text}{q}",
    "Can you extract {keys} from {q}{text}{q} as a JSON object?",
    "Extract the data from the passage below as JSON with keys {keys}:\n\n{text}",
    "Extract these fields from the text below and return them as JSON:\n{bullets}\n\nText: {text}",
)


@dataclass(frozen=True)
class Item:
    """What a passage says, and which of it is asked for."""

    name: str
    city: str
    amount: int
    quantity: int
    seller: str
    keys: tuple[str, ...]
    negated: bool = False

    @property
    def passage(self) -> str:
        text = PASSAGE.format(**self.truth(tuple(Item.__annotations__)[:5]))
        return text.replace("paid", "never paid") if self.negated else text

    def truth(self, keys: tuple[str, ...]) -> dict[str, Any]:
        return {key: getattr(self, key) for key in keys}

    def prompt(self, rng: Random) -> str:
        keys = rng.sample(self.keys, len(self.keys))
        listed = " and ".join(keys) if len(keys) < 3 else ", ".join(keys[:-1]) + ", and " + keys[-1]
        bullets = "\n".join(f"- {key}" for key in keys)
        return rng.choice(WORDINGS).format(keys=listed, q='"', text=self.passage, bullets=bullets)

    def reply(self, **changes: Any) -> str:
        return json.dumps(self.truth(self.keys) | changes)

    def is_right(self, answer: str) -> bool:
        """Exactly the asked keys, and every value a word or number of this passage."""
        data = json.loads(answer)
        if set(data) != set(self.keys):
            return False
        numbers = {self.amount, self.quantity}
        return all(
            value in numbers
            if not isinstance(value, str)
            else bool(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", self.passage))
            for value in data.values()
        )

    def variants(self) -> Iterator[Item]:
        yield replace(self, amount=self.amount + 1)
        yield replace(self, name=self.seller, seller=self.name)
        yield replace(self, city="Paris")
        yield replace(self, negated=True)
        yield replace(self, keys=self.keys[1:])
        yield replace(self, keys=(*self.keys, "quantity"))


def items(seed: int) -> Iterator[tuple[Item, Random]]:
    rng = Random(seed)
    for _ in range(40):
        name, seller = rng.sample(NAMES, 2)
        keys = tuple(rng.sample(("name", "city", "amount", "seller"), rng.choice((2, 3))))
        yield Item(name, rng.choice(CITIES), rng.randrange(20, 3000), rng.randrange(2, 9), seller, keys), rng


def bad(item: Item) -> list[str]:
    first, last = item.keys[0], item.keys[-1]
    changes: list[dict[str, Any]] = [
        {first: "Zoe"}, {first: 77777}, {first: None}, {first: ""}, {first: True}, {first: -item.amount},
        {first: [item.name, "Zoe"]}, {first: {"is": "Rome"}}, {last: item.passage[1:9]}, {last: "Ann Rome"},
        {"extra": item.name},
    ]  # fmt: skip
    malformed = ["{}", "[]", "", "null", "Ann", item.reply()[:-1], item.reply() * 2]
    renamed = item.reply().replace(f'"{first}"', f'"{first.upper()}"')
    return [*(item.reply(**change) for change in changes), *malformed, renamed, json.dumps(item.truth(item.keys[1:]))]


def test_right_answers_are_verified_at_the_first_call() -> None:
    for item, rng in items(1):
        for reply in (item.reply(), f"Here you are:\n```json\n{item.reply()}\n```"):
            prompt = item.prompt(rng)
            outcome = World(RULE).ask(prompt, reply)
            assert outcome is not None, prompt
            assert (outcome.final, outcome.calls) == ("verified", 1), (prompt, outcome.verdicts)
            assert item.is_right(outcome.answer)


def test_what_does_not_stand_in_the_passage_is_never_served_as_verified() -> None:
    for item, rng in items(2):
        for answer in trusted_answers(RULE, partial(item.prompt, rng), bad(item), 3):
            assert item.is_right(answer), (item, answer)


def test_rewordings_are_reused_and_other_passages_never_get_the_answer() -> None:
    free = asked = 0
    for item, rng in items(3):
        world = World(RULE)
        world.ask(item.prompt(rng), item.reply())
        outcome = world.ask(item.prompt(rng), "no", "no", "no")
        assert outcome is not None
        free, asked = free + (outcome.calls == 0 and outcome.answer == item.reply()), asked + 1
        for other in item.variants():
            outcome = world.ask(other.prompt(rng), other.reply(), other.reply())
            assert outcome is not None
            assert json.loads(outcome.answer) == other.truth(other.keys), (item, other, outcome.answer)
            assert outcome.calls == 1 or other.passage == item.passage
    assert free > 0.9 * asked


def test_a_key_less_needs_no_call_and_a_key_more_one() -> None:
    for item, rng in items(4):
        world = World(RULE)
        world.ask(item.prompt(rng), item.reply())
        less, more = replace(item, keys=item.keys[1:]), replace(item, keys=(*item.keys, "quantity"))
        fewer = world.ask(less.prompt(rng))
        assert fewer is not None
        assert (fewer.outcome, fewer.calls) == ("rewrite", 0)
        assert json.loads(fewer.answer) == less.truth(less.keys)
        longer = world.ask(more.prompt(rng), more.reply())
        assert longer is not None
        assert (longer.final, longer.calls) == ("verified", 1)


@pytest.mark.parametrize(
    "prompt",
    [
        'Extract the first name and date as JSON from "Ann came on 4 March 2026"',
        'Extract all names as JSON from "Ann and Ben came"',
        'Extract the name as JSON from "Ann came" and translate it',
        'Extract the name from "Ann came"',
        "Extract name and date as JSON from the text above.",
        'Extract the name of the buyer and the date as JSON from "Ann sold it to Ben on 4 March 2026"',
        'Extract name, but not date, as JSON from "Ann is 30"',
        'Extract name and age in months as JSON from "Ann is 30"',
        'Extract name and date as JSON from "Ann is 30" and "Ben is 40"',
        'Extract name (string) and age (number) as JSON from: "Ann is 30"',
        'Extract name or date as JSON from "Ann came on 4 March 2026"',
        'Extract the earliest date as JSON from "4 March 2026 and 5 March 2026"',
        'Do not extract the name as JSON from "Ann came"',
        'Extract the name as JSON from: "Ann came". Do not use null if missing.',
        'Extract name or date as YAML and JSON from "Ann came"',
        'Extract the name and date as JSON from "Ann said "no" to Ben"',
        "Give me a JSON object about Ann with keys name and date.",
    ],
)
def test_other_requests_are_left_alone(prompt: str) -> None:
    assert read(RULE, prompt) is None


FORMS: list[tuple[str, tuple[Any, ...], tuple[Any, ...]]] = [
    (
        "date",
        ("4 March 2026", "March 4, 2026", "04.03.2026", "4/3/2026", "Mon, 4 Mar 2026", "4. März 2026", "Monday"),
        ("20 EUR", "2019", "20.50", "Mark", 2026, "March", "5 apples", "10:30"),
    ),
    ("dateOfBirth", ("4 March 1999",), ("1999", "EUR")),
    (
        "amount",
        (30, "30 EUR", "$1,300.50", "1 200,50 kr", "2 million dollars"),
        ("EUR", "four", "4 March 2026", "10:30"),
    ),
    ("ticket_price", ("free", "$5 per month"), ("4 March", "EUR")),
    ("name", ("Ann", "Carla O'Neil", "June Carter", "Mark"), ("EUR", "30", "Monday", "for", "@ann")),
    ("email", ("a.b+c@mail.example.co.uk",), ("Ann", "a@b", "@")),
    ("phone", ("+49 30 1234567", "(555) 123-4567", 5551234), ("Ann", "12", 20)),
    ("url", ("https://x.org/a?b", "example.com"), ("20.50", "Ann", "a@b.org")),
    ("year", (2019, "2019"), ("4 March 2026", 30)),
    ("company", ("3M", "Euro Foods"), ("30 EUR", "42", "EUR")),
]


@pytest.mark.parametrize(("key", "right", "wrong"), FORMS)
def test_a_value_has_the_form_that_its_key_says(key: str, right: tuple[Any, ...], wrong: tuple[Any, ...]) -> None:
    def is_verified(value: Any) -> bool:
        prompt = f'Extract the {key} and helper as JSON from: "It says {value} there. Also helper: Ann."'
        outcome = World(RULE).ask(prompt, *[json.dumps({key: value, "helper": "Ann"})] * 3)
        assert outcome is not None
        return outcome.final == "verified"

    assert [value for value in right if not is_verified(value)] == []
    assert [value for value in wrong if is_verified(value)] == []
