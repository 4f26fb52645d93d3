"""JSON objects as a workload: base prompts, their perturbations, and an expert who writes what is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from stepflow.adapters.backends.simulated import Answers
from stepflow.bench.checkers.json_value import ANY, JsonCheck
from stepflow.bench.item import Item, Purpose, asked
from stepflow.protocols import Call

TASK = "json"
SUBJECT_CHANGED = "subject_changed"
_VALUE = re.compile(r'\bthe value of "(?P<key>[^"]+)"')
CHANGING = frozenset({"key_added", "key_renamed", SUBJECT_CHANGED})
BASE = "Return a JSON object about {about} with the keys {keys}."
WORDINGS = {
    "low": (
        "Please return a JSON object about {about} with the keys {keys}.",
        "Give me a JSON object about {about} with the keys {keys}.",
        "Create a JSON object about {about} with the keys {keys}.",
        "Return a JSON object about {about} with the keys {comma}.",
    ),
    "medium": (
        "Give me a JSON object about {about} with the fields {comma}.",
        "Write a JSON object about {about}. Keys: {comma}",
        "Could you produce a JSON object about {about} with {keys}?",
        "Please respond with a JSON object about {about} having the properties {keys}.",
        "I'd like some JSON about {about} with the keys {keys}.",
    ),
    "high": (
        "json about {about}: {comma}",
        "Return a JSON object about {about} with these keys:\n{bullets}",
        "Hi! Can you make me a JSON object about {about} with the keys {keys}? Thank you.",
        "Return JSON about {about} with the keys {quoted}. No explanation, just the JSON.",
        "Generate JSON about {about} with the following keys:\n{numbers}",
    ),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What an object is about: a phrase with `{}` for the name, names of such things, and keys that they may have."""

    phrase: str
    names: tuple[str, ...]
    keys: tuple[str, ...]


SUBJECTS = (
    Subject("a dog named {}", ("Rex", "Bella", "Bruno", "Daisy"), ("name", "breed", "age", "color", "owner", "weight")),
    Subject("a cat named {}", ("Luna", "Tom", "Misty", "Felix"), ("name", "breed", "age", "toys", "owner", "weight")),
    Subject("the novel {}", ("Dune", "Emma", "Ulysses", "Dracula"), ("title", "author", "year", "genre", "publisher")),
    Subject(
        "the city of {}",
        ("Oslo", "Lima", "Cairo", "Porto"),
        ("name", "country", "population", "river", "mayor", "area"),
    ),
    Subject(
        "an employee called {}",
        ("Maria", "Ahmed", "Ingrid", "Kenji"),
        ("name", "title", "department", "email", "salary", "office"),
    ),
    Subject(
        "the planet {}",
        ("Mars", "Venus", "Saturn", "Neptune"),
        ("name", "radius", "moons", "atmosphere", "temperature"),
    ),
    Subject(
        "a laptop called {}",
        ("Swift", "Aspire", "Zephyr", "Nomad"),
        ("name", "price", "memory", "screen", "battery", "vendor"),
    ),
    Subject(
        "a restaurant called {}",
        ("Basilico", "Umami", "Olivetta", "Saffron"),
        ("name", "cuisine", "rating", "address", "phone", "chef"),
    ),
    Subject(
        "the film {}",
        ("Alien", "Vertigo", "Amelie", "Gravity"),
        ("title", "director", "year", "genre", "runtime", "cast"),
    ),
    Subject(
        "a football club called {}",
        ("Arrows", "Falcons", "Comets", "Titans"),
        ("name", "city", "stadium", "coach", "founded", "league"),
    ),
)
EVERY_NAME = tuple(name for subject in SUBJECTS for name in subject.names)


@dataclass(frozen=True, slots=True)
class Wish:
    """An object that is wished for: its subject, the name there, and its keys in order."""

    subject: Subject
    name: str
    keys: tuple[str, ...]


def bases(rng: Random) -> list[Wish]:
    """Ten base wishes, one of each subject, with three or four keys."""
    return [Wish(each, rng.choice(each.names), (each.keys[0], *_some(each.keys[1:], rng))) for each in SUBJECTS]


def _some(keys: tuple[str, ...], rng: Random) -> tuple[str, ...]:
    return tuple(rng.sample(keys, rng.choice((2, 3))))


def base_item(wish: Wish) -> Item:
    """The base prompt."""
    return item(wish, BASE, "base", "", "")


def item(wish: Wish, wording: str, kind: str, level: str, base: str) -> Item:
    """A prompt, with its judge and its expert."""
    *most, last = wish.keys
    prompt = wording.format(
        about=wish.subject.phrase.format(wish.name),
        keys=f"{', '.join(most)} and {last}" if most else last,
        comma=", ".join(wish.keys),
        quoted=", ".join(f'"{key}"' for key in wish.keys),
        bullets="\n".join(f"- {key}" for key in wish.keys),
        numbers="\n".join(f"{number}. {key}" for number, key in enumerate(wish.keys, start=1)),
    )
    foreign = tuple(name for name in EVERY_NAME if name != wish.name)
    check = JsonCheck(dict.fromkeys(wish.keys, ANY), about=wish.name, foreign=foreign)
    changes, wants_reuse = kind in CHANGING, kind != SUBJECT_CHANGED
    return Item(asked(prompt), TASK, kind, level, base or prompt, changes, check, Writer(wish), wants_reuse)


