"""Numbers in running text, each with what makes it doubtful: part of something longer, or a sign that may be a minus.

'1.234,56', '10:30' and 'v2' hold numerals, but none of them alone is a number that somebody has written; '5 - 3' may
be minus three. Such a quantity is found, so that nobody takes its neighbour for the only one, and says its `doubt`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from stepflow.numerals import Numeral, numerals
from stepflow.values import Number

_JOINED_BEFORE = re.compile(r"(?:\d[.,:/'’_]|[^\W\d]|\d|\d[eE][+-]?|[\d\w][-–])\Z")
_JOINED_BEHIND = re.compile(r"[.,:/'’_]\d|\d|[-–]\d|(?:st|nd|rd|th)\b|[ \t]?[½⅓¼¾⅔]", re.IGNORECASE)
_SHARE_BEHIND = re.compile(
    r"\s+and\s+a\s+(?:half|quarter|third)\b|\s+(?:dozen|hundred|thousand|score)\b", re.IGNORECASE
)
_SIGN = re.compile(r"(?:[-−–]|(?<!\w)(?:minus|negative)(?=\s))[ \t]*\Z", re.IGNORECASE)
_JOINS_RANGE = re.compile(r"[^\w\n.;!?]{0,4}(?:[-–—~]|\bto\b|\bor\b|\buntil\b|\bthrough\b)[^\w\n]{0,4}", re.IGNORECASE)
_AND = re.compile(r"[^\w\n]{0,4}\band\b[^\w\n]{0,4}", re.IGNORECASE)
_BETWEEN = re.compile(r"\bbetween\s+[^\w\n]{0,4}\Z", re.IGNORECASE)
_QUALIFIED_BEFORE = re.compile(
    r"""(?<!\w)(?:not|never|no|(?:no[ \t]+|not[ \t]+)?(?:more|less|fewer|greater|larger|smaller|higher
    |lower|later|earlier|sooner)[ \t]+than
    |at[ \t]+(?:least|most)|up[ \t]+to|about|around|approximately|approx\.?|roughly|nearly|almost|circa|some
    |over|under|above|below|beyond|within|max(?:imum)?(?:[ \t]+of)?|min(?:imum)?(?:[ \t]+of)?|another|additional
    |twice|thrice|double|triple|half(?:[ \t]+of)?|(?:third|quarter)[ \t]+of)[ \t]+
    (?:an?[ \t]+|the[ \t]+)?\Z|[<>≤≥≠~≈][ \t]*\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_QUALIFIED_BEHIND = re.compile(
    r"(?-i:[kKM])(?!\w)|[ \t]?(?:bn|mn|mio)(?!\w)"
    r"|[ \t]*(?:\+|(?:or|and)[ \t]+(?:more|less|fewer|over|above|below|under|up|so|later|earlier|sooner)(?!\w)"
    r"|at[ \t]+(?:least|most)(?!\w)|max(?:imum)?(?!\w)|min(?:imum)?(?!\w)|more(?!\w)|-?ish(?!\w)|-odd(?!\w))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number at [start, end) of a text, its sign and percent sign in the span.

    `doubt` says why the number must not be used, and is empty when it may be; `in_range` says whether another number
    makes a range or a choice with it ('5 to 10', 'between 5 and 10', '5 or 6').
    """

    start: int
    end: int
    value: Number
    percent: bool = False
    doubt: str = ""
    in_range: bool = False


@lru_cache(maxsize=16)  # each reader of numbers, and each value to be found, asks of the same text
def quantities(text: str) -> tuple[Quantity, ...]:
    """Every number in the text, left to right, doubtful ones among them."""
    found = list(numerals(text))
    ranges = {index for index in range(len(found) - 1) if _is_range(text, found[index], found[index + 1])}
    each_in_range = ((numeral, index in ranges or index - 1 in ranges) for index, numeral in enumerate(found))
    return tuple(_quantity(text, numeral, in_range) for numeral, in_range in each_in_range)


def refuse_qualified(text: str, start: int, end: int) -> None:
    """Raise `ValueError` when [start, end) is a bound or a guess, not the amount itself: 'at least 5', '5 or more'."""
    written = qualified(text, start, end)
    if written:
        raise ValueError(f"{written!r} does not say exactly how much; name what stands before it under `after`")


def qualified(text: str, start: int, end: int) -> str:
    """The bound, guess, part or multiple that [start, end) stands in ('at least 5', '5k'); empty when in none."""
    before = _QUALIFIED_BEFORE.search(text, max(0, start - 30), start)
    behind = _QUALIFIED_BEHIND.match(text, end)
    if not before and not behind:
        return ""
    return text[before.start() if before else start : behind.end() if behind else end].strip()


def inexact(text: str, places: Sequence[tuple[int, int]], held: Collection[Number]) -> str:
    """What a text says in place of an amount that stands in it at [start, end): '5 to 7', 'at least 5', '1.5 million'.

    Empty when the amount itself stands at one of the places. A range counts as one unless two of its ends are `held`.
    """
    ranges = len({each.value for each in quantities(text) if each.in_range} & set(held)) > 1
    said = [_in_place_of(text, start, end, ranges) for start, end in places]
    return said[0] if said and all(said) else ""


def _in_place_of(text: str, start: int, end: int, ranges: bool) -> str:
    found = quantities(text)
    for index, each in enumerate(found):
        if each.start >= end or each.end <= start:
            continue
        if each.in_range and not ranges:
            beside = [found[other] for other in (index - 1, index, index + 1) if 0 <= other < len(found)]
            ends = [other for other in beside if other.in_range]
            return repr(text[ends[0].start : ends[-1].end])
        if each.start < start or end < each.end:
            return repr(text[each.start : each.end])
    written = qualified(text, start, end)
    return repr(written) if written else ""


def _quantity(text: str, numeral: Numeral, in_range: bool) -> Quantity:
    start, end = numeral.start, numeral.end
    written = text[start:end]
    percent = written.endswith("%")
    value = _largest(numeral.readings)
    sign = _SIGN.search(text, max(0, start - 12), start)
    if sign is not None and value < 0:
        start = sign.start()
    return Quantity(start, end, value, percent, _doubt(text, numeral, percent), in_range)


def _largest(readings: frozenset[Number]) -> Number:
    """The reading farthest from 0: of a percentage, how many percent; 0 when there is none."""
    return max(readings, key=lambda reading: reading * reading, default=0)


def _doubt(text: str, numeral: Numeral, percent: bool) -> str:
    start, end = numeral.start, numeral.end
    if not numeral.readings or _JOINED_BEFORE.search(text, max(0, start - 4), start):
        return f"{text[start:end]!r} is only part of something longer"
    behind = _JOINED_BEHIND.match(text, end) or _SHARE_BEHIND.match(text, end)
    if behind:
        return f"{text[start:end]!r} is only part of {text[start : behind.end()]!r}"
    if len(numeral.readings) > 1 + percent:
        return f"{_as_written(text, numeral)} may be a negative number or a subtraction"
    return ""


def _as_written(text: str, numeral: Numeral) -> str:
    return repr(text[max(0, numeral.start - 2) : numeral.end].strip())


def _is_range(text: str, first: Numeral, second: Numeral) -> bool:
    between = text[first.end : second.start]
    if len(between) > 16:
        return False
    if _JOINS_RANGE.fullmatch(between):
        return True
    return bool(_AND.fullmatch(between) and _BETWEEN.search(text, max(0, first.start - 16), first.start))
