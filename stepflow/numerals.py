"""Numbers as people write them: 1,200 · 3.5 · −4 · 7/2 · 2 1/2 · ½ · 50% · 1.2 million · twenty-five · minus two.

`numerals` finds them in running text, each with every way it may be meant; `read_number` reads a text that is one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from stepflow.values import MAX_DIGITS, Number, exact, normal

_UNITS = (  # noqa: SIM905 - one word a line would hide the table
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SMALL = {word: value for value, word in enumerate(_UNITS)} | {word: 20 + 10 * i for i, word in enumerate(_TENS)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SHARES = {"half": Fraction(1, 2), "quarter": Fraction(1, 4)}

_SCALE = r"hundred|thousand|million|billion|trillion"
_WORD = "|".join([*_SMALL, _SCALE])
_DIGITS = r"(?:\d{1,3}(?:,\d{3})++(?![\d,])(?:\.\d++)?|\d++(?:\.\d++)?|(?<![\d.])\.\d++)"
_NUMERAL = re.compile(
    rf"""(?P<dotted>\d++(?:\.\d++){{2,}}+)
    |(?:(?P<whole>\d++)[ \t]++)?(?P<top>\d++)[ \t]?[/⁄][ \t]?(?P<bottom>\d++)(?![\d.])
    |(?P<stem>\d++)?(?P<vulgar>[¼-¾⅐-⅞])
    |(?P<plain>{_DIGITS})(?:[eE](?P<power>[+-]?\d{{1,3}})(?!\w)
        |(?P<percent>[ \t]?%)|(?:[ \t]++|-)(?P<scale>{_SCALE})(?!\w))?
    |(?<![^\W\d_])(?P<words>(?:a[ \t]++(?={_SCALE}))?(?:{_WORD})(?:(?:-|,?\s++(?:and\s++)?)(?:{_WORD})(?!\w))*+)(?!\w)
    |(?<![^\W\d_])(?P<share>half|quarter)(?!\w)""",
    re.VERBOSE | re.IGNORECASE,
)
_AND_SHARE = re.compile(r"\s++and\s++a\s++(half|quarter)(?!\w)", re.IGNORECASE)
_SIGN = re.compile(r"(?:[-−–]|(?<!\w)(?:minus|negative)(?=\s))[ \t]*\Z", re.IGNORECASE)
_PERCENT = re.compile(r"[ \t-]*(?:%|percent|per cent|pct\.?)\s*\Z", re.IGNORECASE)
_BARE = re.compile(r"\d++(?:\.\d++)?")
_TOKEN = re.compile(r"[a-z]+", re.IGNORECASE)
_SHORT = 500  # characters


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number at [start, end) of a text. The sign is not in the span.

    `readings` are the values it may stand for: two when a minus before it may be its sign or a subtraction, or when
    it is a percentage. `parts` are the plain numbers that it is written with (7 and 2 of '7/2').
    """

    start: int
    end: int
    readings: frozenset[Number]
    parts: frozenset[Number] = frozenset()


def numerals(text: str) -> Iterator[Numeral]:
    """Every number written in the text, left to right. Longer than 400 digits is data, and passed over."""
    return iter(_kept(text)) if len(text) <= _SHORT else _found(text)


@lru_cache(maxsize=2048)
def _kept(text: str) -> tuple[Numeral, ...]:
    """Those of a short text, kept: the same steps are verified again and again while one of them is changed."""
    return tuple(_found(text))


def _found(text: str) -> Iterator[Numeral]:
    behind = 0
    for match in _NUMERAL.finditer(text):
        if len(match.group()) <= MAX_DIGITS and match.start() >= behind:
            for start, behind, value in _values(match, text):
                yield _numeral(text, start, behind, value, bool(match["percent"]))


def read_number(text: str) -> Number:
    """The number that the whole text is, in digits or words. Raises `ValueError` when it is not one number."""
    try:
        return exact(text)
    except ValueError:
        found = list(numerals(text.strip()))
        if len(found) == 1 and len(found[0].readings) == 1 and _covers(found[0], text.strip()):
            return next(iter(found[0].readings))
        if _PERCENT.search(text):
            raise ValueError(f"{text!r} is a percentage, not a number") from None
        raise


