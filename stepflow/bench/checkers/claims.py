"""What a written solution claims: its equations and the operations that it names, in reading order.

Prose is first brought to one form: markers and markup go, `x is 4` and `the answer is 4` become equations. Then every
`=` must stand between two readable expressions; `Unreadable` says that one does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from stepflow.bench.checkers.arithmetic import Form, Reading, Token, number, plain_signs, read_from, read_until

NUMBER = r"-?\s?\d+(?:,\d{3})*(?:\.\d+)?(?:\s?/\s?\d+)?"
_ALONE = r"(?![\dA-Za-z(]|\.\d|\s*[=*/+^]|\s+-\s*\d)"
_MARKER = re.compile(
    r"(?mi)^[ \t]*(?:(?:[-*•>]|\#+)[ \t]+|\(?\d{1,2}[.)][ \t]+|\(?[a-h]\)[ \t]+"
    r"|step\s*\d+\s*(?:[:.)]|-(?=\s)|$)[ \t]*)+"
)
_REFERENCE = re.compile(r"(?i)\b(?:steps?|equation|line)\s+\(?\d+\)?(?![\w.]*\s*[=+*/(])")
_NOUNS = frozenset({"answer", "solution", "value", "result", "side", "lhs", "rhs", "left", "right"})
_COEFFICIENT = re.compile(r"(?i)(?:(?:coefficient|factor|multiple|multiplier) of|in front of)(?: the)? $")


class Unreadable(ValueError):
    """The text holds an equation, or something like one, that cannot be read."""


@dataclass(frozen=True, slots=True)
class Equation:
    """`a = b = c`: its sides, the signs between them (`=` or `≈`), the tokens [start, end) that it takes."""

    sides: tuple[Reading, ...]
    signs: tuple[str, ...]
    start: int
    end: int

    @property
    def ends(self) -> tuple[Form, Form]:
        """Its first two sides."""
        return self.sides[0].form, self.sides[1].form


@dataclass(frozen=True, slots=True)
class Operation:
    """`+`, `-`, `*`, `/` with an operand on both sides, or `±` for a term moved across; named at token `at`."""

    sign: str
    operand: Form
    at: int
    taken: tuple[int, ...] = ()


def normalised(text: str, unknown: str) -> str:
    """The text without markers and markup, its statements of value written as equations."""
    text = re.sub(r"\*\*|[`$]", "", plain_signs(text))
    text = _REFERENCE.sub(" ", _MARKER.sub("", text))
    text = re.sub(r"(?i)\b(?:negative|minus)\s+(?=\d)", "-", text)
    text = re.sub(r"(?i)\b(?:is|are|be)\s+equal\s+to\b|\bequals?(?:\s+to)?\b", "=", text)
    text = re.sub(
        rf"(?<![A-Za-z]){unknown}\s+(?:is|must be|will be|would be|has to be|should be|comes out (?:as|to)"
        rf"|turns out to be|becomes)\s+(?=\(?{NUMBER}{_ALONE})",
        lambda found: found.group() if _COEFFICIENT.search(text[: found.start()]) else f"{unknown} = ",
        text,
    )
    whose = rf"(?:\s+(?i:of|for|to)\s+(?:{unknown}\b|(?i:the|this) (?i:equation|problem)))?"
    says = r"\s*(?:(?i:is|must be)(?: (?i:therefore|thus|then))?|:|=)\s*"
    text = re.sub(
        rf"\b(?i:answer|solution|value|result){whose}{says}(?={NUMBER}{_ALONE})", lambda _: f"{unknown} = ", text
    )
    return re.sub(rf"(?:\A|\n)\s*({NUMBER})\s*\.?\s*\Z", rf"\n{unknown} = \1", text)


def equations_in(tokens: Sequence[Token]) -> list[Equation]:
    """All equations, in order. Raises `Unreadable`."""
    found: list[Equation] = []
    free = 0
    for at, token in enumerate(tokens):
        if at >= free and token.text in ("=", "≈"):
            equation = _equation(tokens, at, free)
            free = at + 1 if equation is None else equation.end
            found += [equation] if equation and len(equation.sides) > 1 else []
    return found


def _equation(tokens: Sequence[Token], at: int, free: int) -> Equation | None:
    left = read_until(tokens, at, free)
    if left is None and not (at > free and tokens[at - 1].text.lower() in _NOUNS):
        raise Unreadable(f"nothing readable stands before {_near(tokens, at)}")
    if left is not None and left.start > free:
        before, first = tokens[left.start - 1], tokens[left.start]
        if before.text in "+*/^" or (first.tight and (before.is_word or before.is_number)):
            raise Unreadable(f"the expression at {_near(tokens, left.start)} cannot be read")
    sides, signs, end = [] if left is None else [left], [], at
    while end < len(tokens) and tokens[end].text in ("=", "≈"):
        side = read_from(tokens, end + 1)
        if side is None:
            raise Unreadable(f"nothing readable stands after {_near(tokens, end)}")
        signs += [tokens[end].text] if sides else []
        sides.append(side)
        end = side.end
    if end < len(tokens):
        after = tokens[end]
        glued = after.is_word and after.tight
        if after.text in "+*/^²³±" or after.is_number or glued:
            raise Unreadable(f"the expression breaks off at {_near(tokens, end)}")
    return Equation(tuple(sides), tuple(signs), sides[0].start, end) if sides else None


def _near(tokens: Sequence[Token], at: int) -> str:
    return repr(" ".join(token.text for token in tokens[max(0, at - 3) : at + 4]))


# --- operations -------------------------------------------------------------------------------------------------------

_VERBS = (
    ("-", r"subtract(?:s|ed|ing|ion)?|deduct(?:s|ed|ing)?|remov(?:e|es|ed|ing)"),
    ("+", r"add(?:s|ed|ing|ition)?"),
    ("/", r"divid(?:e|es|ed|ing)|division"),
    ("*", r"multipl(?:y|ies|ied|ying|ication)"),
    ("±", r"mov(?:e|es|ed|ing)|bring(?:ing)?|transpos(?:e|es|ed|ing)"),
    ("*2", r"doubl(?:e|es|ed|ing)"),
    ("/2", r"halv(?:e|es|ed|ing)"),
)
_FILLERS = frozenset(
    {
        "the",
        "number",
        "constant",
        "term",
        "of",
        "coefficient",
        "reciprocal",
        "which",
        "is",
        "value",
        "factor",
        "away",
        ",",
    }
)
_UNDONE = frozenset({"undo", "undoes", "undoing", "opposite", "inverse", "reverse", "instead"})
_INSIDE = frozenset({"bracket", "brackets", "parentheses", "parenthesis", "inside", "out", "term", "terms"})
_PASSIVE = frozenset({"is", "are", "was", "were", "being", "been", "has", "gets", "then", "now"})


def operations_in(tokens: Sequence[Token], unknown: str) -> list[Operation]:
    """All operations that are named with what they use, outside of checks. Raises `Unreadable`."""
    found = []
    for at in outside_checks(tokens):
        sign = _sign(tokens[at].text)
        if sign and not any(token.text.lower() in _UNDONE for token in tokens[max(0, at - 3) : at]):
            operation = _operation(tokens, at, sign, unknown)
            found += [operation] if operation else []
    return found


def outside_checks(tokens: Sequence[Token]) -> Iterator[int]:
    """Positions that belong to no check: it runs from `check`, `verify`, `substitute` to the end of its line."""
    checking = seen = False
    for at, token in enumerate(tokens):
        if re.match(r"(?i)check|verif|substitut|plug", token.text):
            checking, seen = True, False
        seen = seen or token.is_number
        if token.text == "\n" and (seen or tokens[at - 1].text == "\n"):
            checking = False
        if not checking:
            yield at


@lru_cache(maxsize=4096)
def _sign(word: str) -> str:
    return next((sign for sign, pattern in _VERBS if re.fullmatch(pattern, word, re.IGNORECASE)), "")


def _operation(tokens: Sequence[Token], at: int, sign: str, unknown: str) -> Operation | None:
    if sign in ("*2", "/2"):
        words = [token.text.lower() for token in tokens[at + 1 : at + 3]]
        return Operation(sign[0], number(2), at) if words in (["both", "sides"], ["each", "side"]) else None
    if sign in "*/":
        return _scaling(tokens, at, sign, unknown)
    operand = _operand(tokens, at + 1, unknown)
    if operand is None:
        back = at
        while back > 0 and tokens[back - 1].text.lower() in _PASSIVE:
            back -= 1
        operand = read_until(tokens, back) if back < at or sign != "±" else None
    elif _within_a_side(tokens, operand.end, sign):
        return None
    if operand is None:
        return None
    return Operation(sign, operand.form, at, tuple(range(operand.start, operand.end)))


def _operand(tokens: Sequence[Token], at: int, unknown: str) -> Reading | None:
    """The expression that follows, past filler words and past the x of `the coefficient of x, 2`."""
    while at < len(tokens) and (
        tokens[at].text.lower() in _FILLERS or (tokens[at].text == unknown and tokens[at - 1].text.lower() == "of")
    ):
        at += 1
    reading = read_from(tokens, at)
    if reading is None:
        return None
    after = tokens[reading.end].text.lower() if reading.end < len(tokens) else ""
    if (
        reading.end == at + 1
        and tokens[at].text in "aAI"
        and after.isalpha()
        and after not in ("from", "to", "on", "and")
    ):
        return None  # the article, or the speaker
    if reading.letters - {unknown}:
        raise Unreadable(f"an operation uses another letter: {_near(tokens, at)}")
    return reading


def _within_a_side(tokens: Sequence[Token], end: int, sign: str) -> bool:
    """`add 3x and 2x`, `subtract 3x from 5x`: terms of one side are collected, the sides are left alone."""
    if end + 1 >= len(tokens):
        return False
    target, link = read_from(tokens, end + 1), tokens[end].text.lower()
    if target is None or (target.letters and tokens[end + 1].text in "aAI"):
        return False
    return (link == "and" and sign == "+") or (link in ("from", "to") and bool(target.letters))


def _scaling(tokens: Sequence[Token], at: int, sign: str, unknown: str) -> Operation | None:
    if sign == "*" and at > 0 and tokens[at - 1].is_letter:
        return None
    for by in range(at + 1, min(at + 16, len(tokens))):
        word = tokens[by].text.lower()
        if word == "by":
            break
        if _sign(word) or word in _INSIDE or tokens[by].text in "\n.;:":
            return None
    else:
        return None
    operand = _operand(tokens, by + 1, unknown)
    if operand is None or (sign == "*" and by > at + 1 and read_from(tokens, at + 1)):
        return None
    return Operation(sign, operand.form, at, (*range(at + 1, by), *range(operand.start, operand.end)))


def applied(operation: Operation, sides: tuple[Form, Form]) -> list[tuple[Form, Form]]:
    """The equation after the operation on both sides; none when it cannot be done exactly."""
    left, right, operand = *sides, operation.operand
    taken, added = (left - operand, right - operand), (left + operand, right + operand)
    if operation.sign in "+-±":
        return {"-": [taken], "+": [added], "±": [taken, added]}[operation.sign]
    if operand.slope or not operand.constant:
        return []
    factor = operand.constant if operation.sign == "*" else Fraction(1) / operand.constant
    return [(left.times(factor), right.times(factor))]
