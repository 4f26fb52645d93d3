"""`integer`: an exact whole number.

Reads what `number` reads, if it is whole: '1,200', 'three', '1.2 million'.

    constraints:
      count: {type: regex, pattern: '(?P<value>\\d+|two|three) items', as: integer}

Declines a number with a fraction, and JSON's 30.0, which is not an integer.
"""

from __future__ import annotations

from typing import Any

from stepflow.numerals import read_number
from stepflow.strategies.converters.spread import as_text, spread
from stepflow.values import show

NAME = "integer"
MEMBERS = ()
"""One value: there is nothing in it to name."""


def convert(raw: Any, text: str) -> Any:
    """The whole number; item by item of a list. Raises `ValueError` when it is not one."""
    return spread(raw, text, _integer)


def _integer(raw: Any) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    number = read_number(as_text(raw, "a whole number"))
    if not isinstance(number, int):
        raise ValueError(f"{show(number)} is not a whole number")
    return number