def read_percent(text: str) -> Number:
    """How many percent the whole text is: 15 of '15%' and of 'fifteen percent'. Raises `ValueError` without a sign."""
    sign = _PERCENT.search(text)
    if sign is None:
        raise ValueError(f"{text!r} is not a percentage; write it as 15%")
    return read_number(text[: sign.start()])


def _covers(numeral: Numeral, text: str) -> bool:
    sign = _SIGN.search(text, 0, numeral.start)
    return numeral.end == len(text) and (sign.start() if sign else numeral.start) == 0


def _numeral(text: str, start: int, end: int, value: Number | None, percent: bool) -> Numeral:
    readings = _signed(text, start, value) if value is not None else frozenset()
    if percent:
        readings |= {normal(Fraction(reading) / 100) for reading in readings}
    parts = frozenset(exact(part.group()) for part in _BARE.finditer(text, start, end))
    return Numeral(start, end, readings, parts - readings)


def _signed(text: str, start: int, value: Number) -> frozenset[Number]:
    sign = _SIGN.search(text, max(0, start - 12), start)
    if sign is None:
        return frozenset({value})
    before = text[max(0, sign.start() - 40) : sign.start()].rstrip(" \t")
    if not before or before[-1] in "=<>≤≥≠≈(,;:*/·×÷+[{\n`$\"'" or sign.group()[0] in "nN":
        return frozenset({-value})
    return frozenset({value, -value})


def _values(match: re.Match[str], text: str) -> Iterator[tuple[int, int, Number | None]]:
    if match["words"]:
        yield from _spelled(match.start("words"), match["words"], text)
        return
    yield match.start(), match.end(), _digits(match)


def _digits(match: re.Match[str]) -> Number | None:
    if match["dotted"]:
        return None
    if match["share"]:
        return _SHARES[match["share"].lower()]
    if match["vulgar"]:
        return normal(int(match["stem"] or 0) + Fraction(unicodedata.numeric(match["vulgar"])).limit_denominator(16))
    if match["top"]:
        bottom = int(match["bottom"])
        return normal(int(match["whole"] or 0) + Fraction(int(match["top"]), bottom)) if bottom else None
    value = exact(match["plain"])
    if match["scale"]:
        value *= {"hundred": 100, **_SCALES}[match["scale"].lower()]
    if match["power"] and abs(int(match["power"])) <= MAX_DIGITS:
        value *= Fraction(10) ** int(match["power"])
    return normal(value)


def _spelled(offset: int, run: str, text: str) -> Iterator[tuple[int, int, Number | None]]:
    """The numbers in a run of number words: 'two hundred and five' is one, 'two and three' are two."""
    tokens = [(token.group().lower(), offset + token.start(), offset + token.end()) for token in _TOKEN.finditer(run)]
    words = [token[0] for token in tokens]
    position = 0
    while position < len(words):
        value, after = _full(words, position)
        if after == position:
            position += 1
            continue
        start, end = tokens[position][1], tokens[after - 1][2]
        share = _AND_SHARE.match(text, end)
        if share:
            value, end = normal(value + _SHARES[share[1].lower()]), share.end()
        yield start, end, value
        position = after


def _full(words: list[str], position: int) -> tuple[Number, int]:
    total, limit, end = 0, 10**15, position
    while end < len(words):
        begin = end + (total > 0 and words[end] == "and")
        value, after = _hundreds(words, begin)
        if after == begin:
            break
        scale = _SCALES.get(words[after]) if after < len(words) else None
        if scale is None:
            return total + value, after
        if scale >= limit:
            break
        total, limit, end = total + value * scale, scale, after + 1
    return total, end


def _hundreds(words: list[str], position: int) -> tuple[int, int]:
    value, after = _below_hundred(words, position)
    if after == position or after >= len(words) or words[after] != "hundred":
        return value, after
    value, after = value * 100, after + 1
    rest = after + (after < len(words) and words[after] == "and")
    more, end = _below_hundred(words, rest)
    return (value + more, end) if end > rest else (value, after)


def _below_hundred(words: list[str], position: int) -> tuple[int, int]:
    if position >= len(words):
        return 0, position
    word = words[position]
    if word == "a":
        return 1, position + 1
    value = _SMALL.get(word)
    if value is None:
        return 0, position
    unit = _SMALL.get(words[position + 1], 0) if position + 1 < len(words) else 0
    return (value + unit, position + 2) if value >= 20 and 0 < unit < 10 else (value, position + 1)
