"""Strict JSON: one text to exact values, and JSON found inside prose.

Stricter than `json`: duplicate keys, NaN, lone surrogates and anything after the value are errors, and every error
says where. Numbers are exact: `30` is an `int`, `30.0` a `Fraction` (so it is not an integer). Arrays are lists,
objects are dicts; `freeze` makes of both a value of the language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal, NoReturn

Root = Literal["object", "array", "any"]
Type = Literal["object", "array", "string", "number", "integer", "boolean", "null"]

MAX_CHARS = 1_000_000
MAX_DEPTH = 100
MAX_DIGITS = 400
MAX_FAILED = 200
"""Brackets without a value before the search is given up: each may cost a reading of the whole text."""

_BLANK = re.compile(r"[ \t\n\r]*+")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*+)(\.\d++)?([eE][+-]?\d++)?", re.ASCII)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\.)*+"')
_WORD = re.compile(r"[A-Za-z]++")
_OPEN = re.compile(r"[{\[]")
_BRACKET = re.compile(r"[{}\[\]]")
_CONSTANTS = {"true": True, "false": False, "null": None}


def parse(text: str) -> Any:
    """The one JSON value that the text is. Raises `ValueError` with line and column."""
    _refuse_long(text)
    value, end = _value(text, _skip(text, 0), 0)
    end = _skip(text, end)
    if end < len(text):
        _fail(text, end, "more text after the JSON value")
    return value


def find_values(text: str, root: Root = "any") -> list[tuple[int, int, Any]]:
    """The outermost JSON objects and arrays in a text (prose or fences around them), as (start, end, value), in order.

    A text that is a single JSON string, number, truth value or null is found by root `any` alone. Whatever does not
    parse is passed over; `extract` is the strict one. Raises `ValueError` for a text of many stray brackets.
    """
    _refuse_long(text)
    return [found for found in _outermost(text) if _is_root(found[2], root)]


def extract(text: str, root: Root = "any") -> tuple[int, int, Any]:
    """The only JSON value of the kind `root` in the text, as (start, end, value).

    Raises `ValueError` when there is none or more than one, or when the text around it holds another bracket: the
    rest of something unfinished.
    """
    _refuse_long(text)
    every = list(_outermost(text))
    fitting = [found for found in every if _is_root(found[2], root)]
    noun = "value" if root == "any" else root
    if not fitting:
        raise ValueError(f"no JSON {noun} found{_why_none(text)}")
    if len(every) > 1:
        count, noun = (len(fitting), noun) if len(fitting) > 1 else (len(every), "value")
        raise ValueError(f"{count} JSON {noun}s found, expected exactly one")
    start, end, value = fitting[0]
    for offset, part in ((0, text[:start]), (end, text[end:])):
        stray = _BRACKET.search(part)
        if stray:
            _fail(text, offset + stray.start(), f"a stray {stray.group()!r} beside the JSON {noun}")
    return start, end, value


def parts(text: str) -> list[tuple[int, int]]:
    """[start, end) of each member (key and value) or element of the one object or array in the text.

    Raises `ValueError` as `extract` does.
    """
    start, _, value = extract(text)
    if not isinstance(value, dict | list):
        return []
    spans: list[tuple[int, int]] = []
    position = _skip(text, start + 1)
    for _ in value:
        begin = position
        if isinstance(value, dict):
            position = _skip(text, _skip(text, _string(text, position)[1]) + 1)
        position = _value(text, position, 1)[1]
        spans.append((begin, position))
        position = _skip(text, _skip(text, position) + 1)
    return spans


def is_member(text: str) -> bool:
    """Whether the text is one member of an object: a key, a colon and a value."""
    try:
        return len(parse(f"{{{text}}}")) == 1
    except ValueError:
        return False


def parse_part(text: str) -> Any:
    """A part of a value (a member of an object, an element of an array) as a value that has this part alone.

    `"a": 1` is the object `{"a": 1}`, `1` the array `[1]`; an empty object or array has no parts and stays itself.
    Raises `ValueError` as `parse` does.
    """
    if is_member(text):
        return parse(f"{{{text}}}")
    value = parse(text)
    return value if value in ({}, []) else [value]


def freeze(value: Any) -> Any:
    """The same data with tuples for lists, as the values of the language are."""
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    if isinstance(value, dict):
        return {key: freeze(item) for key, item in value.items()}
    return value


def same(left: Any, right: Any) -> bool:
    """Whether two data are equal as JSON: 30 equals 30.0, but `true` is not 1, and the order of keys is nothing."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    return bool(left == right)


def has_type(value: Any, name: Type) -> bool:
    """Whether the value is of a JSON type. `30.0` is a number and not an integer; `true` is neither."""
    kind = type_of(value)
    return kind == name or (kind == "integer" and name == "number")


