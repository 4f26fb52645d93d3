"""`money`: amounts of money in prose, as a map of `amount` (exact) and `currency` (three capital letters).

Reads '$5', '€1,200.50', '5 USD', 'CHF 20', '12 euros', '5 dollars and 20 cents', '£2 million'.

Options: `dollar`, what a bare '$' or 'dollars' is; and to tell several amounts apart by their role: `labels`, words of
which one stands before the amount, with at most 'is', 'of', a colon and the like between; `either_side`, so that a
label may also stand directly behind it ('a fee of $5', 'a $5 fee'); `after` and `before`, patterns of what stands
directly before and behind.

    constraints:
      budget: {type: money, labels: [budget], find: only}
      fee: {type: money, labels: [fee], either_side: true, find: only}
    let:
      half: budget.amount / 2

Refuses to read a text in which an amount in this role is part of something longer ('$5k', '€1.234,56'), may be
negative, names two currencies or none ('50 cents'), is one end of a range or choice ('$5-$10'), or, unless `after` says
so, is only a bound or a guess ('at least $5'). With `either_side` also one whose label may as well belong to another
amount ('$5 fee $3'), or may be part of a longer name ('a $5 fee discount').
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from stepflow.notation import BuildContext
from stepflow.protocols import Found, Reader
from stepflow.strategies.readers.roles import Role, RoleOptions, with_doubts
from stepflow.texts.money import find_money

NAME = "money"
DEFAULT_CONVERTER = "money"


class Options(RoleOptions):
    """What stands beside the money."""

    dollar: str = Field("USD", pattern=r"^[A-Z]{3}$", description="The currency of a bare dollar.")


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of moneys."""
    return _Money(options.dollar, Role.of(options, context))


@dataclass(frozen=True, slots=True)
class _Money:
    dollar: str
    role: Role

    def read(self, text: str) -> Iterator[Found]:
        """The moneys in this role, left to right. Raises `ValueError` for one that cannot be read."""
        return self.role.found(text, with_doubts(find_money(text, self.dollar)))
