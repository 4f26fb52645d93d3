"""What only the notation itself can offer: tests (`is odd`), and the filters that take the name of a filter or test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stepflow.compiler.notations.operators import COMPARISONS, contains, member, number
from stepflow.notation import Missing
from stepflow.values import describe, is_number

Bound = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Form:
    """A filter over a list. Its argument number `names_at` is the quoted name of a `kind`; it is handed over bound."""

    apply: Callable[..., Any]
    kind: str
    names_at: int


def _whole(value: Any) -> int:
    whole = number(value)
    if not isinstance(whole, int):
        raise ValueError(f"{describe(value)} is not a whole number")
    return whole


def _is_integer(value: Any) -> bool:
    return is_number(value) and isinstance(value, int)


def present(value: Any) -> bool:
    """The test `defined`, of a value that is there."""
    return True


def absent(value: Any) -> bool:
    """The test `undefined`, of a value that is there."""
    return False


TESTS: Mapping[str, Bound] = {
    "none": lambda value: value is None,
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "boolean": lambda value: isinstance(value, bool),
    "number": is_number,
    "integer": _is_integer,
    "string": lambda value: isinstance(value, str),
    "mapping": lambda value: isinstance(value, Mapping),
    "sequence": lambda value: isinstance(value, list | tuple),
    "odd": lambda value: _whole(value) % 2 == 1,
    "even": lambda value: _whole(value) % 2 == 0,
    "divisibleby": lambda value, divisor: _divides(divisor, value),
    "eq": COMPARISONS["eq"],
    "equalto": COMPARISONS["eq"],
    "ne": COMPARISONS["ne"],
    "lt": COMPARISONS["lt"],
    "le": COMPARISONS["lteq"],
    "gt": COMPARISONS["gt"],
    "ge": COMPARISONS["gteq"],
    "in": lambda value, container: contains(container, value),
}
TEST_MEANINGS: Mapping[str, str] = {
    "defined": "the name or member is there: a constraint that was read, a field of a step, a key of a map",
    "undefined": "it is not",
    "none": "it is `none`, e.g. JSON's null",
    "true": "it is the truth value `true`; `1` and 'true' are not",
    "false": "it is the truth value `false`",
    "boolean": "it is a truth value",
    "number": "it is a number",
    "integer": "it is a whole number",
    "string": "it is a text",
    "mapping": "it is a map",
    "sequence": "it is a list",
    "odd": "a whole number that 2 does not divide",
    "even": "a whole number that 2 divides",
    "divisibleby": "a whole number that another divides: `is divisibleby(3)`",
    "eq": "equal, like `==`: `is eq(3)`; mostly for `select` and `selectattr`",
    "equalto": "the same",
    "ne": "not equal",
    "lt": "less: `select('lt', 10)`",
    "le": "less or equal",
    "gt": "greater",
    "ge": "greater or equal",
    "in": "one of a list's items, of a map's keys, or part of a text: `is in(labels)`",
}
"""What each test asks, for the reference; `defined` and `undefined` are the notation's own."""
NAMED_TESTS: Mapping[str, Bound] = {**TESTS, "defined": present, "undefined": absent}
"""The tests that a filter may name."""


def _divides(divisor: Any, value: Any) -> bool:
    if number(divisor) == 0:
        raise ValueError("division by zero in `is divisibleby`")
    return _whole(value) % _whole(divisor) == 0


def _items(value: Any, doing: str) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{doing}: {describe(value)} is not a list")
    return value


def _reach(item: Any, path: Any) -> Any:
    """The member at a dotted path, e.g. 'price.amount'."""
    for key in str(path).split("."):
        item = member(item, key, f"item.{path}")
    return item


def _map(value: Any, apply: Bound | None, *rest: Any, attribute: Any = None) -> Any:
    items = _items(value, "map")
    if (apply is None) == (attribute is None):
        raise ValueError("map takes the name of a filter, or attribute='name'")
    if apply is None:
        return tuple(_reach(item, attribute) for item in items)
    return tuple(apply(item, *rest) for item in items)


def _selection(name: str, wanted: bool) -> Callable[..., Any]:
    def choose(value: Any, test: Bound | None, *rest: Any) -> Any:
        holds = test or bool
        return tuple(item for item in _items(value, name) if bool(holds(item, *rest)) is wanted)

    return choose


def _holds_at(item: Any, path: str, test: Bound | None, rest: tuple[Any, ...]) -> bool:
    """Whether a test holds of the member at a path. Raises `Missing` where there is none, unless that is asked for."""
    try:
        value = _reach(item, path)
    except Missing:
        if test not in (present, absent):
            raise
        return test is absent
    return bool((test or bool)(value, *rest))


def _selection_by(name: str, wanted: bool) -> Callable[..., Any]:
    def choose(value: Any, test: Bound | None, path: str, *rest: Any) -> Any:
        return tuple(item for item in _items(value, name) if _holds_at(item, path, test, rest) is wanted)

    return choose


FORMS: Mapping[str, Form] = {
    "map": Form(_map, "filter", 0),
    "select": Form(_selection("select", True), "test", 0),
    "reject": Form(_selection("reject", False), "test", 0),
    "selectattr": Form(_selection_by("selectattr", True), "test", 1),
    "rejectattr": Form(_selection_by("rejectattr", False), "test", 1),
}
