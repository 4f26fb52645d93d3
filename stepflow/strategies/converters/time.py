"""`time`: a time of day, as a text of 24 hours such as '09:05'.

Reads 09:05, 9:05, 21:40, 9 am, 9:05 p.m., noon and midnight (00:00). Times compare as texts do.

    answer: {type: regex, pattern: 'arrives at (?P<value>[^.]+)', as: time}
    verify:
      - {type: expr, assert: answer.value == '09:05'}

Declines a text that is not one time, 25:10, '13 pm', ranges, lengths ('2:30 hours'), seconds and time zones.
"""

from __future__ import annotations

from typing import Any

from stepflow.strategies.converters.spread import as_text, spread
from stepflow.texts.times import read_time

NAME = "time"


def convert(raw: Any, text: str) -> Any:
    """The time; item by item of a list. Raises `ValueError` when the text is not exactly one."""
    return spread(raw, text, lambda each: read_time(as_text(each, "a time")))
