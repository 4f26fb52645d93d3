"""Linear expressions in one unknown, read out of prose: exact, and None for whatever is not one.

Multiplication may be left out (`2x`, `3(x + 1)`, `1/3 x`) and binds like `*`; `2 1/3` is a mixed number.
Tokens become Python source of integers, names and four operators, which `ast` gives its structure.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

Truth = Fraction | Literal["none", "all"]
"""The one solution, or that no value, or that every value solves an equation."""

_TOKEN = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d|,\d)|\d+(?:\.\d+)?|==?>|->|[⇒→⟹]|!=|<=|>=|[^\W\d_]+(?:'[^\W\d_]+)*|\n|\S")
_SIGNS = str.maketrans({"−": "-", "–": "-", "·": "*", "×": "*", "⋅": "*", "÷": "/", "\u00a0": " ", "’": "'"})
_LONGEST = 80
"""Tokens of the longest expression that is read; nobody writes a longer one, and `ast` must not nest without end."""


class Token(NamedTuple):
    """One piece of text; `tight` says that no blank stands before it."""

    text: str
    tight: bool

    @property
    def is_number(self) -> bool:
        """Whether it is an unsigned number."""
        return self.text[0].isdigit() and self.text[0].isascii()

    @property
    def is_word(self) -> bool:
        """Whether it is made of letters."""
        return self.text[0].isalpha()

    @property
    def is_letter(self) -> bool:
        """Whether it can be an unknown: one Latin letter."""
        return len(self.text) == 1 and self.text.isascii() and self.text.isalpha()

    @property
    def value(self) -> Fraction:
        """The number that it is."""
        return Fraction(self.text.replace(",", ""))


@dataclass(frozen=True, slots=True)
class Form:
    """slope · unknown + constant."""

    slope: Fraction
    constant: Fraction

    def __add__(self, other: Form) -> Form:
        return Form(self.slope + other.slope, self.constant + other.constant)

    def __sub__(self, other: Form) -> Form:
        return self + other.times(Fraction(-1))

    def times(self, factor: Fraction) -> Form:
        """The form times a number."""
        return Form(self.slope * factor, self.constant * factor)


@dataclass(frozen=True, slots=True)
class Reading:
    """What tokens [start, end) mean, and the letters among them."""

    form: Form
    letters: frozenset[str]
    start: int
    end: int


def number(value: Fraction | int) -> Form:
    """The form of a plain number."""
    return Form(Fraction(0), Fraction(value))


def solve(left: Form, right: Form) -> Truth:
    """All values of the unknown for which the two are equal."""
    gap = left - right
    if gap.slope:
        return -gap.constant / gap.slope
    return "none" if gap.constant else "all"


def plain_signs(text: str) -> str:
    """The text with one sign each for minus, times and divided by."""
    return text.translate(_SIGNS)


def tokens_of(text: str) -> list[Token]:
    """All tokens; newlines are tokens, other blanks are not."""
    return [Token(found.group(), found.start() == 0 or not text[found.start() - 1].isspace())
            for found in _TOKEN.finditer(text)]  # fmt: skip


def read_from(tokens: Sequence[Token], start: int) -> Reading | None:
    """The longest expression that begins at `start`."""
    stop = start
    while stop < min(len(tokens), start + _LONGEST) and _may_belong(tokens[stop]):
        stop += 1
    return next((found for end in range(stop, start, -1) if (found := _read(tokens, start, end))), None)


def read_until(tokens: Sequence[Token], end: int, first: int = 0) -> Reading | None:
    """The longest expression that ends right before `end` and begins at `first` or later."""
    start = end
    while start > max(first, end - _LONGEST) and _may_belong(tokens[start - 1]):
        start -= 1
    return next((found for begin in range(start, end) if (found := _read(tokens, begin, end))), None)


def read_equation(text: str, unknown: str) -> tuple[Form, Form]:
    """Both sides of an equation that stands alone. Raises `ValueError` when it is not linear in the unknown."""
    tokens = tokens_of(plain_signs(text))
    signs = [at for at, token in enumerate(tokens) if token.text == "="]
    if len(signs) == 1:
        left, right = _read(tokens, 0, signs[0]), _read(tokens, signs[0] + 1, len(tokens))
        if left and right and left.letters | right.letters <= {unknown}:
            return left.form, right.form
    raise ValueError(f"{text!r} is not a linear equation in {unknown}")


def _may_belong(token: Token) -> bool:
    return token.is_number or token.is_letter or token.text in "+-*/()"


def _read(tokens: Sequence[Token], start: int, end: int) -> Reading | None:
    piece = tuple(tokens[start:end])
    form = _meaning(piece)
    letters = frozenset(token.text for token in piece if token.is_letter)
    return None if form is None else Reading(form, letters, start, end)


@lru_cache(maxsize=4096)  # answers to one problem repeat its equations
def _meaning(piece: tuple[Token, ...]) -> Form | None:
    source = _source(piece)
    if source is None:
        return None
    try:
        return _evaluated(ast.parse(source, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _source(piece: Sequence[Token]) -> str | None:
    """Python source that means the same: products spelt out, decimals as quotients, letters as names."""
    parts: list[str] = []
    at = 0
    while at < len(piece):
        token = piece[at]
        follows_value = at > 0 and (piece[at - 1].is_number or piece[at - 1].is_letter or piece[at - 1].text == ")")
        if token.is_number:
            if follows_value:
                return None
            mixed = [each.is_number for each in piece[at : at + 4]] == [True, True, False, True]
            if mixed and piece[at + 2].text == "/" and not piece[at + 1].tight:
                whole, top, bottom = (_quotient(piece[at + step]) for step in (0, 1, 3))
                parts.append(f"({whole} + {top} / {bottom})")
                at += 4
                continue
            parts.append(_quotient(token))
        elif not _may_belong(token):
            return None
        else:
            opens = token.is_letter or token.text == "("
            parts.append(f"* {token.text}" if opens and follows_value else token.text)
        at += 1
    return " ".join(parts) if parts else None


def _quotient(token: Token) -> str:
    value = token.value
    return f"({value.numerator} / {value.denominator})"


def _evaluated(node: ast.expr) -> Form | None:
    if isinstance(node, ast.Constant):
        return number(node.value) if type(node.value) is int else None
    if isinstance(node, ast.Name):
        return Form(Fraction(1), Fraction(0))
    if isinstance(node, ast.UnaryOp):
        inner = _evaluated(node.operand)
        return inner and (inner.times(Fraction(-1)) if isinstance(node.op, ast.USub) else inner)
    if not isinstance(node, ast.BinOp):
        return None
    left, right = _evaluated(node.left), _evaluated(node.right)
    return None if left is None or right is None else _combined(node.op, left, right)


def _combined(sign: ast.operator, left: Form, right: Form) -> Form | None:
    if isinstance(sign, ast.Add):
        return left + right
    if isinstance(sign, ast.Sub):
        return left - right
    if isinstance(sign, ast.Div):
        return left.times(1 / right.constant) if right.constant and not right.slope else None
    if not isinstance(sign, ast.Mult) or (left.slope and right.slope):
        return None
    return left.times(right.constant) if not right.slope else right.times(left.constant)
