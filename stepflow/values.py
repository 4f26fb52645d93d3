"""The values that rules compute with: exact numbers, text, lists, maps, and linear equations.

A value is one of `None`, `bool`, `int`, `Fraction`, `str`, `tuple`, `Mapping`, `Linear`, `Equation` and `date`;
whatever is none of these never leaves a plug. `encode` and `decode` carry values through JSON without loss.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

Number = int | Fraction
Value = Any
"""Documentation only: mypy cannot express the closed recursive union without noise in every plug."""

_NUMBER = re.compile(r"\s*([+-]?)\s*(\d+(?:\.\d+)?|\.\d+)(?:\s*/\s*(\d+(?:\.\d+)?))?\s*\Z")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
MAX_DIGITS = 400
"""Longest number text read: longer digits are data, not numbers, and their arithmetic could exhaust the process."""


def normal(number: Fraction | int) -> Number:
    """The same number, as `int` when it is whole."""
    if isinstance(number, Fraction) and number.denominator == 1:
        return number.numerator
    return number


def exact(source: str | float | int | Decimal | Fraction) -> Number:
    """The exact number that a text or literal denotes: '0.1' is 1/10, '-3 / 4' is -3/4, '1,200' is 1200.

    Raises `ValueError` when the text is not one number.
    """
    if isinstance(source, bool):
        raise ValueError("a truth value is not a number")
    if isinstance(source, int | Fraction):
        return normal(source)
    if isinstance(source, float | Decimal):
        text = getattr(source, "text", None) or str(source)
        return normal(Fraction(text))
    text = source.replace("−", "-").replace("⁄", "/")
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of more than {MAX_DIGITS} characters")
    text = _THOUSANDS.sub(lambda found: found.group().replace(",", ""), text)
    match = _NUMBER.match(text)
    if match is None:
        raise ValueError(f"{source!r} is not a number")
    sign, numerator, denominator = match.groups()
    if denominator is None and "." not in numerator:
        return -int(numerator) if sign == "-" else int(numerator)
    value = Fraction(numerator)
    if denominator is not None:
        if Fraction(denominator) == 0:
            raise ValueError(f"{source!r} divides by zero")
        value /= Fraction(denominator)
    return normal(-value if sign == "-" else value)


def is_number(value: object) -> bool:
    """Whether the value is an exact number (truth values are not)."""
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def identity(value: Value) -> Hashable:
    """A hashable form of a value: two values are the same exactly when their identities are equal.

    Lists and tuples are alike, a truth value is never a number, and a linear form without symbols is its constant.
    """
    if type(value) in (str, int):  # most are
        return value  # type: ignore[no-any-return]
    if isinstance(value, bool):
        return "truth", value
    if isinstance(value, float | Fraction):
        return exact(value)
    if isinstance(value, Linear):
        return value if value.terms else normal(value.constant)
    if isinstance(value, list | tuple):
        return "list", tuple(identity(item) for item in value)
    if isinstance(value, Mapping):
        return "map", frozenset((key, identity(item)) for key, item in value.items())
    return value  # type: ignore[no-any-return]


def meaning(value: Value) -> Value:
    """The value without what does not count when values are compared: the text of an equation."""
    if isinstance(value, Equation):
        return Equation(value.sides)
    if isinstance(value, list | tuple):
        return tuple(meaning(item) for item in value)
    if isinstance(value, Mapping):
        return {key: meaning(item) for key, item in value.items()}
    return value


class NotLinear(ValueError):
    """An expression that is not linear: a product of unknowns, or an unknown in a denominator."""


@dataclass(frozen=True, slots=True)
class Linear:
    """An exact linear form: sum of coefficient × symbol, plus a constant. Zero coefficients are never kept."""

    terms: tuple[tuple[str, Fraction], ...] = ()
    constant: Fraction = Fraction(0)

    @classmethod
    def of(cls, terms: Mapping[str, Fraction], constant: Fraction) -> Linear:
        """The form with these coefficients, in canonical order."""
        return cls(tuple(sorted((name, factor) for name, factor in terms.items() if factor)), Fraction(constant))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols with a coefficient other than zero, sorted."""
        return tuple(name for name, _ in self.terms)

    def coefficient(self, symbol: str) -> Fraction:
        """The factor of a symbol, 0 when absent."""
        return dict(self.terms).get(symbol, Fraction(0))

    def __add__(self, other: Linear) -> Linear:
        terms = dict(self.terms)
        for name, factor in other.terms:
            terms[name] = terms.get(name, Fraction(0)) + factor
        return Linear.of(terms, self.constant + other.constant)

    def __neg__(self) -> Linear:
        return self.scaled(Fraction(-1))

    def __sub__(self, other: Linear) -> Linear:
        return self + (-other)

    def __mul__(self, other: Linear) -> Linear:
        if self.terms and other.terms:
            raise NotLinear("a product of unknowns is not linear")
        factor, form = (self.constant, other) if not self.terms else (other.constant, self)
        return form.scaled(factor)

    def __truediv__(self, other: Linear) -> Linear:
        if other.terms:
            raise NotLinear("an unknown in a denominator is not linear")
        if other.constant == 0:
            raise NotLinear("division by zero")
        return self.scaled(1 / other.constant)

    def scaled(self, factor: Fraction) -> Linear:
        """This form times a number."""
        return Linear.of({name: value * factor for name, value in self.terms}, self.constant * factor)


