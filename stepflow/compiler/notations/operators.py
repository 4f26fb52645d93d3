"""What the operators of expressions do: exact arithmetic, comparison, membership, members. Every result is bounded."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from stepflow.notation import Missing
from stepflow.values import MAX_DIGITS, Linear, Number, describe, exact, identity, is_number, normal, show

MAX_TEXT = 1_000_000
MAX_EXPONENT = 64
_MAX_BITS = int(MAX_DIGITS * 3.3219281)
_MAX_TOLD = 8

Binary = Callable[[Any, Any], Any]


def bounded(value: Any) -> Any:
    """The value, numbers normalised. Raises `ValueError` above 400 digits or a million characters."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise ValueError(f"a text of more than {MAX_TEXT:,} characters")
    elif isinstance(value, Fraction):
        return normal(_short(value))
    elif isinstance(value, int):
        _short(value)
    elif isinstance(value, Linear):
        for factor in (value.constant, *(factor for _, factor in value.terms)):
            _short(factor)
    return value


def _short(number: Any) -> Any:
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > _MAX_BITS:
        raise ValueError(f"a number of more than {MAX_DIGITS} digits")
    return number


def same(left: Any, right: Any) -> bool:
    """Equality by meaning: lists and tuples are alike, and a truth value is never a number."""
    if type(left) is type(right) and isinstance(left, str):
        return bool(left == right)
    return identity(left) == identity(right)


def number(value: Any) -> Number:
    """The operand as an exact number. Raises `ValueError` on anything else; text is never read as a number silently."""
    if isinstance(value, str):
        raise ValueError(f"{describe(value)} is not a number; number(...) reads one from text")
    if not is_number(value) and not isinstance(value, float):
        raise ValueError(f"{describe(value)} is not a number")
    return exact(value)


def _numeric(symbol: str, on_numbers: Binary, on_forms: Binary | None = None) -> Binary:
    """An operator on numbers, and on linear forms when `on_forms` is given."""

    def apply(left: Any, right: Any) -> Any:
        if on_forms and (isinstance(left, Linear) or isinstance(right, Linear)):
            return bounded(on_forms(_form(left), _form(right)))
        try:
            result = on_numbers(number(left), number(right))
        except ZeroDivisionError:
            raise ValueError(f"division by zero in {describe(left)} {symbol} {describe(right)}") from None
        return bounded(result)

    return apply


def _form(value: Any) -> Linear:
    return value if isinstance(value, Linear) else Linear(constant=Fraction(number(value)))


def _power(base: Number, exponent: Number) -> Number:
    if not isinstance(exponent, int) or abs(exponent) > MAX_EXPONENT:
        raise ValueError(f"an exponent is a whole number of at most {MAX_EXPONENT}, not {show(exponent)}")
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if (size - 1) * abs(exponent) > _MAX_BITS:
        raise ValueError(f"a number of more than {MAX_DIGITS} digits")
    return normal(Fraction(base) ** exponent)


_add_numbers = _numeric("+", operator.add, operator.add)
subtract = _numeric("-", operator.sub, operator.sub)
multiply = _numeric("*", operator.mul, operator.mul)
divide = _numeric("/", Fraction, operator.truediv)
floor_divide = _numeric("//", operator.floordiv)
remainder = _numeric("%", operator.mod)
power = _numeric("**", _power)


def add(left: Any, right: Any) -> Any:
    """The sum of numbers or linear forms, or two texts or two lists joined."""
    if isinstance(left, str) and isinstance(right, str):
        return bounded(left + right)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return (*left, *right)
    return _add_numbers(left, right)


def negate(value: Any) -> Any:
    """The value with the opposite sign."""
    return -value if isinstance(value, Linear) else -number(value)


def positive(value: Any) -> Any:
    """The number itself."""
    return value if isinstance(value, Linear) else number(value)


def _ordering(symbol: str, compare: Binary) -> Binary:
    def apply(left: Any, right: Any) -> bool:
        for kind in (str, datetime.date):
            if isinstance(left, kind) and isinstance(right, kind):
                return bool(compare(left, right))
        if isinstance(left, str) or isinstance(right, str):
            raise ValueError(f"cannot order {describe(left)} {symbol} {describe(right)}: compare numbers, or texts")
        return bool(compare(number(left), number(right)))

    return apply


def contains(container: Any, item: Any) -> bool:
    """Whether a text holds a text, a list an item, or a map a key."""
    if isinstance(container, str) and isinstance(item, str):
        return item in container
    if isinstance(container, list | tuple):
        return any(same(item, each) for each in container)
    if isinstance(container, Mapping):
        return isinstance(item, str | int) and item in container
    raise ValueError(f"{describe(container)} cannot hold {describe(item)}")


COMPARISONS: Mapping[str, Binary] = {
    "eq": same,
    "ne": lambda left, right: not same(left, right),
    "lt": _ordering("<", operator.lt),
    "lteq": _ordering("<=", operator.le),
    "gt": _ordering(">", operator.gt),
    "gteq": _ordering(">=", operator.ge),
    "in": lambda left, right: contains(right, left),
    "notin": lambda left, right: not contains(right, left),
}


def member(holder: Any, key: Any, path: str) -> Any:
    """A map's member, a list's item (from 0; negative from the end), or a text's character.

    Raises `Missing` naming `path` when it is not there. Nothing else has members: no attribute of a Python object
    can be reached.
    """
    if isinstance(holder, Mapping):
        if isinstance(key, str | int | Fraction) and key in holder:
            return holder[key]
        raise Missing(f"{path} is missing{_instead(holder)}")
    if isinstance(holder, list | tuple | str) and isinstance(key, int) and not isinstance(key, bool):
        if -len(holder) <= key < len(holder):
            return holder[key]
        raise Missing(f"{path} is missing: there are only {len(holder)}")
    raise Missing(f"{path} is missing: {describe(holder)} has no such members")


def _instead(holder: Mapping[Any, Any]) -> str:
    """The few members that a map has, in words."""
    return f": there is {', '.join(map(str, holder))}" if 0 < len(holder) <= _MAX_TOLD else ""


def part(holder: Any, start: Any, stop: Any, step: Any) -> Any:
    """A slice of a list or text."""
    if not isinstance(holder, list | tuple | str):
        raise ValueError(f"{describe(holder)} has no parts to cut")
    bounds = [None if bound is None else number(bound) for bound in (start, stop, step)]
    if any(isinstance(bound, Fraction) for bound in bounds):
        raise ValueError("the bounds of a slice must be whole numbers")
    if bounds[2] == 0:
        raise ValueError("the step of a slice must not be 0")
    return holder[bounds[0] : bounds[1] : bounds[2]]  # type: ignore[index]  # no Fraction is left
