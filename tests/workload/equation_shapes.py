"""The shapes that a linear equation can take on paper; each is built from a chosen solution, never by solving it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from workload.linear import Linear, Truth, join_terms, linear, write_number, write_term


@dataclass(frozen=True, slots=True)
class Side:
    """One side as typed, and what it means."""

    text: str
    value: Linear


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation as typed, its unknown, what its sides mean, and its truth. `plain`: already in simplest form."""

    text: str
    letter: str
    left: Linear
    right: Linear
    solution: Truth
    plain: bool = True
    decimals: bool = False


Shape = Callable[[Random, str], tuple[Side, Side, Truth]]


def number(value: Fraction | int, decimals: bool = False) -> Side:
    return Side(write_number(Fraction(value), decimals), linear(0, value))


def term(slope: Fraction | int, letter: str, decimals: bool = False) -> Side:
    return Side(write_term(Fraction(slope), letter, decimals), linear(slope))


def plus(first: Side, second: Side) -> Side:
    """The sum; `second` must be a single term or product, so that its sign can become the operator."""
    return Side(join_terms(first.text, second.text), first.value + second.value)


def times(factor: int, inner: Side) -> Side:
    written = "-" if factor == -1 else str(factor)
    return Side(f"{written}({inner.text})", inner.value.scaled(factor))


def over(inner: Side, divisor: int) -> Side:
    text = inner.text if re.fullmatch(r"\w", inner.text) else f"({inner.text})"
    return Side(f"{text}/{divisor}", inner.value.scaled(Fraction(1, divisor)))


def some(rng: Random, low: int = 2, high: int = 12) -> int:
    """A number from low to high with a random sign."""
    return rng.randint(low, high) * rng.choice((1, -1))


def equated(left: Side, solution: Fraction | int, decimals: bool = False) -> tuple[Side, Side, Truth]:
    value = Fraction(solution)
    return left, number(left.value.at(value), decimals), value


