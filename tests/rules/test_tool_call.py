"""The rule `tool-call`: this function, its parameters, and the arguments that this request states, nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

import pytest
from rulekit import World, read, trusted_answers

RULE = "tool-call"
TYPES = {
    "from_city": {"type": "string"}, "to_city": {"type": "string"}, "days": {"type": "integer"},
    "people": {"type": "integer"}, "budget": {"type": "number"}, "date": {"type": "string", "format": "date"},
    "travel_class": {"type": "string", "enum": ["economy", "business"]}, "note": {"type": "string"},
}  # fmt: skip
SAID = {
    "from_city": "from {}", "to_city": "to {}", "days": "for {} days", "people": "with {} people",
    "budget": "budget: {}", "date": "on {}", "travel_class": "in {}", "note": 'noting "{}"',
}  # fmt: skip
POOL: dict[str, tuple[Any, ...]] = {
    "from_city": ("Rome", "New York"), "to_city": ("Oslo", "Lima"), "days": (3, 12), "people": (2, 5),
    "budget": (899.5, 1200), "date": ("2026-03-04", "2026-04-03"), "travel_class": ("economy", "business"),
    "note": ("no nuts", "nuts"),
}  # fmt: skip
WORDINGS = (
    "You can call this function:\n{definition}\nRequest: {request}\n"
    'Reply with a JSON object {{"name": …, "arguments": {{…}}}}.',
    "Here is a tool:\n```json\n{definition}\n```\n\nUser request: {request}\n\n"
    "Answer with a single JSON object, nothing else.",
    "Use the following API function for the request. Respond with JSON only.\n{definition}\nUser: {request}",
    'Request: {request}\nCall the tool {definition} and return a JSON object.',
)  # fmt: skip


@dataclass(frozen=True)
class Item:
    """A function and what a request states for its parameters."""

    function: str
    stated: dict[str, Any] = field(hash=False)
    verb: str = "Plan a trip"

    @property
    def request(self) -> str:
        return " ".join([self.verb, *(SAID[key].format(value) for key, value in self.stated.items())])

    def prompt(self, rng: Random) -> str:
        parameters = {"type": "object", "properties": TYPES, "required": list(self.stated)[:1]}
        definition: dict[str, Any] = {"name": self.function, "parameters": parameters}
        if rng.random() < 0.5:
            definition = {"type": "function", "function": definition}
        return rng.choice(WORDINGS).format(definition=json.dumps(definition), request=self.request)

    def reply(self, *without: str, **changes: Any) -> str:
        arguments = {key: value for key, value in self.stated.items() if key not in without} | changes
        return json.dumps({"name": self.function, "arguments": arguments})

    def is_right(self, answer: str) -> bool:
        """Exactly the function and exactly what was stated."""
        return bool(json.loads(answer) == {"name": self.function, "arguments": self.stated})

    def other_value(self, key: str) -> Any:
        return next(value for value in POOL[key] if value != self.stated[key])


def items(seed: int) -> Iterator[tuple[Item, Random]]:
    rng = Random(seed)
    for number in range(40):
        keys = ["from_city", "to_city", *rng.sample(sorted(set(TYPES) - {"from_city", "to_city"}), 1 + number % 3)]
        yield Item(rng.choice(("plan", "book_trip")), {key: rng.choice(POOL[key]) for key in keys}), rng


def wrong(item: Item) -> list[str]:
    keys = list(item.stated)
    last = keys[-1]
    swapped = {"from_city": item.stated["to_city"], "to_city": item.stated["from_city"]}
    changes: list[dict[str, Any]] = [
        {last: item.other_value(last)}, {last: str(item.stated[last]) + " x"}, {last: None}, {last: True}, swapped,
        {"from_city": ""}, {"from_city": "Berlin"}, {"hotel": "Rome"}, {last: [item.stated[last]]}, {"to_city": 3},
        {"days": 77}, {"note": "invented"}, {"from_city": item.request},
    ]  # fmt: skip
    other_name = item.reply().replace(item.function, "plan_all")
    shouted = item.reply().replace('"from_city"', '"From_city"')
    malformed = [
        "",
        "{}",
        "[]",
        item.reply()[:-1],
        item.reply() * 2,
        f"{item.function}(x)",
        '"plan"',
        other_name,
        shouted,
    ]
    flat = json.dumps({"name": item.function} | item.stated)
    return [*(item.reply(**change) for change in changes), item.reply(last), item.reply(keys[0]), flat, *malformed]


def test_right_calls_are_verified_at_the_first_call() -> None:
    for item, rng in items(1):
        for reply in (item.reply(), f"Sure:\n```json\n{item.reply()}\n```"):
            prompt = item.prompt(rng)
            outcome = World(RULE).ask(prompt, reply)
            assert outcome is not None, prompt
            assert (outcome.final, outcome.calls) == ("verified", 1), (prompt, outcome.verdicts)
            assert item.is_right(outcome.answer)


def test_wrong_and_malformed_calls_are_never_served_as_verified() -> None:
    for item, rng in items(2):
        for answer in trusted_answers(RULE, partial(item.prompt, rng), wrong(item), 3):
            assert item.is_right(answer), (item, answer)


def test_rewordings_are_reused_and_other_requests_get_their_own_call() -> None:
    free = asked = 0
    for item, rng in items(3):
        world = World(RULE)
        world.ask(item.prompt(rng), item.reply())
        outcome = world.ask(item.prompt(rng), "no", "no", "no")
        assert outcome is not None
        free, asked = free + (outcome.calls == 0 and item.is_right(outcome.answer)), asked + 1
        others = [replace(item, stated={**item.stated, key: item.other_value(key)}) for key in item.stated]
        others += [replace(item, verb="Do not plan a trip"), replace(item, function="cancel_trip")]
        turned = {**item.stated, "from_city": item.stated["to_city"], "to_city": item.stated["from_city"]}
        others += [replace(item, stated=turned), replace(item, stated=dict(list(item.stated.items())[:-1]))]
        for other in others:
            outcome = world.ask(other.prompt(rng), other.reply())
            assert outcome is not None
            assert other.is_right(outcome.answer), (item, other, outcome.answer)
    assert free > 0.8 * asked


def test_the_one_number_of_a_request_is_exchanged_without_a_call() -> None:
    rng = Random(5)
    for number in (4, 7, 30):
        item = Item("plan", {"from_city": "Rome", "days": 3})
        world = World(RULE)
        prompt = item.prompt(rng)
        world.ask(prompt, item.reply())
        other = replace(item, stated={"from_city": "Rome", "days": number})
        outcome = world.ask(prompt.replace("3 days", f"{number} days"))
        assert outcome is not None
        assert (outcome.outcome, outcome.calls, other.is_right(outcome.answer)) == ("rewrite", 0, True)


def table(meals: list[tuple[str, int]], wish: dict[str, bool], seat: tuple[str, str], day: str) -> tuple[str, str]:
    """A request for a table, and the right call; the words that the judge reads are those that it wrote."""
    ordered = " and ".join(f"{count} {dish}" for dish, count in meals)
    wishes = " ".join(f"with {key}" if value else f"without {key}" for key, value in wish.items())
    asked = f"Order {ordered} from {seat[0]} to {seat[1]} on {day} {wishes}".strip()
    arguments = {
        "meals": [{"dish": dish, "count": count} for dish, count in meals],
        "route": {"origin": seat[0], "destination": seat[1]}, "date": day, **wish,
    }  # fmt: skip
    properties = {
        "meals": {"type": "array", "items": {"type": "object", "required": ["dish"], "properties": {
            "dish": {"type": "string"}, "count": {"type": "integer"}}}},
        "route": {"type": "object", "properties": {"origin": {"type": "string"}, "destination": {"type": "string"}}},
        "date": {"type": ["string", "null"]}, "cutlery": {"type": "boolean"}, "napkins": {"type": "boolean"},
    }  # fmt: skip
    definition = json.dumps({"name": "order", "parameters": {"type": "object", "properties": properties}})
    return (
        f"Call this function. Reply with a JSON object.\n{definition}\nRequest: {asked}",
        json.dumps({"name": "order", "arguments": arguments}),
    )


def nested_faults(right: str) -> Iterator[str]:
    """The call with one thing wrong each: mixed, turned, left out, invented, or of another shape."""

    def changed(**changes: Any) -> str:
        call = json.loads(right)
        return json.dumps(call | {"arguments": {**call["arguments"], **changes}})

    given = json.loads(right)["arguments"]
    first, second = given["meals"][:2]
    if first["count"] != second["count"]:
        mixed = [{**first, "count": second["count"]}, {**second, "count": first["count"]}]
        yield changed(meals=mixed)
    yield changed(meals=[first])
    yield changed(meals=[first, {"dish": second["dish"]}])
    yield changed(meals=[first, {**second, "date": given["date"]}])
    yield changed(meals=[[first["dish"], first["count"]]])
    yield changed(route={"origin": given["route"]["destination"], "destination": given["route"]["origin"]})
    yield changed(route={**given["route"], "city": "Rome"})
    yield changed(date=None)
    for key in ("cutlery", "napkins"):
        if key in given:
            yield changed(**{key: not given[key]})
            yield changed(**{key: str(given[key]).lower()})
            yield json.dumps({"name": "order", "arguments": {k: v for k, v in given.items() if k != key}})
        else:
            yield changed(**{key: True})
            yield changed(**{key: False})


def test_lists_of_objects_and_truth_values_are_passed_on_as_stated() -> None:
    rng = Random(7)
    wishes: tuple[dict[str, bool], ...] = ({}, {"cutlery": True}, {"cutlery": False}, {"napkins": False})
    for number in range(48):
        dishes = rng.sample(["soups", "salads", "pizzas", "rolls"], 2)
        meals = [(dish, rng.randint(2, 5)) for dish in dishes]
        seat = rng.choice([("Rome", "Oslo"), ("Lima", "Bonn")])
        prompt, right = table(meals, wishes[number % 4], seat, rng.choice(["2026-03-04", "2026-05-06"]))
        outcome = World(RULE).ask(prompt, right)
        assert outcome is not None
        assert (outcome.final, outcome.calls) == ("verified", 1), (prompt, outcome.verdicts)
        assert list(trusted_answers(RULE, prompt, nested_faults(right), 3)) == [], prompt


@pytest.mark.parametrize(
    "wording",
    [
        "You are a helpful assistant with access to the following functions:\n{}\n\nUser: do x\n"
        "Respond with the function call as JSON.",
        "Available tools:\n{}\nQuery: do x\nReturn the tool call as a JSON object.",
        "Tool: {}\nRequest: do x\nReturn JSON.",
        "Given this function {} produce the JSON call for the request.\nRequest: do x",
        "Function definition:\n```json\n{}\n```\nUser message: do x\n"
        'Respond only with valid JSON of the form {{"name": "...", "arguments": {{...}}}}.',
        "Use the function below to answer. Do not make up values. Respond in JSON.\n{}\nUser: do x",
        "Call the function with the right arguments. Output JSON only, no markdown.\n{}\nQuestion: do x",
    ],
)
def test_a_call_is_asked_for_in_many_words(wording: str) -> None:
    task = read(RULE, wording.format(DEFINITION))
    assert task is not None
    assert (task.values["request"], task.let["given"]["name"]) == ("do x", "f")


NULLABLE = '{"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": ["object", "null"]}}}}'
DEFINITION = '{"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "string"}}}}'


@pytest.mark.parametrize(
    "prompt",
    [
        f"Call this function: {DEFINITION}\nRequest: do x",
        f"Call this function. Answer with JSON. {DEFINITION}",
        f"Call one of these functions. Answer with JSON. {DEFINITION} {DEFINITION.replace('f', 'g')}\nRequest: do x",
        f"Call this function twice. Answer with JSON. {DEFINITION}\nRequest: do x",
        f"Do not call this function. Answer with JSON. {DEFINITION}\nRequest: do x",
        f"Call this function, or say why not. Answer with JSON. {DEFINITION}\nRequest: do x",
        f"Call this function. Answer with JSON. {DEFINITION}\nRequest: do x\nRequest: do y",
        f"Call this function. Answer with JSON. {DEFINITION.replace('string', 'any')}\nRequest: do x",
        f"Call this function. Answer with JSON. {DEFINITION.replace('string', 'array')}\nRequest: do x",
        f"Call this function. Answer with JSON. {DEFINITION.replace('string', 'object')}\nRequest: do x",
        f"Call this function. Answer with JSON. {NULLABLE}\nRequest: do x",
        f"Call this function. Answer with JSON. {DEFINITION[:-1]}\nRequest: do x",
        f"Write a Python function for the request. Return JSON. {DEFINITION}\nRequest: do x",
        "Call the function f(x: string) and answer with JSON.\nRequest: do x",
    ],
)
def test_other_requests_are_left_alone(prompt: str) -> None:
    assert read(RULE, prompt) is None


@pytest.mark.parametrize(
    "tail",
    [
        "under no circumstances by train", "anything but the train", "steer clear of trains", "other than by train",
        "hold the wine", "minus the dog", "no smoking", "well away from smokers", "avoid the coast", "if it rains",
        "unless it rains", "neither by train nor by bus", "skip the coast", "excluding trains", "free of smoke",
        "smoke-free", "trains are out of the question", "leave out the coast", "scratch that", "nah", "without a dog",
        "instead of the last one", "I am allergic to nuts", "stay off the motorway", "keep away from the coast",
    ],
)  # fmt: skip
def test_a_call_that_passes_over_a_denial_or_a_condition_is_never_trusted(tail: str) -> None:
    item = Item("plan", {"from_city": "Rome", "to_city": "Oslo"})
    prompt = item.prompt(Random(1)).replace(item.request, f"{item.request}, {tail}")
    assert tail in prompt
    assert World(RULE).trusted(prompt, [item.reply()] * 3) is None


@pytest.mark.parametrize(
    "people", ["at least 2", "2 to 4", "about 2", "2k", "twice 2", "up to 2", "2+", "2 dozen", "-2", "more than 2"]
)
def test_a_bound_a_guess_or_a_range_is_no_number(people: str) -> None:
    item = Item("plan", {"from_city": "Rome", "people": 2})
    prompt = item.prompt(Random(1)).replace("with 2 people", f"with {people} people")
    assert World(RULE).trusted(prompt, [item.reply()] * 3) is None