def type_of(value: Any) -> Type | None:
    """The narrowest JSON type of a value, None when it has none."""
    if value is None:
        return "null"
    for kinds, name in _TYPES:
        if isinstance(value, kinds):
            return name
    return None


_TYPES: tuple[tuple[type | tuple[type, ...], Type], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    ((Fraction, float), "number"),
    (str, "string"),
    (dict, "object"),
    ((list, tuple), "array"),
)


def _outermost(text: str) -> Iterator[tuple[int, int, Any]]:
    start = _skip(text, 0)
    if start < len(text) and text[start] not in "{[":
        try:
            yield start, len(text.rstrip()), parse(text)
        except ValueError:
            start = 0  # prose, then
        else:
            return
    position, failed = start, 0
    while opening := _OPEN.search(text, position):
        try:
            value, position = _value(text, opening.start(), 0)
        except ValueError:
            position, failed = opening.end(), failed + 1
            if failed > MAX_FAILED:
                raise ValueError(f"more than {MAX_FAILED} brackets that open no JSON value") from None
        else:
            yield opening.start(), position, value


def _is_root(value: Any, root: Root) -> bool:
    return root == "any" or isinstance(value, dict if root == "object" else list)


def _why_none(text: str) -> str:
    opening = _OPEN.search(text)
    if opening is None:
        return ""
    try:
        _value(text, opening.start(), 0)
    except ValueError as error:
        return f": {error}"
    return ""


def _value(text: str, position: int, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        _fail(text, position, f"nested deeper than {MAX_DEPTH}")
    first = text[position : position + 1]
    if first == "{":
        return _object(text, position, depth)
    if first == "[":
        return _array(text, position, depth)
    if first == '"':
        return _string(text, position)
    if first == "-" or first.isdigit():
        return _number(text, position)
    word = _WORD.match(text, position)
    if word and word.group() in _CONSTANTS:
        return _CONSTANTS[word.group()], word.end()
    got = word.group() if word else first
    _fail(text, position, f"expected a JSON value, got {got!r}" if got else "the JSON breaks off")


def _object(text: str, position: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    position = _skip(text, position + 1)
    if text[position : position + 1] == "}":
        return found, position + 1
    while True:
        at = position
        if text[at : at + 1] not in ('"', ""):
            _fail(text, at, f"expected a key in double quotes, got {text[at]!r}")
        key, position = _string(text, at)
        if key in found:
            _fail(text, at, f"the key {key!r} stands there twice")
        position = _expect(text, position, ":")
        found[key], position = _value(text, position, depth + 1)
        closed, position = _next(text, position, "}")
        if closed:
            return found, position


def _array(text: str, position: int, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    position = _skip(text, position + 1)
    if text[position : position + 1] == "]":
        return found, position + 1
    while True:
        item, position = _value(text, position, depth + 1)
        found.append(item)
        closed, position = _next(text, position, "]")
        if closed:
            return found, position


def _next(text: str, position: int, closing: str) -> tuple[bool, int]:
    """After a member: (True, behind the closing bracket) or (False, at the next member)."""
    position = _skip(text, position)
    sign = text[position : position + 1]
    if sign == closing:
        return True, position + 1
    if sign != ",":
        _fail(text, position, f"expected ',' or {closing!r}, got {sign!r}" if sign else "the JSON breaks off")
    return False, _skip(text, position + 1)


def _expect(text: str, position: int, sign: str) -> int:
    position = _skip(text, position)
    got = text[position : position + 1]
    if got != sign:
        _fail(text, position, f"expected {sign!r}, got {got!r}" if got else "the JSON breaks off")
    return _skip(text, position + 1)


def _string(text: str, position: int) -> tuple[str, int]:
    match = _STRING.match(text, position)
    if match is None:
        _fail(text, position, "a string that does not end, or holds a raw control character")
    token = match.group()
    if "\\" not in token:
        return token[1:-1], match.end()
    try:
        value = json.loads(token)
        value.encode("utf-8")
    except ValueError:
        _fail(text, position, "a string with an invalid escape")
    return value, match.end()


def _number(text: str, position: int) -> tuple[int | Fraction, int]:
    match = _NUMBER.match(text, position)
    if match is None:
        _fail(text, position, "a number that JSON does not allow")
    if len(match.group()) > MAX_DIGITS or (match[2] and abs(int(match[2][1:])) > MAX_DIGITS):
        _fail(text, position, f"a number of more than {MAX_DIGITS} digits")
    return (Fraction(match.group()) if match[1] or match[2] else int(match.group())), match.end()


def _skip(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _refuse_long(text: str) -> None:
    if len(text) > MAX_CHARS:
        raise ValueError(f"the text has {len(text)} characters, JSON is read up to {MAX_CHARS}")


def _fail(text: str, position: int, what: str) -> NoReturn:
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    raise ValueError(f"{what} (line {line}, column {column})")