def variant(wish: Wish, kind: str, level: str, rng: Random) -> Item:
    """A prompt that differs from the base in one way; drawn anew at each call."""
    base = base_item(wish).prompt
    if kind == "wording":
        return item(wish, rng.choice(WORDINGS[level]), kind, level, base)
    wording = rng.choice(WORDINGS["low"]) if level == "high" else BASE
    return item(_CHANGES[kind](wish, level, rng), wording, kind, level, base)


def _reordered(wish: Wish, level: str, rng: Random) -> Wish:
    keys = wish.keys
    while keys == wish.keys:
        keys = tuple(rng.sample(wish.keys, len(wish.keys)))
    return replace(wish, keys=keys)


def _without(wish: Wish, level: str, rng: Random) -> Wish:
    gone = rng.choice(wish.keys[1:])
    return replace(wish, keys=tuple(key for key in wish.keys if key != gone))


def _with_more(wish: Wish, level: str, rng: Random) -> Wish:
    """Low: a key at the end; medium: in the middle; high: at the end, and worded otherwise."""
    unused = [key for key in (*wish.subject.keys, "notes", "id") if key not in wish.keys]
    place = 1 if level == "medium" else len(wish.keys)
    return replace(wish, keys=(*wish.keys[:place], rng.choice(unused), *wish.keys[place:]))


def _renamed(wish: Wish, level: str, rng: Random) -> Wish:
    old = rng.choice(wish.keys[1:])
    new = rng.choice((f"{old}_info", f"{old}Name", f"main_{old}", f"{old}_value"))
    return replace(wish, keys=tuple(new if key == old else key for key in wish.keys))


def _about_another(wish: Wish, level: str, rng: Random) -> Wish:
    return replace(wish, name=rng.choice([name for name in wish.subject.names if name != wish.name]))


_CHANGES = {
    "order_changed": _reordered,
    "key_removed": _without,
    "key_added": _with_more,
    "key_renamed": _renamed,
    SUBJECT_CHANGED: _about_another,
}


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the object, or errs."""

    wish: Wish

    def answers(self, call: Call, purpose: Purpose) -> Answers:
        """For a patch only what is asked for: a value, the members of its schema, else those that it does not show."""
        alone = _VALUE.search(call.messages[-1].content) if purpose == "patch" else None
        if alone is not None and alone["key"] in self.wish.keys:
            text = json.dumps(self._value((alone["key"],))[alone["key"]])
            return Answers((text,), tuple(self._wrong_value(alone["key"], text)))
        keys = self._wanted(call) if purpose == "patch" else self.wish.keys
        value = self._value(keys)
        bare = json.dumps(value, indent=2)
        return Answers((bare, json.dumps(value, indent=4)), tuple(self._wrong(value, bare)))

    def _wrong(self, value: dict[str, Any], bare: str) -> Iterator[str]:
        """Slips as models make them: a key missing, misspelt, elsewhere or said twice, no whole JSON."""
        last = list(value)[-1]
        yield json.dumps({key: each for key, each in value.items() if key != last} or {"result": ""}, indent=2)
        yield json.dumps({key.upper() if key == last else key: each for key, each in value.items()}, indent=2)
        yield json.dumps({"data": value}, indent=2)
        yield json.dumps([value], indent=2)
        yield bare.replace("{", f'{{\n  "{last}": "said twice",', 1)
        yield f"{bare[:-2]},\n}}"
        yield "\n".join(f"{key}: {text}" for key, text in value.items())
        yield f"Here is your JSON: {bare[: len(bare) * 2 // 3]}"

    def _wrong_value(self, key: str, text: str) -> Iterator[str]:
        """Slips where a value alone is wished for: no JSON, cut off, within prose, said twice, under another key."""
        yield text.strip('"')
        yield text[: len(text) * 2 // 3]
        yield f"The {key} is {text}."
        yield f"{text}\n{text}"
        yield f"{key}: {text}"
        yield f'{{"{key.upper()}": {text}}}'

    def _wanted(self, call: Call) -> tuple[str, ...]:
        properties = (call.response_schema or {}).get("properties")
        if isinstance(properties, Mapping):
            return tuple(key for key in self.wish.keys if key in properties) or self.wish.keys
        text = call.messages[-1].content
        return tuple(key for key in self.wish.keys if f'"{key}":' not in text) or self.wish.keys

    def _value(self, keys: tuple[str, ...]) -> dict[str, Any]:
        name = self.wish.name
        return {
            key: name if key in ("name", "title") else f"{name}'s {key.replace('_', ' ')}, in a few plain words"
            for key in keys
        }
