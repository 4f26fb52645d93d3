"""What a written solution claims: its equations and the operations it names, in reading order.

Prose is brought to one form first (`x is 4`, `the answer is 4`, `2x equals 8` become equations; list markers, markdown
and step labels go). Then every `=` must stand between two readable expressions, or the text is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from workload.algebra_reader import Reading, Token, is_letter, plain_signs, read, read_before
from workload.linear import Linear

NUMBER = r"-?\s?\d+(?:,\d{3})*(?:\.\d+)?(?:\s?/\s?\d+)?"
_ENDS = r"(?![\dA-Za-z(]|\.\d|\s*[=*/+^]|\s+-\s*\d)"
_STEP = r"(?i:step)\s*\d+\s*(?:[:.)]|-(?=\s)|$)[ \t]*"
_MARKER = re.compile(rf"^[ \t]*(?:(?:[-*•>]|#+)[ \t]+|\(?\d{{1,2}}[.)][ \t]+|\(?[a-h]\)[ \t]+|{_STEP})+", re.M)
_LABEL = re.compile(r"\b(?i:steps?|equation|line)\s+\(?\d+\)?(?![\w.]*\s*[=+*/(])")
LABELS = frozenset({"answer", "solution", "value", "result", "side", "lhs", "rhs", "left", "right"})


class Unreadable(ValueError):
    """The text holds an equation, or something like one, that cannot be read."""


@dataclass(frozen=True, slots=True)
class Chain:
    """`a = b = c`: its readings, the signs between them (`=` or `≈`), and the tokens [start, end) that it takes."""

    sides: tuple[Reading, ...]
    signs: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Operation:
    """A named operation on both sides; `move` is either of add and subtract. It stands at token `start`."""

    verb: str
    operand: Linear
    start: int
    spans: tuple[tuple[int, int], ...]


def normalise(text: str, unknown: str) -> str:
    """The text with markers and markup gone and value statements written as equations."""
    text = plain_signs(text).replace("**", "").replace("`", "").replace("$", "")
    text = _LABEL.sub(" ", _MARKER.sub("", text))
    text = re.sub(r"(?i)\b(?:negative|minus)\s+(?=\d)", "-", text)
    text = re.sub(r"(?i)\b(?:is|are|be)\s+equal\s+to\b|\bequals?(?:\s+to)?\b", "=", text)
    letter = rf"(?<![A-Za-z]){unknown}"
    named = r"is|must be|will be|would be|has to be|should be|comes out (?:as|to)|turns out to be|becomes"
    about = re.compile(rf"({letter})\s+(?:{named})\s+(?=\(?{NUMBER}{_ENDS})")
    text = about.sub(_unless_coefficient, text)
    whose = rf"\s+(?i:of|for|to)\s+(?:{unknown}\b|(?i:the|this) (?i:equation|problem))"
    noun = rf"(?i:answer|solution|value|result)(?:{whose})?"
    text = re.sub(
        rf"\b{noun}\s*(?:(?i:is|must be)(?: (?i:therefore|thus|then))?|:|=)\s*(?={NUMBER}{_ENDS})",
        f"{unknown} = ",
        text,
    )
    return re.sub(rf"(?:\A|\n)\s*({NUMBER})\s*\.?\s*\Z", rf"\n{unknown} = \1", text)


def _unless_coefficient(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 25) : match.start()].lower()
    described = re.search(r"(coefficient|factor|multiple|multiplier) of (the )?$|in front of (the )?$", before)
    return match.group() if described else f"{match.group(1)} = "


def chains_of(tokens: list[Token]) -> list[Chain]:
    """All equations, in order; raises Unreadable for an `=` that has no expression on a side."""
    found: list[Chain] = []
    free = 0
    for at, token in enumerate(tokens):
        if at >= free and token.kind == "operator" and token.text in "=≈":
            chain = _chain(tokens, at, free)
            free = chain.end if chain else at + 1
            found += [chain] if chain and len(chain.sides) > 1 else []
    return found


def _chain(tokens: list[Token], at: int, free: int) -> Chain | None:
    left = read_before(tokens, at, free)
    label = tokens[at - 1].text.lower() if at > free else ""
    if left is None and label not in LABELS:
        raise Unreadable(f"nothing readable stands before {_around(tokens, at)!r}")
    if left:
        _refuse_torn(tokens, left.start, free)
    sides, signs, end = [left] if left else [], [], at
    while end < len(tokens) and tokens[end].kind == "operator" and tokens[end].text in "=≈":
        side = read(tokens, end + 1)
        if side is None:
            raise Unreadable(f"nothing readable stands after {_around(tokens, end)!r}")
        signs += [tokens[end].text] if sides else []
        sides.append(side)
        end = side.end
    if end < len(tokens) and tokens[end].text in {"+", "*", "/", "^", "²", "³", "±"}:
        raise Unreadable(f"the expression breaks off at {_around(tokens, end)!r}")
    if end < len(tokens) and tokens[end].kind == "number" and tokens[end].tight is False:
        raise Unreadable(f"two numbers stand side by side at {_around(tokens, end)!r}")
    return Chain(tuple(sides), tuple(signs), sides[0].start, end) if sides else None


def _refuse_torn(tokens: list[Token], start: int, free: int) -> None:
    """Refuse an expression whose beginning could not be read."""
    if start > free and tokens[start - 1].text in {"+", "*", "/", "^"}:
        raise Unreadable(f"the expression before {_around(tokens, start)!r} cannot be read")
    glued = start > free and tokens[start].tight and tokens[start - 1].kind in {"word", "number"}
    if glued:
        raise Unreadable(f"the expression at {_around(tokens, start)!r} cannot be read")


def _around(tokens: list[Token], at: int) -> str:
    return " ".join(token.text for token in tokens[max(0, at - 3) : at + 4])


_VERBS = {
    **dict.fromkeys(("subtract", "subtracts", "subtracted", "subtracting", "subtraction", "deduct"), "subtract"),
    **dict.fromkeys(("add", "adds", "added", "adding", "addition"), "add"),
    **dict.fromkeys(("divide", "divides", "divided", "dividing", "division"), "divide"),
    **dict.fromkeys(("multiply", "multiplies", "multiplied", "multiplying", "multiplication"), "multiply"),
    **dict.fromkeys(("move", "moves", "moved", "moving", "bring", "bringing", "transpose"), "move"),
    **dict.fromkeys(("double", "doubling", "doubled"), "double"),
    **dict.fromkeys(("halve", "halving", "halved"), "halve"),
    **dict.fromkeys(("remove", "removing", "removed"), "subtract"),
}
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
_UNDOING = frozenset({"undo", "undoes", "undoing", "opposite", "inverse", "reverse", "instead"})
_INSIDE = frozenset({"bracket", "brackets", "parentheses", "parenthesis", "inside", "out", "term", "terms"})
_PASSIVE = frozenset({"is", "are", "was", "were", "being", "been", "has", "gets", "then", "now"})


def operations_of(tokens: list[Token], unknown: str) -> list[Operation]:
    """All operations that are named together with what they use, outside of a check."""
    found = []
    for at in outside_checks(tokens):
        verb = _VERBS.get(tokens[at].text.lower()) if tokens[at].kind == "word" else None
        undone = any(token.text.lower() in _UNDOING for token in tokens[max(0, at - 3) : at])
        if verb and not undone:
            operation = _operation(tokens, at, verb, unknown)
            found += [operation] if operation else []
    return found


def outside_checks(tokens: list[Token]) -> list[int]:
    """The tokens that do not belong to a check: from `check`, `verify`, `substitute` to the end of its line."""
    outside, checking, seen = [], False, False
    for at, token in enumerate(tokens):
        word = token.text.lower()
        if token.kind == "word" and re.match(r"check|verif|substitut|plug", word):
            checking, seen = True, False
        seen = seen or token.kind == "number"
        if token.kind == "newline" and (seen or tokens[at - 1].kind == "newline"):
            checking = False
        if not checking:
            outside.append(at)
    return outside


def _operation(tokens: list[Token], at: int, verb: str, unknown: str) -> Operation | None:
    if verb in ("double", "halve"):
        sides = [token.text.lower() for token in tokens[at + 1 : at + 3]] in (["both", "sides"], ["each", "side"])
        two = Linear(Fraction(0), Fraction(2))
        return Operation("multiply" if verb == "double" else "divide", two, at, ()) if sides else None
    if verb in ("divide", "multiply"):
        return _scaling(tokens, at, verb, unknown)
    operand = _operand(tokens, at + 1, unknown)
    if operand is None:
        back = at
        while back > 0 and tokens[back - 1].text.lower() in _PASSIVE:
            back -= 1
        operand = read_before(tokens, back) if back < at or verb != "move" else None
        return None if operand is None else Operation(verb, operand.value, at, ((operand.start, operand.end),))
    if _is_side_arithmetic(tokens, operand.end, verb):
        return None
    return Operation(verb, operand.value, at, ((operand.start, operand.end),))


def _operand(tokens: list[Token], at: int, unknown: str) -> Reading | None:
    """The expression that follows, past filler words; a lone `a` or `I` before a noun is a word, not an unknown."""
    while at < len(tokens) and (tokens[at].text.lower() in _FILLERS or _is_named_unknown(tokens, at, unknown)):
        at += 1
    reading = read(tokens, at)
    if reading is None:
        return None
    follower = tokens[reading.end] if reading.end < len(tokens) else None
    article = reading.end == at + 1 and tokens[at].text in "aAI" and follower is not None and follower.kind == "word"
    if article and follower and follower.text.lower() not in {"from", "to", "on", "and"}:
        return None
    if reading.letters - {unknown}:
        raise Unreadable(f"an operation uses another letter: {_around(tokens, at)!r}")
    return reading


def _is_named_unknown(tokens: list[Token], at: int, unknown: str) -> bool:
    """The x of `the coefficient of x, 2`."""
    return tokens[at].text == unknown and at > 0 and tokens[at - 1].text.lower() == "of"


def _is_side_arithmetic(tokens: list[Token], end: int, verb: str) -> bool:
    """`add 3x and 2x`, `subtract 3x from 5x`: terms of one side are collected, the sides are left alone."""
    if end + 1 >= len(tokens):
        return False
    target = read(tokens, end + 1)
    follower = tokens[end].text.lower()
    if target is None or (target.letters and is_letter(tokens[end + 1]) and tokens[end + 1].text in "aAI"):
        return False
    return (follower == "and" and verb == "add") or (follower in {"from", "to"} and bool(target.letters))


def _scaling(tokens: list[Token], at: int, verb: str, unknown: str) -> Operation | None:
    if at > 0 and is_letter(tokens[at - 1]) and verb == "multiply":
        return None
    for by in range(at + 1, min(at + 16, len(tokens))):
        word = tokens[by].text.lower()
        if word == "by":
            break
        if word in _VERBS or tokens[by].kind == "newline" or tokens[by].text in ".;:" or word in _INSIDE:
            return None
    else:
        return None
    operand = _operand(tokens, by + 1, unknown)
    if operand is None:
        return None
    if verb == "multiply" and by > at + 1 and read(tokens, at + 1):
        return None
    return Operation(verb, operand.value, at, ((operand.start, operand.end), (at + 1, by)))
