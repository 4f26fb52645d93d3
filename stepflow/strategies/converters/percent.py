"""`percent`: how many percent, exactly: '15%' and '15 percent' give 15.

    constraints:
      rate: {type: regex, pattern: '[\\d.]+ ?(?:%|percent)', as: percent}
    let:
      tax: percent_of(rate, net)

Declines a number without a percent sign or word: 0.15 and 15 may both be meant by 15.
"""

from __future__ import annotations

import re
from typing import Any

from stepflow.numerals import read_number
from stepflow.strategies.converters.spread import as_text, spread
from stepflow.values import Number

NAME = "percent"
_SIGN = re.compile(r"[ \t-]*(?:%|percent|per cent|pct\.?)\s*\Z", re.IGNORECASE)


def convert(raw: Any, text: str) -> Any:
    """The number of percent; item by item of a list. Raises `ValueError` when it is not a percentage."""
    return spread(raw, text, _percent)


def _percent(raw: Any) -> Number:
    written = as_text(raw, "a percentage")
    sign = _SIGN.search(written)
    if sign is None:
        raise ValueError(f"{written!r} is not a percentage; write it as 15%")
    return read_number(written[: sign.start()])
