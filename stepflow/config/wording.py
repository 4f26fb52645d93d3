"""How a value and an expectation are called in a message to an author."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from stepflow.config.scalars import NumberTooLarge, resolve

EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "decimal_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a map",
    "mapping_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "none_required": "nothing",
}
"""What pydantic's error types about the kind of a value ask for."""

_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("must be more than {}", "gt"),
    "greater_than_equal": ("must be at least {}", "ge"),
    "less_than": ("must be less than {}", "lt"),
    "less_than_equal": ("must be at most {}", "le"),
    "multiple_of": ("must be a multiple of {}", "multiple_of"),
    "string_too_short": ("needs at least {} characters", "min_length"),
    "string_too_long": ("may have at most {} characters", "max_length"),
    "too_short": ("needs at least {} entries", "min_length"),
    "too_long": ("may have at most {} entries", "max_length"),
    "string_pattern_mismatch": ("must have the form {}", "pattern"),
}
_SHOWN = 40
_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|([^,\s']+)")


def got(value: Any) -> str:
    """The value in a few words: text '3', the number 0.5, a list."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {getattr(value, 'text', value)}"
    if isinstance(value, str):
        shown = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
        return f"text '{shown}'" if "\n" not in shown else f"text '{shown.splitlines()[0]}…'"
    return "a map" if isinstance(value, Mapping) else "a list"


def bound(kind: str, context: Mapping[str, Any]) -> str | None:
    """What a bound asks for: 'must be at least 1'; None when the pydantic error type is not about a bound."""
    if kind not in _BOUNDS:
        return None
    sentence, name = _BOUNDS[kind]
    written = str(context.get(name))
    text = sentence.format(written)
    return text.replace("characters", "character").replace("entries", "entry") if written == "1" else text


def allowed_values(expected: str) -> tuple[str, ...]:
    """The values of a literal out of pydantic's list of them: `'a', 'b' or 'c'`."""
    head, separator, tail = expected.rpartition(" or ")
    parts = _LITERAL.findall(head) + _LITERAL.findall(tail) if separator else _LITERAL.findall(expected)
    return tuple(quoted or bare for quoted, bare in parts)


def mending(expected: Sequence[str], value: Any, written: str) -> tuple[str, ...]:
    """How a value of the wrong kind becomes right, as a tuple of no or one hint. `written` is its source text."""
    if isinstance(value, str):
        if _kind_of(value) in expected:
            return ("remove the quotes",)
        if "a list" in expected and "\n" not in value and len(value) <= _SHOWN:
            return (f"a list of one is written [{value}], or '- {value}' on its own line",)
    elif isinstance(value, Mapping) and "a list" in expected:
        return ("begin each entry of the list with '- '",)
    elif isinstance(value, bool | int | float) and "text" in expected:
        return (f"put it in quotes: '{written}'",)
    return ()


def _kind_of(text: str) -> str:
    try:
        value = resolve(text)
    except NumberTooLarge:
        return "text"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return "a whole number"
    return "a number" if isinstance(value, float) else "text"
