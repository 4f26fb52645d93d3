"""Reads arithmetic out of prose: tokens, and a recursive-descent parser for linear expressions.

Multiplication may be left out (`2x`, `3(x + 1)`, `1/3 x`) and then binds like `*`, so `3/4x` is three quarters of x.
A number, a space and a fraction is a mixed number. Nothing here raises: what cannot be read is None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from workload.linear import Linear, linear

_TOKEN = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+(?!\d|,\d)|\d+(?:\.\d+)?)"
    r"|(?P<arrow>==?>|->|⇒|→|⟹)"
    r"|(?P<operator>!=|<=|>=|[-+*/^()=≈<>≤≥≠±²³])"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<newline>\n)"
    r"|(?P<other>\S)"
)
_SIGNS = str.maketrans({"−": "-", "–": "-", "·": "*", "×": "*", "⋅": "*", "÷": "/", "\u00a0": " ", "’": "'"})


class Token(NamedTuple):
    """One piece of text; `tight` says that no space stands before it."""

    kind: str
    text: str
    tight: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """An expression read from tokens [start, end): its value and the letters in it."""

    value: Linear
    letters: frozenset[str]
    start: int
    end: int


def plain_signs(text: str) -> str:
    """The text with one sign for each of minus, times and divided by."""
    return text.translate(_SIGNS)


def tokens_of(text: str) -> list[Token]:
    """All tokens of the text; newlines are tokens, other white space is not."""
    found, end = [], 0
    for match in _TOKEN.finditer(text):
        found.append(Token(str(match.lastgroup), match.group(), match.start() == end))
        end = match.end()
    return found


def numbers_in(tokens: list[Token]) -> list[Fraction]:
    """All unsigned number literals."""
    return [as_fraction(token) for token in tokens if token.kind == "number"]


def as_fraction(token: Token) -> Fraction:
    """The value of a number token."""
    return _number(token.text)


@lru_cache(maxsize=4096)
def _number(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))


def is_letter(token: Token) -> bool:
    """A word of one Latin letter can be an unknown."""
    return token.kind == "word" and len(token.text) == 1 and token.text.isascii()


def read(tokens: list[Token], start: int) -> Reading | None:
    """The longest expression that begins at `start`."""
    return _Parser(tokens).sum(start)


def read_before(tokens: list[Token], end: int, first: int = 0) -> Reading | None:
    """The longest expression that ends right before `end` and begins at `first` or later."""
    start = end
    while start > first and _may_belong(tokens[start - 1]):
        start -= 1
    for begin in range(start, end):
        reading = read(tokens, begin)
        if reading and reading.end == end:
            return reading
    return None


def _may_belong(token: Token) -> bool:
    return token.kind == "number" or is_letter(token) or (token.kind == "operator" and token.text in "+-*/()^")


class _Parser:
    """Each method reads one construct at a position and returns it, or None when it does not stand there."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens

    def operator(self, at: int, signs: str) -> str:
        if at < len(self.tokens) and self.tokens[at].kind == "operator" and self.tokens[at].text in signs:
            return self.tokens[at].text
        return ""

    def sum(self, at: int) -> Reading | None:
        whole = self.signed(at, self.product)
        while whole and (sign := self.operator(whole.end, "+-")):
            part = self.signed(whole.end + 1, self.product)
            if part is None:
                break
            value = whole.value + part.value.scaled(1 if sign == "+" else -1)
            whole = Reading(value, whole.letters | part.letters, at, part.end)
        return whole

    def signed(self, at: int, inner: Callable[[int], Reading | None]) -> Reading | None:
        sign = self.operator(at, "+-")
        reading = inner(at + 1 if sign else at)
        if reading is None:
            return None
        return Reading(reading.value.scaled(-1 if sign == "-" else 1), reading.letters, at, reading.end)

    def product(self, at: int) -> Reading | None:
        whole = self.factor(at)
        while whole:
            sign = self.operator(whole.end, "*/")
            part = self.signed(whole.end + 1, self.factor) if sign else self.adjacent(whole.end)
            combined = part and _combine(whole, part, sign or "*")
            if combined is None:
                break
            whole = combined
        return whole

    def adjacent(self, at: int) -> Reading | None:
        """A factor without a sign before it: a letter or a bracket, never a number."""
        if at < len(self.tokens) and (is_letter(self.tokens[at]) or self.operator(at, "(")):
            return self.factor(at)
        return None

    def factor(self, at: int) -> Reading | None:
        if at >= len(self.tokens):
            return None
        token = self.tokens[at]
        if token.kind == "number":
            return self.mixed(at) or Reading(linear(0, as_fraction(token)), frozenset(), at, at + 1)
        if is_letter(token):
            return Reading(linear(1), frozenset(token.text), at, at + 1)
        inner = self.sum(at + 1) if self.operator(at, "(") else None
        if inner is None or not self.operator(inner.end, ")"):
            return None
        return Reading(inner.value, inner.letters, at, inner.end + 1)

    def mixed(self, at: int) -> Reading | None:
        """`2 1/3`."""
        window = self.tokens[at : at + 4]
        kinds = [token.kind for token in window]
        if kinds != ["number", "number", "operator", "number"] or window[2].text != "/" or window[1].tight:
            return None
        whole, top, bottom = (as_fraction(window[index]) for index in (0, 1, 3))
        return Reading(linear(0, whole + top / bottom), frozenset(), at, at + 4) if bottom else None


def _combine(left: Reading, right: Reading, sign: str) -> Reading | None:
    letters = left.letters | right.letters
    if sign == "/":
        if right.value.slope or not right.value.constant:
            return None
        return Reading(left.value.scaled(1 / right.value.constant), letters, left.start, right.end)
    if left.value.slope and right.value.slope:
        return None
    value = (
        left.value.scaled(right.value.constant) if not right.value.slope else right.value.scaled(left.value.constant)
    )
    return Reading(value, letters, left.start, right.end)
