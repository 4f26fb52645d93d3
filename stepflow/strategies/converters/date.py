"""`date`: a calendar day.

Reads 2026-03-04, 2026/03/04, 4 March 2026, 4th of March 2026, March 4, 2026, Mar 4 2026, each also with its weekday,
and 25/12/2026 or 12/25/2026 where only one reading is a date.

    constraints:
      due: {type: regex, pattern: 'by (?P<value>[^.;]+)', as: date}

Declines what may mean two days (03/04/2026; the reader `date` can be told which), years of two digits, days that do not
exist, and a weekday that the day does not have.
"""

from __future__ import annotations

import datetime
from typing import Any

from stepflow.strategies.converters.spread import as_text, spread
from stepflow.texts.dates import read_date

NAME = "date"


def convert(raw: Any, text: str) -> Any:
    """The day; item by item of a list. Raises `ValueError` when the text is not exactly one day."""
    return spread(raw, text, _date)


def _date(raw: Any) -> datetime.date:
    return raw if isinstance(raw, datetime.date) else read_date(as_text(raw, "a date"))
