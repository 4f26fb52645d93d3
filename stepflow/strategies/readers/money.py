"""`money`: amounts of money in prose, as a map of `amount` (exact) and `currency` (three capital letters).

Reads '$5', '€1,200.50', '5 USD', 'CHF 20', '12 euros', '5 dollars and 20 cents', '£2 million'.

Options: `dollar`, what a bare '$' or 'dollars' is; `after` and `before`, patterns of what stands directly before and
behind the amount, to tell several amounts apart by their role.

    constraints:
      budget: {type: money, after: '(?i)\\bbudget( is| of|:)', find: only}
    let:
      half: budget.amount / 2

Refuses to read a text in which an amount in this role is part of something longer ('$5k', '€1.234,56'), may be
negative, names two currencies or none ('50 cents'), is one end of a range or choice ('$5-$10'), or, unless `after` says
so, is only a bound or a guess ('at least $5').
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Pattern, RegexText
from stepflow.protocols import Found, Reader
from stepflow.texts.money import find_money
from stepflow.texts.quantities import refuse_qualified

NAME = "money"
DEFAULT_CONVERTER = "money"
_REACH = 200


class Options(stepflow.options.Options):
    """What stands beside the money."""

    dollar: str = Field("USD", pattern=r"^[A-Z]{3}$", description="The currency of a bare dollar.")
    after: RegexText | None = Field(None, description="What stands directly before it.")
    before: RegexText | None = Field(None, description="What stands directly behind it.")


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of moneys."""
    return _Money(
        options.dollar,
        None if options.after is None else context.regex(rf"(?:{options.after})\s*\Z"),
        None if options.before is None else context.regex(rf"\A\s*(?:{options.before})"),
    )


@dataclass(frozen=True, slots=True)
class _Money:
    dollar: str
    after: Pattern | None
    before: Pattern | None

    def read(self, text: str) -> Iterator[Found]:
        """The moneys in this role, left to right. Raises `ValueError` for one that cannot be read."""
        for start, end, money in find_money(text, self.dollar):
            if self.after is not None and self.after.search(text[max(0, start - _REACH) : start]) is None:
                continue
            if self.before is not None and self.before.search(text[end : end + _REACH]) is None:
                continue
            if isinstance(money, str):
                raise ValueError(money)
            if self.after is None:
                refuse_qualified(text, start, end)
            yield Found(start, end, money)
