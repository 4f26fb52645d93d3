"""`duration`: a length of time, as a map of `months` (calendar months) and `seconds` (exact).

Reads '90 minutes', '1 h 30 min', '1h30m', '2 weeks and 3 days', 'half an hour', '3 months', '1.5 years'.

    answer: {type: regex, pattern: 'takes (?P<value>[^.]+)', as: duration}
    verify:
      - {type: expr, assert: answer.value.seconds == 5400}

Declines a text that is not one duration, negative ones, and '5m', which may be minutes or months.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepflow.strategies.converters.spread import as_text, spread
from stepflow.texts.durations import read_duration

NAME = "duration"
MEMBERS = ("months", "seconds")
"""The members of every value."""


def convert(raw: Any, text: str) -> Any:
    """The duration; item by item of a list. Raises `ValueError` when the text is not exactly one."""
    return spread(raw, text, _duration)


def _duration(raw: Any) -> Mapping[str, Any]:
    if isinstance(raw, Mapping) and set(raw) == {"months", "seconds"}:
        return dict(raw)
    return read_duration(as_text(raw, "a duration"))
