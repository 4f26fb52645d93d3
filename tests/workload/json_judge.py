"""The judge of JSON answers: the served text must be one JSON value, to the letter, and hold all that was asked.

It judges shape, not taste: whether the values speak of the right subject is `mentions_subject`'s question.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from workload.json_requests import JsonItem
from workload.json_shapes import Key, Shape, Type
from workload.judgement import Judgement


def judge_json(item: JsonItem, answer_text: str) -> Judgement:
    """Whether the text, as served, is one JSON value for which all truths of the item hold."""
    try:
        value = json.loads(answer_text.strip(), object_pairs_hook=_unique, parse_constant=_refuse)
    except ValueError as problem:
        return Judgement(False, f"not one JSON value: {problem}")
    objection = next(_shape_objections(item.shape, value), None)
    return Judgement(objection is None, objection or "one JSON value that holds all that was asked")


def mentions_subject(item: JsonItem, answer_text: str) -> bool:
    """Whether the subject's name stands in the text; every scripted right reply about the subject holds it."""
    return item.subject.tag.lower() in answer_text.lower()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"a key stands twice among {names}")
    return dict(pairs)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _shape_objections(shape: Shape, value: Any) -> Iterator[str]:
    if shape.count is None:
        yield from _object_objections(shape.keys, shape.closed, value, "the value")
    elif not isinstance(value, list):
        yield "the value is not an array"
    elif len(value) != shape.count:
        yield f"the array has {len(value)} items, not {shape.count}"
    else:
        for index, each in enumerate(value):
            yield from _object_objections(shape.keys, shape.closed, each, f"item {index}")
    for name in sorted(set(_all_names(value)) & set(shape.forbidden)):
        yield f"the key {name!r} is forbidden"


def _object_objections(keys: tuple[Key, ...], closed: bool, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is not an object"
        return
    for key in keys:
        if key.name not in value:
            yield f"{where} lacks the key {key.name!r}"
        elif key.type and not _FITS[key.type](value[key.name]):
            yield f"{key.name!r} in {where} is not of type {key.type}: {value[key.name]!r}"
        elif key.inner:
            yield from _object_objections(key.inner, closed, value[key.name], f"{where}.{key.name}")
    extra = set(value) - {key.name for key in keys}
    if closed and extra:
        yield f"{where} has other keys: {sorted(extra)}"


def _all_names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _all_names(each)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_FITS: dict[Type, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "strings": lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
    "object": lambda value: isinstance(value, dict),
}
