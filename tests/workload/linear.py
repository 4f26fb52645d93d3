"""Exact linear expressions in one unknown, and how people write them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

Truth = Fraction | Literal["none", "all"]
"""The one solution, or that no value, or that every value solves the equation."""


@dataclass(frozen=True, slots=True)
class Linear:
    """slope · unknown + constant."""

    slope: Fraction
    constant: Fraction

    def __add__(self, other: Linear) -> Linear:
        return Linear(self.slope + other.slope, self.constant + other.constant)

    def __sub__(self, other: Linear) -> Linear:
        return Linear(self.slope - other.slope, self.constant - other.constant)

    def scaled(self, factor: Fraction | int) -> Linear:
        """The expression times a number."""
        if factor == 1:
            return self
        return Linear(self.slope * factor, self.constant * factor)

    def at(self, value: Fraction) -> Fraction:
        """The number it is when the unknown is `value`."""
        return self.slope * value + self.constant


@lru_cache(maxsize=4096)
def linear(slope: Fraction | int = 0, constant: Fraction | int = 0) -> Linear:
    """A linear expression from plain numbers."""
    return Linear(Fraction(slope), Fraction(constant))


def solve(left: Linear, right: Linear) -> Truth:
    """All values of the unknown for which left = right."""
    difference = left - right
    if difference.slope:
        return -difference.constant / difference.slope
    return "none" if difference.constant else "all"


def write_number(number: Fraction, decimals: bool = False) -> str:
    """`3`, `-7/2`, or `-3.5` when decimals are wished and exact."""
    if number.denominator == 1:
        return str(number.numerator)
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if not decimals or rest != 1:
        return f"{number.numerator}/{number.denominator}"
    digits = next(n for n in range(1, 30) if (number * 10**n).denominator == 1)
    whole = str(abs(number.numerator) * 10**digits // number.denominator).zfill(digits + 1)
    return f"{'-' if number < 0 else ''}{whole[:-digits]}.{whole[-digits:]}"


def write_term(slope: Fraction, letter: str, decimals: bool = False) -> str:
    """`x`, `-x`, `3x`, `0.5x` or `(2/3)x`."""
    if abs(slope) == 1:
        return letter if slope > 0 else f"-{letter}"
    number = write_number(abs(slope), decimals)
    sign = "-" if slope < 0 else ""
    return f"{sign}({number}){letter}" if "/" in number else f"{sign}{number}{letter}"


def join_terms(first: str, second: str) -> str:
    """`a + b`, or `a - b` when the second one is negative."""
    return f"{first} - {second[1:]}" if second.startswith("-") else f"{first} + {second}"


def write(side: Linear, letter: str, decimals: bool = False) -> str:
    """A side in its plainest form: `2x + 3`, `-x`, `7`."""
    if not side.slope:
        return write_number(side.constant, decimals)
    term = write_term(side.slope, letter, decimals)
    return join_terms(term, write_number(side.constant, decimals)) if side.constant else term