@dataclass(frozen=True, slots=True)
class Equation:
    """Linear forms joined by equals signs (two, or more in a chain `x = 8/2 = 4`). Compares by meaning, not by text."""

    sides: tuple[Linear, ...]
    text: str = field(default="", compare=False)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol on any side, sorted."""
        return tuple(sorted({name for side in self.sides for name in side.symbols}))

    @property
    def written_symbols(self) -> tuple[str, ...]:
        """Every single letter written in the text, also one that cancels out."""
        return tuple(sorted(set(re.findall(r"(?<![^\W\d_])[^\W\d_](?![^\W\d_])", self.text))))

    @property
    def differences(self) -> tuple[Linear, ...]:
        """For each equals sign, left minus right."""
        return tuple(left - right for left, right in zip(self.sides, self.sides[1:], strict=False))


def show(value: Value) -> str:
    """How a value reads in a prompt or message: 7/2, 0.25, the text of an equation, a comma-separated list."""
    if type(value) in (str, int):  # most are
        return str(value)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction):
        return _show_fraction(value)
    if isinstance(value, Equation):
        return value.text or " = ".join(show(side) for side in value.sides)
    if isinstance(value, Linear):
        return _show_linear(value)
    if isinstance(value, list | tuple):
        return ", ".join(show(item) for item in value)
    if isinstance(value, Mapping):
        import json

        return json.dumps(encode_plain(value), ensure_ascii=False)
    return str(value)


def describe(value: Any) -> str:
    """A value in an error message: its kind, and the value itself when that is short."""
    if value is None or isinstance(value, bool):
        return show(value)
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, Mapping):
        return "a map"
    kind = "the number " if is_number(value) else "the equation " if isinstance(value, Equation) else ""
    text = show(value)
    shown = text if len(text) <= 40 else f"{text[:37]}..."
    return f"the text {shown!r}" if isinstance(value, str) else f"{kind}{shown}"


def literal(value: Any, longest: int = 60) -> str:
    """A value as an expression would write it, cut off beyond so many characters: 'a', 0.5, ['a', 1]."""
    text = _written(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _written(value: Any) -> str:
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_written(key)}: {_written(each)}' for key, each in value.items())}}}"
    return show(value)


def _show_fraction(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    reduced = value.denominator
    for prime in (2, 5):
        while reduced % prime == 0:
            reduced //= prime
    if reduced == 1 and value.denominator <= 10_000:
        return format((Decimal(value.numerator) / Decimal(value.denominator)).normalize(), "f")
    return f"{value.numerator}/{value.denominator}"


def _show_linear(form: Linear) -> str:
    parts = []
    for name, factor in form.terms:
        size = abs(factor)
        body = name if size == 1 else f"{_bracketed(size)}{name}"
        parts.append(("-" if factor < 0 else "+", body))
    if form.constant or not parts:
        parts.append(("-" if form.constant < 0 else "+", _show_fraction(abs(form.constant))))
    first_sign, first = parts[0]
    head = f"-{first}" if first_sign == "-" else first
    return head + "".join(f" {sign} {body}" for sign, body in parts[1:])


def _bracketed(size: Fraction) -> str:
    text = _show_fraction(size)
    return f"({text})" if "/" in text else text


_AS_THEY_ARE = frozenset({type(None), bool, int, str})
_NESTED = (dict, list)


def encode_plain(value: Value) -> Any:
    """A value as plain JSON for people and for output: numbers lose their exactness where JSON has no such number."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    if isinstance(value, Equation | Linear | datetime.date):
        return show(value)
    if isinstance(value, Mapping):
        return {str(key): encode_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode_plain(item) for item in value]
    return value


