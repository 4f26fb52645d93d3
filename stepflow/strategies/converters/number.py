"""`number`: an exact number. 0.1 is one tenth.

Reads digits ('1,200', '-3.5', '7/2', '2 1/2', '½', '1.2 million') and English words ('twenty-five', 'minus two').

    constraints:
      amount: {type: regex, pattern: '[\\d.,]+', as: number}

Declines a text that is not one number, a percentage, and truth values.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from stepflow.numerals import read_number
from stepflow.strategies.converters.spread import as_text, spread
from stepflow.values import Number, exact

NAME = "number"
MEMBERS = ()
"""One value: there is nothing in it to name."""


def convert(raw: Any, text: str) -> Any:
    """The exact number; item by item of a list. Raises `ValueError` when it is not one."""
    return spread(raw, text, _number)


def _number(raw: Any) -> Number:
    if isinstance(raw, bool):
        raise ValueError("a truth value is not a number")
    if isinstance(raw, int | Fraction):
        return exact(raw)
    return read_number(as_text(raw, "a number"))
