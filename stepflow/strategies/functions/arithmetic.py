"""Functions on exact numbers. Nothing is ever rounded unless asked; text is read as a number only by `number`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from stepflow.numerals import read_number, read_percent
from stepflow.texts.money import read_money
from stepflow.values import Number, describe, is_number, normal

MAX_DECIMALS = 100


def number(value: Any) -> Number:
    """The exact number that a text denotes, in digits or words, as the converter `number` reads it.

    A number stays itself. A percentage is no number (`percent` reads one); nor is a text with more than the number.

    Examples:
        number('1,200') == 1200
        number('-3 / 4') == -0.75
        number('2 1/2') == 2.5
        number('twenty-five') == 25
    """
    if isinstance(value, str):
        return read_number(value)
    return _number(value, "number")


def percent(value: Any) -> Number:
    """How many percent a text says, as the converter `percent` reads it.

    Examples:
        percent('15%') == 15
        percent('2 1/2 percent') == 2.5
    """
    if not isinstance(value, str):
        raise ValueError(f"percent: {describe(value)} is not a text")
    return read_percent(value)


def money(value: Any) -> Mapping[str, Any]:
    """An amount of money that a text says, as a map of `amount` and `currency`; such a map stays itself.

    Examples:
        money('€1,200.50') == {'amount': 1200.5, 'currency': 'EUR'}
        money('12 euros').amount == 12
        money('CHF 20').currency == 'CHF'
    """
    if isinstance(value, Mapping) and set(value) == {"amount", "currency"}:
        return value
    if not isinstance(value, str):
        raise ValueError(f"money: {describe(value)} is not a text")
    return read_money(value)


def mixed(value: Any) -> str:
    """The number as a whole and a fraction, as recipes and rulers write it; `number` reads it back.

    Examples:
        mixed(5/2) == '2 1/2'
        mixed(-4/3) == '-1 1/3'
        mixed(3/4) == '3/4'
        mixed(6) == '6'
    """
    size = abs(Fraction(_number(value, "mixed")))
    whole, rest = divmod(size.numerator, size.denominator)
    parts = [str(whole)] if whole or not rest else []
    parts += [f"{rest}/{size.denominator}"] if rest else []
    return ("-" if value < 0 else "") + " ".join(parts)


def magnitude(value: Any) -> Number:
    """The number without its sign.

    Examples:
        abs(-7/2) == 3.5
    """
    return normal(abs(Fraction(_number(value, "abs"))))


def smallest(*values: Any) -> Number:
    """The smallest of several numbers, or of one list of numbers.

    Examples:
        min(3, 1, 2) == 1
        min([3, 1.5]) == 1.5
    """
    return min(_several(values, "min"))


def largest(*values: Any) -> Number:
    """The largest of several numbers, or of one list of numbers.

    Examples:
        max(3, 1, 2) == 3
        [3, 4.5] | max == 4.5
    """
    return max(_several(values, "max"))


def total(values: Any) -> Number:
    """The sum of a list of numbers; 0 for an empty list.

    Examples:
        sum([0.1, 0.2]) == 0.3
        sum([]) == 0
    """
    return normal(sum((Fraction(each) for each in _numbers(values, "sum")), Fraction(0)))


def product(values: Any) -> Number:
    """The product of a list of numbers; 1 for an empty list.

    Examples:
        product([3, 0.5]) == 1.5
        [[2, 3], [4]] | map('product') | sum == 10
    """
    result = Fraction(1)
    for value in _numbers(values, "product"):
        result *= value
    return normal(result)


def mean(values: Any) -> Number:
    """The exact average of a list of numbers.

    Examples:
        mean([1, 2]) == 1.5
    """
    numbers = _numbers(values, "mean")
    if not numbers:
        raise ValueError("mean: the list is empty")
    return normal(Fraction(total(numbers)) / len(numbers))


def round_half_up(value: Any, digits: Any = 0) -> Number:
    """The number rounded to `digits` decimals; halves go up, towards larger numbers. `round` is another name.

    Examples:
        round_half_up(2.5) == 3
        round(-2.5) == -2
        round(2.345, 2) == 2.35
        round(1234, -2) == 1200
    """
    scale = _scale(digits, "round")
    return normal(Fraction(math.floor(_number(value, "round") * scale + Fraction(1, 2))) / scale)


def round_half_even(value: Any, digits: Any = 0) -> Number:
    """The number rounded to `digits` decimals; halves go to the even neighbour.

    Examples:
        round_half_even(2.5) == 2
        round_half_even(3.5) == 4
    """
    scale = _scale(digits, "round_half_even")
    return normal(Fraction(round(Fraction(_number(value, "round_half_even") * scale))) / scale)


def floor(value: Any) -> int:
    """The largest whole number that is not above the number.

    Examples:
        floor(-1.5) == -2
    """
    return math.floor(_number(value, "floor"))


def ceil(value: Any) -> int:
    """The smallest whole number that is not below the number.

    Examples:
        ceil(1.2) == 2
    """
    return math.ceil(_number(value, "ceil"))


def fixed(value: Any, digits: Any) -> str:
    """The number as text with exactly `digits` decimals, halves up.

    Examples:
        fixed(3.5, 2) == '3.50'
        fixed(-1/3, 1) == '-0.3'
        fixed(7, 0) == '7'
    """
    places = _places(digits, "fixed")
    if places < 0:
        raise ValueError("fixed: the number of decimals must not be negative")
    units = round_half_up(_number(value, "fixed") * 10**places)
    whole, rest = divmod(abs(int(units)), 10**places)
    return f"{'-' if units < 0 else ''}{whole}" + (f".{rest:0{places}d}" if places else "")


def close(a: Any, b: Any, rel: Any = 0, abs: Any = 0) -> bool:
    """Whether two numbers differ by at most `abs`, or by at most `rel` times the larger of the two.

    Examples:
        close(3.14, 3.14159, abs=0.01)
        close(99, 100, rel=0.01)
        not close(1, 1.0001)
    """
    first, second = _number(a, "close"), _number(b, "close")
    allowed = max(_number(abs, "close"), _number(rel, "close") * max(magnitude(first), magnitude(second)))
    return magnitude(first - second) <= allowed


def is_rounding(value: Any, exact: Any, significant: Any = 1) -> bool:
    """Whether a number is what another one is rounded to, at the decimals that it has itself; so is the number itself.

    `significant`: how many digits it must have at least, zeros at the beginning not counted.

    Examples:
        is_rounding(8.05, 8.04672)
        is_rounding(8.04672, 8.04672)
        not is_rounding(8.04, 8.04672)
        not is_rounding(8, 8.04672, significant=2)
        is_rounding(12000, 12000, significant=6)
    """
    short, full = _number(value, "is_rounding"), _number(exact, "is_rounding")
    if short == full:
        return True
    decimals = _decimals(Fraction(short))
    if decimals is None:
        return False
    digits = len(str(magnitude(int(Fraction(short) * 10**decimals))).lstrip("0"))
    return digits >= _whole(significant, "is_rounding") and magnitude(short - full) * 2 <= Fraction(1, 10**decimals)


def _decimals(value: Fraction) -> int | None:
    """How many decimals a number has when written out; None when it never ends."""
    for decimals in range(MAX_DECIMALS):
        if (value * 10**decimals).denominator == 1:
            return decimals
    return None


def percent_of(percent: Any, whole: Any) -> Number:
    """So many percent of a number.

    Examples:
        percent_of(15, 80) == 12
    """
    return normal(Fraction(_number(percent, "percent_of")) * _number(whole, "percent_of") / 100)


def gcd(*values: Any) -> int:
    """The greatest common divisor of whole numbers.

    Examples:
        gcd(12, 18) == 6
    """
    return math.gcd(*(_whole(each, "gcd") for each in values))


def lcm(*values: Any) -> int:
    """The least common multiple of whole numbers.

    Examples:
        lcm(4, 6) == 12
    """
    return math.lcm(*(_whole(each, "lcm") for each in values))


def _number(value: Any, function: str) -> Number:
    if not is_number(value):
        raise ValueError(f"{function}: {describe(value)} is not a number")
    return value  # type: ignore[no-any-return]


def _whole(value: Any, function: str) -> int:
    if not is_number(value) or not isinstance(value, int):
        raise ValueError(f"{function}: {describe(value)} is not a whole number")
    return value


def _numbers(values: Any, function: str) -> list[Number]:
    if not isinstance(values, list | tuple):
        raise ValueError(f"{function}: {describe(values)} is not a list of numbers")
    return [_number(each, function) for each in values]


def _several(values: tuple[Any, ...], function: str) -> list[Number]:
    numbers = _numbers(values[0] if len(values) == 1 and isinstance(values[0], list | tuple) else values, function)
    if not numbers:
        raise ValueError(f"{function}: there is no number to choose from")
    return numbers


def _places(digits: Any, function: str) -> int:
    places = _whole(digits, function)
    if abs(places) > MAX_DECIMALS:
        raise ValueError(f"{function}: at most {MAX_DECIMALS} decimals")
    return places


def _scale(digits: Any, function: str) -> Fraction:
    return Fraction(10) ** _places(digits, function)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "number": number,
    "is_number": is_number,
    "percent": percent,
    "money": money,
    "mixed": mixed,
    "abs": magnitude,
    "min": smallest,
    "max": largest,
    "sum": total,
    "product": product,
    "mean": mean,
    "round": round_half_up,
    "round_half_up": round_half_up,
    "round_half_even": round_half_even,
    "floor": floor,
    "ceil": ceil,
    "fixed": fixed,
    "close": close,
    "is_rounding": is_rounding,
    "percent_of": percent_of,
    "gcd": gcd,
    "lcm": lcm,
}
