"""Scripted model replies to a JSON request, each labelled right, wrapped, wrong or malformed.

`right`: may be served as it stands. `wrapped`: the right value with something around it; `payload` is what may be
served, the text itself may not. `wrong`: JSON with one fault. `malformed`: not one JSON value.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from workload.json_requests import JsonItem
from workload.json_shapes import Key, Type

Label = Literal["right", "wrapped", "wrong", "malformed"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model writes; `payload` is the JSON text inside, for right and wrapped replies."""

    label: Label
    kind: str
    text: str
    payload: str = ""


def replies(item: JsonItem, seed: int) -> list[Reply]:
    """Replies of every kind that makes sense for the item; the same ones for the same seed."""
    return [*right_replies(item, seed), *wrong_replies(item, seed), *malformed_replies(item, seed)]


def right_value(item: JsonItem, rng: Random) -> Any:
    """A fresh value of the asked shape; its strings name the subject."""
    count = item.shape.count
    return _object(item, rng) if count is None else [_object(item, rng) for _ in range(count)]


def _object(item: JsonItem, rng: Random) -> dict[str, Any]:
    return {key.name: _value(item, key, rng) for key in item.shape.keys}


def _value(item: JsonItem, key: Key, rng: Random) -> Any:
    if key.inner:
        return {inner.name: _value(item, inner, rng) for inner in key.inner}
    natural: Type = key.type or item.subject.keys.get(key.name, "string")
    samples: dict[Type, Callable[[], Any]] = {
        "string": lambda: f"{item.subject.tag} {key.name} {rng.randint(1, 99)}",
        "integer": lambda: rng.randint(1, 99),
        "number": lambda: rng.choice((rng.randint(1, 99), rng.randint(1, 999) / 10)),
        "boolean": lambda: rng.random() < 0.5,
        "list": lambda: [f"{item.subject.tag} {rng.randint(1, 9)}", rng.randint(1, 9)],
        "strings": lambda: [f"{item.subject.tag} {rng.randint(1, 9)}" for _ in range(rng.randint(1, 3))],
        "object": lambda: {"note": item.subject.tag},
    }
    return samples[natural]()


def _tagged_value(item: JsonItem, rng: Random) -> Any:
    """A right value that is sure to hold the subject's name, in an added `about` where nothing else can."""
    value = right_value(item, rng)
    if item.subject.tag in json.dumps(value) or item.shape.closed:
        return value
    for each in [value] if isinstance(value, dict) else value:
        each["about"] = item.subject.tag
    return value


def right_replies(item: JsonItem, seed: int) -> list[Reply]:
    """Right values, bare in several layouts, and wrapped as models like to wrap them."""
    value = _tagged_value(item, Random(seed))
    bare, pretty = json.dumps(value), json.dumps(value, indent=2)
    first = value if isinstance(value, dict) else value[0]
    swapped = dict(reversed(first.items()))
    bares = {
        "bare": bare,
        "pretty": pretty,
        "wide": json.dumps(value, indent=4),
        "compact": json.dumps(value, separators=(",", ":")),
        "padded": f"\n{pretty}\n\n",
        "unicode": json.dumps(_with_umlauts(value), ensure_ascii=False),
        "escaped": json.dumps(_with_umlauts(value)),
        "other_order": json.dumps(swapped if isinstance(value, dict) else [swapped, *value[1:]]),
    }
    wraps = {
        "fenced": f"```json\n{pretty}\n```",
        "fenced_plainly": f"```\n{bare}\n```",
        "prose_before": f"Here is the JSON you asked for:\n\n{pretty}",
        "prose_after": f"{bare}\n\nLet me know if you need anything else!",
        "prose_around_fence": f"Sure! Here you go:\n\n```json\n{pretty}\n```\n\nI hope this helps.",
    }
    payloads = {kind: bare if kind in ("fenced_plainly", "prose_after") else pretty for kind in wraps}
    return [
        *(Reply("right", kind, text, text) for kind, text in bares.items()),
        *(Reply("wrapped", kind, text, payloads[kind]) for kind, text in wraps.items()),
    ]


def _with_umlauts(value: Any) -> Any:
    if isinstance(value, str):
        return f'{value} – Zoë, 東京 "ok"'
    if isinstance(value, list):
        return [_with_umlauts(each) for each in value]
    return {name: _with_umlauts(each) for name, each in value.items()} if isinstance(value, dict) else value


Object = dict[str, Any]
Fault = Callable[[JsonItem, Object, Random], Object | None]
"""The object with one fault, or None where the item offers no place for it. The object may be changed in place."""


def wrong_replies(item: JsonItem, seed: int) -> list[Reply]:
    """JSON values with one fault each, in one object of an array."""
    found = []
    for kind, fault in _FAULTS.items():
        rng = Random(f"{seed} {kind}")
        value = right_value(item, rng)
        faulty = fault(item, value if isinstance(value, dict) else value[-1], rng)
        if faulty is not None:
            whole = faulty if isinstance(value, dict) else [*value[:-1], faulty]
            found.append(Reply("wrong", kind, json.dumps(whole)))
    return [*found, *_wrong_wholes(item, Random(seed))]


def _missing_key(item: JsonItem, value: Object, rng: Random) -> Object:
    del value[rng.choice(item.shape.keys).name]
    return value


def _wrong_case(item: JsonItem, value: Object, rng: Random) -> Object:
    name = rng.choice(item.shape.keys).name
    renamed = name.upper() if name[0].isupper() else name[0].upper() + name[1:]
    return {renamed if each == name else each: held for each, held in value.items()}


