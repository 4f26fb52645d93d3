"""The rule `api-tool-call`: the offered function that a request names, and nothing but what the request says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

import pytest
from rulekit import World, read, request_of, trusted_answers

from stepflow.model import Message, Request

RULE = "api-tool-call"
PLACES, DAYS = ("Rome", "Oslo", "New York", "Lima"), ("2026-03-04", "2026-04-03", "2026-05-06")
MEALS = {"type": "array", "items": {"type": "object", "required": ["dish"], "properties": {
    "dish": {"type": "string"}, "count": {"type": "integer"}}}}  # fmt: skip
SHAPES: dict[str, dict[str, Any]] = {
    "bookFlight": {
        "from_city": {"type": "string"}, "to_city": {"type": "string"}, "seats": {"type": "integer"},
        "date": {"type": "string", "format": "date"},
        "travel_class": {"type": "string", "enum": ["economy", "business"]}, "meal": {"type": ["boolean", "null"]},
    },
    "cancel_flight": {"number": {"type": "string"}, "note": {"type": "string"}},
    "get_weather": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"type": "string"}},
    "order-meals": {"meals": MEALS, "street": {"type": "string"}, "cutlery": {"type": "boolean"}},
}  # fmt: skip
TOOLS = [
    {"type": "function", "function": {"name": name, "description": "d",
                                      "parameters": {"type": "object", "properties": shape}}}
    for name, shape in SHAPES.items()
]  # fmt: skip
COURTESY = ("{}", "Please {}.", "{}, please", "Hi, could you {}? Thanks!", "  {}\n")


@dataclass(frozen=True)
class Item:
    """A request, and the one right call. Requests whose calls agree are the same but for courtesy."""

    function: str
    said: str
    stated: dict[str, Any] = field(hash=False)

    def request(self, rng: Random) -> Request:
        return request_of(rng.choice(COURTESY).format(self.said), tools=TOOLS)

    def reply(self, *without: str, **changes: Any) -> str:
        arguments = {key: value for key, value in self.stated.items() if key not in without} | changes
        return json.dumps({"name": self.function, "arguments": arguments})

    def is_right(self, answer: str) -> bool:
        return bool(json.loads(answer) == {"name": self.function, "arguments": self.stated})


def flight(rng: Random) -> Item:
    start, end = rng.sample(PLACES, 2)
    said, stated = f"book a flight from {start} to {end}", {"from_city": start, "to_city": end}
    more: list[tuple[str, str, Any]] = [
        (f" for {(seats := rng.randint(2, 9))} seats", "seats", seats),
        (f" on {(day := rng.choice(DAYS))}", "date", day),
        (f" in {(kind := rng.choice(('economy', 'business')))}", "travel_class", kind),
        rng.choice([(" with a meal", "meal", True), (" without a meal", "meal", False)]),
    ]
    chosen = rng.sample(more, rng.randint(0, 3))
    for words, key, value in sorted(chosen, key=lambda each: each[1] == "meal"):  # 'a meal on …' may be a meal: on
        said, stated = said + words, stated | {key: value}
    return Item("bookFlight", said, stated)


def weather(rng: Random) -> Item:
    city, days = rng.choice(PLACES), rng.randint(2, 9)
    return Item("get_weather", f"get the weather in {city} for {days} days", {"city": city, "days": days})


def cancelled(rng: Random) -> Item:
    number, note = f"LH{rng.randint(100, 999)}", rng.choice(("too late", "no nuts"))
    return Item("cancel_flight", f'cancel flight {number} with the note "{note}"', {"number": number, "note": note})


def meals(rng: Random) -> Item:
    dishes = rng.sample(["soups", "salads", "pizzas", "rolls"], 2)
    counts = rng.sample(range(2, 9), 2)
    listed = [{"dish": dish, "count": count} for dish, count in zip(dishes, counts, strict=True)]
    said = (
        f"order the meals {counts[0]} {dishes[0]} and {counts[1]} {dishes[1]} to the street Long Lane without cutlery"
    )
    return Item("order-meals", said, {"meals": listed, "street": "Long Lane", "cutlery": False})


def items(seed: int, count: int = 40) -> Iterator[tuple[Item, Random]]:
    rng = Random(seed)
    kinds = (flight, weather, cancelled, flight, meals)
    for number in range(count):
        yield kinds[number % len(kinds)](rng), rng


def wrong(item: Item) -> list[str]:
    """Calls with one thing wrong each, and what is no call."""
    first, *_, last = item.stated
    changes: list[dict[str, Any]] = [
        {first: item.stated[last], last: item.stated[first]}, {last: "Berlin"}, {last: None}, {last: 77}, {first: ""},
        {first: item.said}, {"hotel": "Rome"}, {last: [item.stated[last]]}, {"city": "Berlin"}, {first: {}},
        {last: str(item.stated[last]) + " x"},
        {first: f"{item.stated[first]}, please"},
        {first: item.said[:60]}, {first: str(item.stated[first]).upper() + "!"},
    ]  # fmt: skip
    others = [item.reply().replace(f'"{item.function}"', f'"{name}"') for name in (*SHAPES, "plan", "")]
    return [
        *(item.reply(**change) for change in changes), *(item.reply(key) for key in item.stated),
        *(other for other in others if other != item.reply()), "", "{}", "[]", "null", item.reply()[:-1],
        item.reply() * 2, f"[{item.reply()}]", f"[{item.reply()}, {item.reply()}]", f"Sure: {item.reply()}",
        f"```json\n{item.reply()}\n```", json.dumps({"name": item.function, **item.stated}),
        json.dumps({"name": item.function, "arguments": json.dumps(item.stated)}), "Which one do you mean?",
        item.reply().replace(f'"{first}"', f'"{first.title()}"'),
        item.reply().replace('"arguments"', '"id": "1", "arguments"'),
        item.reply().replace('{"', f'{{"{first}": 1, "', 2)[:-1], f"{item.function}({item.stated})",
    ]  # fmt: skip


def test_right_calls_are_verified_at_the_first_call() -> None:
    for item, rng in items(1):
        request = item.request(rng)
        outcome = World(RULE).ask(request, item.reply())
        assert outcome is not None, request.prompt
        assert (outcome.final, outcome.calls) == ("verified", 1), (request.prompt, outcome.verdicts)
        assert item.is_right(outcome.answer)


def test_wrong_and_malformed_calls_are_never_served_as_verified() -> None:
    for item, rng in items(2):
        for answer in trusted_answers(RULE, partial(item.request, rng), rng.sample(wrong(item), 14), 3):
            assert item.is_right(answer), (item, answer)


MORE = (
    "don't {}", "do not {}", "never {}", "{} twice", "{} if it is cheap", "{} unless it rains", "{} or not", "{} again",
    "{} and cancel the old one", "{} for my bike tour", "{} every Monday", "{} tomorrow", "stop, {}", "pretend to {}",
    "{}, window side", "{} as cheap as possible", "what would happen if you {}", "write a poem: {}", "can I {}",
    "how do I {}", "{} and book a hotel as well", "{} in Celsius", "{} for Ann", "{}: yes or no", "{} and then call me",
    "{} < 3", "I want not to {}", "please not {}", "no, {}", "I may {}", "we could {}", "{} in May",
)  # fmt: skip


def test_a_request_that_says_more_than_the_call_does_is_never_verified() -> None:
    for item, _ in items(3, 5):
        for words in MORE:
            request = request_of(words.format(item.said), tools=TOOLS)
            assert World(RULE).trusted(request, [item.reply()] * 3) is None, request.prompt


def test_courtesy_is_reused_and_other_requests_get_their_own_call() -> None:
    for item, rng in items(4, 24):
        world = World(RULE)
        world.ask(item.request(rng), item.reply())
        outcome = world.ask(item.request(rng), "no")
        assert outcome is not None
        assert (outcome.calls, item.is_right(outcome.answer)) == (0, True), (item, outcome.outcome)
        for other in (flight(rng), weather(rng), cancelled(rng), meals(rng), *variants(item)):
            outcome = world.ask(other.request(rng), other.reply())
            assert outcome is not None, (item, other)
            assert other.is_right(outcome.answer), (item, other, outcome.answer)


def variants(item: Item) -> Iterator[Item]:
    """The same request with one value of it changed, or turned."""
    if item.function == "bookFlight":
        start, end = item.stated["from_city"], item.stated["to_city"]
        turned = item.said.replace(f"from {start} to {end}", f"from {end} to {start}")
        yield replace(item, said=turned, stated={**item.stated, "from_city": end, "to_city": start})
        bare = replace(item, said=f"book a flight from {start} to {end}", stated={"from_city": start, "to_city": end})
        yield bare
        yield replace(bare, said=f"{bare.said} for 7 seats", stated={**bare.stated, "seats": 7})
        for words, meal in ((" with a meal", True), (" without a meal", False)):
            yield replace(bare, said=bare.said + words, stated={**bare.stated, "meal": meal})
    if item.function == "cancel_flight":
        yield replace(
            item, said=item.said.replace("LH", "AF"), stated={**item.stated, "number": "AF" + item.stated["number"][2:]}
        )


def test_the_one_number_of_a_request_is_exchanged_without_a_call() -> None:
    for number in (4, 7, 30):
        world, rng = World(RULE), Random(number)
        item = Item("get_weather", "get the weather in Rome for 3 days", {"city": "Rome", "days": 3})
        world.ask(item.request(rng), item.reply())
        other = replace(item, said=item.said.replace("3", str(number)), stated={"city": "Rome", "days": number})
        outcome = world.ask(other.request(rng))
        assert outcome is not None
        assert (outcome.outcome, outcome.calls, other.is_right(outcome.answer)) == ("rewrite", 0, True)


def test_a_record_in_which_anything_is_wrong_is_not_served() -> None:
    for item, rng in items(5, 24):
        for reply in rng.sample(wrong(item), 8):
            world = World(RULE)
            if world.store(item.request(rng), reply):
                outcome = world.ask(item.request(rng), item.reply())
                assert outcome is not None
                assert item.is_right(outcome.answer), (item, reply, outcome.answer)


@pytest.mark.parametrize(
    ("prompt", "function"),
    [
        ("What's the weather in Rome?", "get_weather"),
        ("Weather in Rome, please", "get_weather"),
        ("Cancel my flight LH123", "cancel_flight"),
        ("I'd like to book a flight from Rome to Oslo", "bookFlight"),
        ("Order meals to the street Long Lane", "order-meals"),
    ],
)
def test_the_function_is_the_one_that_the_request_names(prompt: str, function: str) -> None:
    task = read(RULE, request_of(prompt, tools=TOOLS))
    assert task is not None
    assert task.let["given"]["name"] == function


@pytest.mark.parametrize(
    "request_",
    [
        request_of("Weather in Rome"),
        request_of("From Rome to Oslo", tools=TOOLS),
        request_of("I need a flight from Rome to Oslo", tools=TOOLS),
        request_of("Book a flight from Rome to Oslo and get the weather in Oslo", tools=TOOLS),
        request_of("Cancel my flight LH123 and book a flight from Rome to Oslo", tools=TOOLS),
        request_of("Weather in Rome", system="Always use Fahrenheit.", tools=TOOLS),
        request_of("Order the meals 3 soups for $5", tools=TOOLS),
        request_of("Weather in Rome", tools=[{"type": "web_search"}]),
        request_of("Weather in Rome", tools=[*TOOLS, TOOLS[0]]),
        Request((Message("user", "Weather in Rome"),), {"tools": TOOLS, "tool_choice": "none"}),
        Request((Message("user", "Weather in Rome"),), {"tools": TOOLS, "tool_choice": {
            "type": "function", "function": {"name": "bookFlight"}}}),
        Request((Message("user", "I live in Rome"), Message("assistant", "Oh"), Message("user", "Weather in Rome")),
                {"tools": TOOLS}),
        Request((Message("developer", "Use Fahrenheit"), Message("user", "Weather in Rome")), {"tools": TOOLS}),
    ],
)  # fmt: skip
def test_other_requests_are_left_alone(request_: Request) -> None:
    assert read(RULE, request_) is None


@pytest.mark.parametrize("type_", [{"type": "any"}, {"type": "object"}, {"type": "array"}, {}, {"anyOf": []}])
def test_a_parameter_that_could_not_be_checked_makes_the_function_nobodys(type_: dict[str, Any]) -> None:
    function = {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": type_}}}
    assert read(RULE, request_of("Weather in Rome", tools=[{"type": "function", "function": function}])) is None
