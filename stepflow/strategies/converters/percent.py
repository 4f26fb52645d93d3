"""`percent`: how many percent, exactly: '15%' and '15 percent' give 15.

    constraints:
      rate: {type: regex, pattern: '[\\d.]+ ?(?:%|percent)', as: percent}
    let:
      tax: percent_of(rate, net)

Declines a number without a percent sign or word: 0.15 and 15 may both be meant by 15.
"""

from __future__ import annotations

from typing import Any

from stepflow.numerals import read_percent
from stepflow.strategies.converters.spread import as_text, spread
from stepflow.values import Number

NAME = "percent"
MEMBERS = ()
"""One value: there is nothing in it to name."""


def convert(raw: Any, text: str) -> Any:
    """The number of percent; item by item of a list. Raises `ValueError` when it is not a percentage."""
    return spread(raw, text, _percent)


def _percent(raw: Any) -> Number:
    return read_percent(as_text(raw, "a percentage"))
