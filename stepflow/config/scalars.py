"""What a plain YAML scalar denotes: the YAML 1.2 core schema, nothing else.

`no`, `on`, `12:30`, `1_000` and `2026-01-02` are text; `012` is the number 12; `0o17` and `0x1F` are whole numbers.
"""

from __future__ import annotations

import re
from typing import Self

from stepflow.values import MAX_DIGITS

Plain = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("-+.0123456789")
_WHOLE = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE](?P<exponent>[-+]?[0-9]+))?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class ExactFloat(float):
    """A float that remembers the text it was written as, so that 0.1 can be read as exactly 1/10."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """The number written as `text`: a decimal number, or `.inf`, `-.inf`, `.nan`."""
        number = super().__new__(cls, text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        number.text = text
        return number

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.text,)


class NumberTooLarge(ValueError):
    """A number whose digits or exponent are data rather than a quantity; computing with it could exhaust memory."""


def resolve(text: str) -> Plain:
    """The value of a plain (unquoted) scalar. Raises `NumberTooLarge` beyond `MAX_DIGITS` digits or that exponent."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    for pattern, base in ((_WHOLE, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.fullmatch(text):
            return int(_checked(text), base)
    if match := _FLOAT.fullmatch(text):
        exponent = (match["exponent"] or "0").lstrip("+-0") or "0"
        if len(exponent) > 3 or int(exponent) > MAX_DIGITS:
            raise NumberTooLarge(f"the exponent of a number may be at most {MAX_DIGITS}")
        return ExactFloat(_checked(text))
    return ExactFloat(text) if _SPECIAL.fullmatch(text) else text


def _checked(text: str) -> str:
    if len(text) > MAX_DIGITS:
        raise NumberTooLarge(f"a number may have at most {MAX_DIGITS} digits")
    return text