def _misspelt_key(item: JsonItem, value: Object, rng: Random) -> Object:
    name = rng.choice(item.shape.keys).name
    return {f"{name}s_" if each == name else each: held for each, held in value.items()}


def _extra_key(item: JsonItem, value: Object, rng: Random) -> Object | None:
    return {**value, "comment": "extra"} if item.shape.closed else None


def _forbidden_key(item: JsonItem, value: Object, rng: Random) -> Object | None:
    return {**value, rng.choice(item.shape.forbidden): "here"} if item.shape.forbidden else None


def _forbidden_inside(item: JsonItem, value: Object, rng: Random) -> Object | None:
    return {**value, "more": {rng.choice(item.shape.forbidden): "here"}} if item.shape.forbidden else None


def _lifted(item: JsonItem, value: Object, rng: Random) -> Object | None:
    outer = next((key for key in item.shape.keys if key.inner), None)
    if outer is None:
        return None
    inner = rng.choice(outer.inner).name
    held = value[outer.name].pop(inner)
    return {**value, inner: held}


def _flattened(item: JsonItem, value: Object, rng: Random) -> Object | None:
    outer = next((key for key in item.shape.keys if key.inner), None)
    return None if outer is None else {**value, outer.name: "12 Main Street"}


def _wrapped_in_a_key(item: JsonItem, value: Object, rng: Random) -> Object:
    return {"data": value}


def _of_type(*types: Type, put: Callable[[Any], Any]) -> Fault:
    """The value of a typed key, replaced."""

    def fault(item: JsonItem, value: Object, rng: Random) -> Object | None:
        fitting = [key.name for key in item.shape.keys if key.type in types and not key.inner]
        if not fitting:
            return None
        name = rng.choice(fitting)
        return {**value, name: put(value[name])}

    return fault


_SCALARS: tuple[Type, ...] = ("string", "integer", "number", "boolean", "list", "strings")

_FAULTS: dict[str, Fault] = {
    "missing_key": _missing_key,
    "wrong_case": _wrong_case,
    "misspelt_key": _misspelt_key,
    "extra_key": _extra_key,
    "forbidden_key": _forbidden_key,
    "forbidden_inside": _forbidden_inside,
    "nested_key_lifted": _lifted,
    "nested_object_flattened": _flattened,
    "wrapped_in_a_key": _wrapped_in_a_key,
    "number_as_text": _of_type("integer", "number", put=str),
    "integer_with_fraction": _of_type("integer", put=lambda value: value + 0.5),
    "number_as_boolean": _of_type("integer", "number", put=lambda value: True),
    "boolean_as_text": _of_type("boolean", put=lambda value: str(value).lower()),
    "boolean_as_number": _of_type("boolean", put=int),
    "string_as_number": _of_type("string", put=lambda value: 7),
    "list_as_text": _of_type("list", "strings", put=lambda value: "red, green"),
    "list_of_numbers": _of_type("strings", put=lambda value: [1, 2]),
    "null_for_a_type": _of_type(*_SCALARS, put=lambda value: None),
    "object_for_a_type": _of_type(*_SCALARS, put=lambda value: {"value": value}),
}


def _wrong_wholes(item: JsonItem, rng: Random) -> list[Reply]:
    value = right_value(item, rng)
    wholes: dict[str, Any] = {"text_value": "a JSON string", "null_value": None, "empty_object": {}, "empty_array": []}
    if isinstance(value, list):
        wholes |= {
            "array_too_short": value[:-1],
            "array_too_long": [*value, value[0]],
            "object_for_array": value[0],
            "array_in_a_key": {"items": value},
            "array_of_names": ["one"] * len(value),
        }
    else:
        wholes |= {"array_for_object": [value]}
    duplicated = json.dumps(value).replace("{", f'{{"{item.shape.keys[0].name}": 1, ', 1)
    return [
        *(Reply("wrong", kind, json.dumps(whole)) for kind, whole in wholes.items()),
        Reply("wrong", "duplicate_key", duplicated),
    ]


def malformed_replies(item: JsonItem, seed: int) -> list[Reply]:
    """Texts that are not one JSON value."""
    value = right_value(item, Random(seed))
    bare, pretty = json.dumps(value), json.dumps(value, indent=2)
    name = item.shape.keys[0].name
    texts = {
        "empty": "",
        "blank": "  \n ",
        "only_prose": "I would put the keys into an object and fill in the values.",
        "cut_off": bare[: len(bare) * 2 // 3],
        "last_brace_missing": bare[:-1],
        "cut_off_fence": f"```json\n{pretty[: len(pretty) // 2]}",
        "two_values": f"{bare}\n{bare}",
        "trailing_comma": f"{bare[:-1]},{bare[-1]}",
        "single_quotes": str(value) if "'" in str(value) else "{'a': 1}",
        "line_comment": pretty.replace("\n", " // as asked\n", 1),
        "block_comment": f"/* as asked */ {bare}",
        "not_a_number": bare.replace("{", '{"ratio": NaN, ', 1),
        "infinity": bare.replace("{", '{"ratio": Infinity, ', 1),
        "bare_names": pretty.replace(f'"{name}"', name),
        "placeholders": bare.replace("{", '{"more": ..., ', 1),
        "yaml": "\n".join(f"{key.name}: something" for key in item.shape.keys),
    }
    return [Reply("malformed", kind, text) for kind, text in texts.items()]
