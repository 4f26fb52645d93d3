"""Where a value stands in a text: a number as a number, a day in ISO form written out as well, a text to the letter."""

from __future__ import annotations

import datetime
import re
from typing import Any

from stepflow.texts.dates import find_dates, read_date
from stepflow.texts.quantities import quantities
from stepflow.texts.windows import Span
from stepflow.values import is_number

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")


def find_places(value: Any, text: str, *, ignore_case: bool = False) -> list[Span]:
    """Where a number or a text stands in a text, as [start, end)."""
    if is_number(value):
        return [(each.start, each.end) for each in quantities(text) if not each.doubt and each.value == value]
    day = iso_day(str(value))
    days = [(start, end) for start, end, each in find_dates(text) if day is not None and each == day]
    return days + [match.span() for match in whole_text(str(value), ignore_case=ignore_case).finditer(text)]


def whole_text(text: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A pattern of the text with whole words and numbers at its ends; blanks and line breaks in it may differ."""
    body = r"\s+".join(re.escape(word) for word in text.split())
    first, last = text.strip()[:1], text.strip()[-1:]
    before = (r"(?<!\w)" if first.isalnum() else "") + (r"(?<!\d[.,])" if first.isdigit() else "")
    behind = r"(?!\w|[.,]\d)" if last.isdigit() else r"(?!\w)" if last.isalnum() else ""
    return re.compile(before + (body or "(?!)") + behind, re.IGNORECASE if ignore_case else 0)


def iso_day(text: str) -> datetime.date | None:
    """The day that the text is in ISO form."""
    try:
        return read_date(text) if _ISO.fullmatch(text.strip()) else None
    except ValueError:
        return None
