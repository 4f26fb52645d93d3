"""Calendar days as people write them, alone or in prose.

2026-03-04 · 2026/03/04 · 4 March 2026 · 4th of March 2026 · March 4, 2026 · Wed, Mar 4 2026 · 25/12/2026.
What may mean two days, a weekday that the day does not have, and a day without its year are refused.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

_FIRST_MONTHS = ("january", "february", "march", "april", "may", "june")
MONTHS = (*_FIRST_MONTHS, "july", "august", "september", "october", "november", "december")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_MONTH_WORD = "|".join(f"{name[:3]}(?:{name[3:]})?" if len(name) > 3 else name for name in MONTHS) + "|sept"
_MONTH = rf"(?P<month>{_MONTH_WORD})(?!\w)\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_WEEKDAY = r"(?:(?P<weekday>(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6})\.?,?\s+(?:the\s+)?)?"
_FORMS = (
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
    r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})",
    rf"{_WEEKDAY}{_DAY}\s+(?:of\s+)?{_MONTH},?\s+(?P<year>\d{{4}})",
    rf"{_WEEKDAY}{_MONTH}\s+{_DAY},?\s+(?P<year>\d{{4}})",
)
_FLAGS = re.IGNORECASE | re.ASCII
_PATTERNS = tuple(re.compile(form, _FLAGS) for form in _FORMS)
_ALONE = r"(?<![\w/.-])(?:{})(?!\w|[-/.:]\d)"
_LOOSE = re.compile(
    rf"""(?<!\d)\d{{4}}([-/.])\d{{1,2}}\1\d{{1,2}}(?!\d)
    |(?<!\d)\d{{1,2}}([-/.])\d{{1,2}}\2\d{{2,4}}(?!\d)
    |(?<!\w)(?:{_MONTH_WORD})\.?\s+\d{{1,4}}(?:st|nd|rd|th)?(?!\w)
    |(?<!\w)\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_MONTH_WORD})(?!\w)""",
    _FLAGS | re.VERBOSE,
)
_IN_PROSE = tuple(re.compile(_ALONE.format(form), _FLAGS) for form in _FORMS)


def read_date(text: str, day_first: bool | None = None) -> datetime.date:
    """The day that the whole text is; `day_first` says how 03/04/2026 is meant. Raises `ValueError`."""
    stripped = text.strip()
    for pattern in _PATTERNS:
        if match := pattern.fullmatch(stripped):
            return _day(match, day_first)
    raise ValueError(f"{stripped!r} is not a date; write it as 2026-03-04 or 4 March 2026")


def find_dates(text: str, day_first: bool | None = None) -> Iterator[tuple[int, int, datetime.date | str]]:
    """Every day in the text as (start, end, day), left to right; in place of the day, why it cannot be read."""
    found: dict[int, tuple[int, datetime.date | str]] = {}
    taken = bytearray(len(text))
    for pattern in _IN_PROSE:
        for match in pattern.finditer(text):
            if not any(taken[match.start() : match.end()]):
                taken[match.start() : match.end()] = b"\1" * len(match.group())
                found[match.start()] = (match.end(), _day_or_reason(match, day_first))
    for match in _LOOSE.finditer(text):
        if not any(taken[match.start() : match.end()]):
            found[match.start()] = (match.end(), f"{match.group()!r} is not a whole date")
    for start in sorted(found):
        yield start, *found[start]


def _day_or_reason(match: re.Match[str], day_first: bool | None) -> datetime.date | str:
    try:
        return _day(match, day_first)
    except ValueError as error:
        return str(error)


def _day(match: re.Match[str], day_first: bool | None) -> datetime.date:
    parts = match.groupdict()
    year, written = int(parts["year"]), match.group()
    if parts.get("first") is not None:
        day, month = _day_and_month(int(parts["first"]), int(parts["second"]), day_first, written)
    else:
        day, month = int(parts["day"]), _month(parts["month"])
    try:
        date = datetime.date(year, month, day)
    except ValueError as error:
        raise ValueError(f"{written!r} is not a date: {error}") from None
    weekday = (parts.get("weekday") or "").lower()
    if weekday and weekday != WEEKDAYS[date.weekday()][: max(3, len(weekday))]:
        raise ValueError(f"{written!r}: that day is a {WEEKDAYS[date.weekday()].capitalize()}")
    return date


def _day_and_month(first: int, second: int, day_first: bool | None, written: str) -> tuple[int, int]:
    if day_first is None:
        if first <= 12 and second <= 12 and first != second:
            raise ValueError(f"{written!r} may be two dates; write it as YYYY-MM-DD")
        day_first = second <= 12
    return (first, second) if day_first else (second, first)


def _month(word: str) -> int:
    if word.isdigit():
        return int(word)
    return next(number for number, name in enumerate(MONTHS, start=1) if name.startswith(word.lower()[:3]))
