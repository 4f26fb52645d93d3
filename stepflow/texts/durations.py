"""Lengths of time as people write them: 90 minutes · 1 h 30 min · 1h30m · 2 weeks and 3 days · half an hour · 3 months.

A duration is a map of `months` (calendar months, years being twelve) and `seconds` (exact; a day is 24 hours): no
number of days is a month, so the two are never mixed up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from stepflow.texts.quantities import Quantity, quantities
from stepflow.values import Number, normal

Duration = dict[str, Number]

SECONDS: Mapping[str, int] = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}
MONTHS: Mapping[str, int] = {"months": 1, "years": 12}
_ORDER = ("seconds", "minutes", "hours", "days", "weeks", "months", "years")
_WORDS: Mapping[str, str] = {
    "seconds": r"seconds?|secs?",
    "minutes": r"minutes?|mins?",
    "hours": r"hours?|hrs?",
    "days": r"days?",
    "weeks": r"weeks?|wks?",
    "months": r"months?",
    "years": r"years?|yrs?",
}
_LETTERS: Mapping[str, str] = {"seconds": "s", "minutes": "m", "hours": "h", "days": "d", "weeks": "w"}
_NAMED = "|".join(f"(?P<{name}>{words})" for name, words in _WORDS.items())
_UNIT = re.compile(rf"[ \t-]?(?:{_NAMED})(?![^\W\d_])\.?(?!\w)", re.IGNORECASE)
_LETTER = re.compile(
    r"[ \t]?(?:" + "|".join(f"(?P<{name}>{letter})" for name, letter in _LETTERS.items()) + r")(?![^\W\d_])"
)
_OF_A = re.compile(rf"[ \t]+(?:of[ \t]+)?an?[ \t]+(?:{_NAMED})(?!\w)", re.IGNORECASE)
_ANY = "|".join(_WORDS.values())
_LINK = re.compile(r"[ \t]*(?:,?[ \t]*\band\b|,)?[ \t]*", re.IGNORECASE)
_HALF_BEHIND = re.compile(r"[ \t]+and[ \t]+(?:a|an)\b", re.IGNORECASE)
_PART_BEFORE = re.compile(rf"(?:\b(?:{_ANY})(?:,|[ \t]+and|,[ \t]*and)?[ \t]+|\band[ \t]+a[ \t]+)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Part:
    start: int
    end: int
    unit: str
    amount: Number
    doubt: str


def read_duration(text: str) -> Duration:
    """The duration that the whole text is. Raises `ValueError`."""
    stripped = text.strip()
    for start, end, duration in find_durations(stripped):
        if isinstance(duration, str):
            raise ValueError(duration)
        if (start, end) == (0, len(stripped)):
            return duration
    raise ValueError(f"{stripped!r} is not a duration; write it as 90 minutes or 2 weeks")


def find_durations(text: str) -> Iterator[tuple[int, int, Duration | str]]:
    """Every duration in the text as (start, end, duration), left to right; in its place, why it cannot be read."""
    group: list[_Part] = []
    for part in _parts(text):
        if group and not _continues(text, group[-1], part):
            yield _joined(text, group)
            group = []
        group.append(part)
    if group:
        yield _joined(text, group)


def _parts(text: str) -> Iterator[_Part]:
    for quantity in quantities(text):
        match = _UNIT.match(text, quantity.end) or _LETTER.match(text, quantity.end)
        if match is None and quantity.value in (Fraction(1, 2), Fraction(1, 4)):
            match = _OF_A.match(text, quantity.end)
        if match is not None and not quantity.percent:
            unit = next(name for name, found in match.groupdict().items() if found)
            yield _Part(quantity.start, match.end(), unit, quantity.value, _doubt(text, quantity, match))


def _doubt(text: str, quantity: Quantity, unit: re.Match[str]) -> str:
    written = text[quantity.start : unit.end()]
    if quantity.in_range:
        return f"{written!r} is one end of a range or a choice"
    if quantity.value < 0:
        return f"{written!r} is negative"
    glued = re.search(r"\d[smhdw]\Z", text[max(0, quantity.start - 2) : quantity.start])
    if quantity.doubt and not glued:
        return quantity.doubt
    return ""


def _continues(text: str, before: _Part, part: _Part) -> bool:
    """Whether a part goes on with the duration before it: a smaller unit, and nothing but a comma or 'and' between."""
    between = text[before.end : part.start]
    return bool(_LINK.fullmatch(between)) and _ORDER.index(part.unit) < _ORDER.index(before.unit)


def _joined(text: str, group: list[_Part]) -> tuple[int, int, Duration | str]:
    start, end = group[0].start, group[-1].end
    written = text[start:end]
    doubt = next((part.doubt for part in group if part.doubt), "")
    if not doubt and len(group) == 1 and re.fullmatch(r"\d+(?:\.\d+)?[ \t]?m", written):
        doubt = f"{written!r} may be minutes, months or metres"
    if not doubt and (_HALF_BEHIND.match(text, end) or _PART_BEFORE.search(text, max(0, start - 24), start)):
        doubt = f"{written!r} is only part of a longer duration"
    months = sum((Fraction(MONTHS[part.unit]) * part.amount for part in group if part.unit in MONTHS), Fraction(0))
    if not doubt and months.denominator != 1:
        doubt = f"{written!r} is not a whole number of months"
    if doubt:
        return start, end, doubt
    seconds = sum((Fraction(SECONDS[part.unit]) * part.amount for part in group if part.unit in SECONDS), Fraction(0))
    return start, end, {"months": normal(months), "seconds": normal(seconds)}