def encode(value: Value) -> Any:
    """A value as JSON from which `decode` gives the same value back.

    A map is an object, a list an array; what JSON does not have is an object with one key, which begins with a dollar.
    """
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    write = _WRITERS.get(kind)
    return write(value) if write is not None else _encode_kin(value)


def _encode_kin(value: Value) -> Any:
    """The same for a value of a subclass, which the table does not hold."""
    if isinstance(value, int | str):
        return value
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return write(value)
    if isinstance(value, Mapping):
        return _encode_map(value)
    raise TypeError(f"{type(value).__name__} is not a value of the language")


def _encode_list(value: Sequence[Value]) -> Any:
    return [item if type(item) in _AS_THEY_ARE else encode(item) for item in value]


def _encode_map(value: Mapping[str, Value]) -> Any:
    encoded = {str(key): item if type(item) in _AS_THEY_ARE else encode(item) for key, item in value.items()}
    return {"$map": list(encoded.items())} if any(key[:1] == "$" for key in encoded) else encoded


def _encode_number(value: Fraction) -> Any:
    """A whole number as JSON's own, any other as the text of the fraction."""
    return value.numerator if value.denominator == 1 else str(value)


def _encode_linear(value: Linear) -> list[Any]:
    return [_encode_number(value.constant), *[[name, _encode_number(factor)] for name, factor in value.terms]]


_WRITERS: Mapping[type, Callable[[Any], Any]] = {
    Fraction: lambda value: {"$number": _encode_number(value)},
    Linear: lambda value: {"$linear": _encode_linear(value)},
    Equation: lambda value: {"$equation": [value.text, *map(_encode_linear, value.sides)]},
    tuple: _encode_list,
    list: _encode_list,
    dict: _encode_map,
    datetime.date: lambda value: {"$date": value.isoformat()},
}
"""By type, because to ask a value whether it is a fraction, an equation or a map takes as long as to write it."""


def decode(data: Any) -> Value:
    """The value that `encode` wrote. Raises `ValueError` (or what a wrong type raises) on anything else."""
    if isinstance(data, list):
        return tuple([decode(item) if isinstance(item, _NESTED) else item for item in data])
    if not isinstance(data, dict):
        return data
    if len(data) == 1:
        ((kind, content),) = data.items()
        if kind[:1] == "$":
            return _read(kind, content)
    return {key: decode(item) if isinstance(item, _NESTED) else item for key, item in data.items()}


def _read(kind: str, content: Any) -> Value:
    if kind == "$number":
        return _decode_number(content)
    if kind == "$linear":
        return _decode_linear(content)
    if kind == "$equation":
        text, *sides = content
        return Equation(tuple([_decode_linear(side) for side in sides]), text)
    if kind == "$date":
        return datetime.date.fromisoformat(content)
    if kind == "$map":
        return {key: decode(item) for key, item in content}
    raise ValueError(f"unknown value kind {kind!r}")


def _decode_linear(data: Any) -> Linear:
    constant, *terms = data
    return Linear(tuple([(name, _decode_number(factor)) for name, factor in terms]), _decode_number(constant))


@lru_cache(maxsize=4096, typed=True)  # typed: a truth value is no number
def _decode_number(data: int | str) -> Fraction:
    """The fraction that was written: a fifth of the time that `Fraction` takes to read all that people write.

    Most numbers of a record stand in it many times, and to make a fraction takes longer than to remember it.
    """
    if type(data) is int:
        return Fraction(data)
    numerator, denominator = data.split("/")  # type: ignore[union-attr]
    return Fraction(int(numerator), int(denominator))
