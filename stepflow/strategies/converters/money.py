"""`money`: an amount of money, as a map of `amount` (exact) and `currency` (three capital letters).

Reads '$5' (US dollars; the reader `money` can be told another), '€1,200.50', '5 USD', '12 euros', '5 dollars and 20
cents'.

    answer: {type: regex, pattern: 'Total: (?P<value>.+)', as: money}
    verify:
      - {type: expr, assert: answer.value.amount == sum_due}

Declines a text that is not one amount with its currency, and negative amounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepflow.strategies.converters.spread import as_text, spread
from stepflow.texts.money import read_money

NAME = "money"
MEMBERS = ("amount", "currency")
"""The members of every value."""


def convert(raw: Any, text: str) -> Any:
    """The amount; item by item of a list. Raises `ValueError` when the text is not exactly one."""
    return spread(raw, text, _money)


def _money(raw: Any) -> Mapping[str, Any]:
    if isinstance(raw, Mapping) and set(raw) == {"amount", "currency"}:
        return dict(raw)
    return read_money(as_text(raw, "an amount of money"))