def two_step(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    return equated(plus(term(rng.randint(2, 12), u), number(some(rng))), some(rng, 0, 12))


def one_step_sum(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    return equated(plus(term(1, u), number(some(rng))), some(rng, 0, 20))


def one_step_product(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    return equated(term(rng.randint(2, 12), u), some(rng, 1, 12))


def sides_swapped(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    left, right, truth = two_step(rng, u)
    return right, left, truth


def both_sides(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    slope, other, value = rng.randint(2, 9), some(rng, 2, 9), some(rng, 1, 10)
    slope += slope == other
    left = plus(term(slope, u), number(some(rng)))
    rest = left.value.at(Fraction(value)) - other * value
    right = plus(term(other, u), number(rest)) if rest else term(other, u)
    return left, right, Fraction(value)


def bracket(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    return equated(times(rng.randint(2, 9), plus(term(rng.choice((1, 1, 2, 3)), u), number(some(rng)))), some(rng, 1))


def negative_factor(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    return equated(times(-rng.randint(1, 6), plus(term(1, u), number(some(rng)))), some(rng, 1))


def nested_brackets(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    inner = plus(times(rng.randint(2, 5), plus(term(1, u), number(some(rng, 1, 6)))), number(some(rng, 1, 9)))
    return equated(times(rng.choice((2, 3, -2)), inner), some(rng, 1, 8))


def bracket_subtracted(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    product = times(-rng.randint(2, 6), plus(term(1, u), number(some(rng, 1, 9))))
    return equated(plus(number(rng.randint(5, 30)), product), some(rng, 1, 9))


def brackets_on_both_sides(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    slope, factor, value = rng.randint(3, 8), rng.randint(1, 4), some(rng, 1, 9)
    slope += slope == 2 * factor
    shift = some(rng, 1, 6)
    right = times(2 * factor, plus(term(1, u), number(shift)))
    rest = right.value.at(Fraction(value)) - slope * value
    left = plus(term(slope, u), number(rest)) if rest else term(slope, u)
    return left, right, Fraction(value)


def decimals(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    slope = Fraction(rng.choice((5, 12, 15, 25, 4, 8)), 10)
    left = plus(term(slope, u, True), number(Fraction(some(rng, 1, 60) * 2 + 1, 10), True))
    return equated(left, Fraction(some(rng, 1, 20), rng.choice((1, 2))), True)


def divided_unknown(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    divisor = rng.randint(2, 7)
    return equated(plus(over(term(1, u), divisor), number(some(rng))), divisor * some(rng, 1, 9))


def divided_bracket(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    divisor, shift = rng.randint(2, 6), some(rng, 1, 9)
    return equated(over(plus(term(1, u), number(shift)), divisor), divisor * some(rng, 1, 6) - shift)


def _fraction(rng: Random, u: str, pattern: str) -> tuple[Side, Side, Truth]:
    top, bottom = rng.choice(((1, 2), (1, 3), (2, 3), (3, 4), (2, 5), (5, 6), (1, 4)))
    front = Side(pattern.format(top, bottom, u), linear(Fraction(top, bottom)))
    return equated(plus(front, number(some(rng))), bottom * some(rng, 1, 6))


def fraction_spaced(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    return _fraction(rng, u, "{}/{} {}")


def fraction_bracketed(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    return _fraction(rng, u, "({}/{}){}")


def fraction_tight(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    return _fraction(rng, u, "{}/{}{}")


def fraction_numerator(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    top, bottom = rng.choice(((2, 3), (3, 4), (3, 5), (5, 2)))
    front = Side(f"{top}{u}/{bottom}", linear(Fraction(top, bottom)))
    return equated(plus(front, number(some(rng))), bottom * some(rng, 1, 6))


def negative_coefficient(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    return equated(plus(term(-rng.randint(1, 9), u), number(some(rng))), some(rng, 1))


def constant_first(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    return equated(plus(number(rng.randint(1, 20)), term(some(rng, 1, 9), u)), some(rng, 1))


def like_terms(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    left = plus(plus(term(rng.randint(2, 7), u), term(rng.randint(1, 5), u)), number(some(rng)))
    return equated(left, some(rng, 1, 9))


def large_numbers(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    return equated(plus(term(rng.randint(100, 999), u), number(some(rng, 1000, 9999))), some(rng, 100, 5000))


def fractional_solution(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    slope = rng.choice((3, 6, 7, 9))
    top = next(n for n in iter(lambda: some(rng, 1, 30), None) if n % slope)
    return equated(plus(term(slope, u), number(some(rng))), Fraction(top, slope))


def no_solution(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    slope, shift = rng.randint(2, 9), some(rng, 1, 9)
    wrong = slope * shift + rng.choice((-3, -1, 2, 5))
    right = plus(term(slope, u), number(wrong)) if wrong else term(slope, u)
    left = times(slope, plus(term(1, u), number(shift)))
    plain = plus(term(slope, u), number(slope * shift))
    return rng.choice((left, plain)), right, "none"


def every_value(rng: Random, u: str) -> tuple[Side, Side, Truth]:
    slope, shift = rng.randint(2, 9), some(rng, 1, 9)
    left = times(slope, plus(term(1, u), number(shift)))
    right = plus(term(slope, u), number(slope * shift))
    return *rng.choice(((left, right), (right, left))), "all"


SHAPES: dict[str, Shape] = {
    shape.__name__: shape
    for shape in (
        *(two_step, one_step_sum, one_step_product, sides_swapped, both_sides, bracket, negative_factor),
        *(nested_brackets, bracket_subtracted, brackets_on_both_sides, decimals, divided_unknown, divided_bracket),
        *(fraction_spaced, fraction_bracketed, fraction_tight, fraction_numerator, negative_coefficient),
        *(constant_first, like_terms, large_numbers, fractional_solution, no_solution, every_value),
    )
}

UNSIMPLIFIED = frozenset(
    {"bracket", "negative_factor", "nested_brackets", "bracket_subtracted", "brackets_on_both_sides", "like_terms"}
    | {"divided_unknown", "divided_bracket", "fraction_spaced", "fraction_bracketed", "fraction_tight"}
    | {"fraction_numerator", "every_value", "no_solution", "constant_first"}
)


def _starred(text: str, sign: str) -> str:
    return re.sub(r"(?<=[\d)])(?=[A-Za-z(])", sign, text)


NOTATIONS: dict[str, Callable[[str], str]] = {
    "spaced": lambda text: text,
    "compact": lambda text: text.replace(" ", ""),
    "star": lambda text: _starred(text, "*"),
    "spaced_star": lambda text: _starred(text, " * "),
    "dot": lambda text: _starred(text, "·"),
    "unicode_minus": lambda text: text.replace("-", "−"),
}


def build(rng: Random, form: str, letter: str, notation: str) -> Equation:
    """An equation of one form in one letter and one notation."""
    left, right, solution = SHAPES[form](rng, letter)
    text = NOTATIONS[notation](f"{left.text} = {right.text}")
    return Equation(text, letter, left.value, right.value, solution, form not in UNSIMPLIFIED, form == "decimals")
