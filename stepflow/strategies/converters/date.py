"""`date`: a calendar day.

Reads 2026-03-04, 2026/03/04, 4 March 2026, 4th of March 2026, March 4, 2026, Mar 4 2026 (a weekday before it is
passed over), and 25/12/2026 or 12/25/2026 where only one reading is a date.

    constraints:
      due: {type: regex, pattern: 'by (?P<value>[^.;]+)', as: date}

Declines what may mean two days (03/04/2026), years of two digits, and days that do not exist.
"""

from __future__ import annotations

import datetime
import re
from typing import Any

from stepflow.strategies.converters.spread import as_text, spread

NAME = "date"
_FIRST_MONTHS = ("january", "february", "march", "april", "may", "june")
_MONTHS = (*_FIRST_MONTHS, "july", "august", "september", "october", "november", "december")
_MONTH = r"(?P<month>[a-z]{3,9})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?"
_FLAGS = re.IGNORECASE | re.ASCII
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", _FLAGS)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", _FLAGS)
_WRITTEN = (
    re.compile(rf"{_WEEKDAY}{_DAY}\s+(?:of\s+)?{_MONTH},?\s+(?P<year>\d{{4}})", _FLAGS),
    re.compile(rf"{_WEEKDAY}{_MONTH}\s+{_DAY},?\s+(?P<year>\d{{4}})", _FLAGS),
)


def convert(raw: Any, text: str) -> Any:
    """The day; item by item of a list. Raises `ValueError` when the text is not exactly one day."""
    return spread(raw, text, _date)


def _date(raw: Any) -> datetime.date:
    if isinstance(raw, datetime.date):
        return raw
    text = as_text(raw, "a date").strip()
    if match := _YEAR_FIRST.fullmatch(text):
        return datetime.date(int(match[1]), int(match[3]), int(match[4]))
    if match := _YEAR_LAST.fullmatch(text):
        return _day_or_month_first(text, int(match[1]), int(match[3]), int(match[4]))
    for form in _WRITTEN:
        if match := form.fullmatch(text):
            return datetime.date(int(match["year"]), _month(match["month"], text), int(match["day"]))
    raise ValueError(f"{text!r} is not a date; write it as 2026-03-04 or 4 March 2026")


def _day_or_month_first(text: str, first: int, second: int, year: int) -> datetime.date:
    if first <= 12 and second <= 12 and first != second:
        raise ValueError(f"{text!r} may be two dates; write it as {year}-MM-DD")
    return datetime.date(year, second, first) if second <= 12 else datetime.date(year, first, second)


def _month(word: str, text: str) -> int:
    word = "sep" if word.lower() == "sept" else word.lower()
    for number, name in enumerate(_MONTHS, start=1):
        if word in (name, name[:3]):
            return number
    raise ValueError(f"{text!r} names no month that exists")
