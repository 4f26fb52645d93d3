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

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import BuildContext, Pattern, RegexText
from stepflow.protocols import Found, Reader
from stepflow.texts.labels import Labels, check_labels
from stepflow.texts.money import find_money
from stepflow.texts.quantities import refuse_qualified

NAME = "money"
DEFAULT_CONVERTER = "money"
_REACH = 200


class Options(stepflow.options.Options):
    """What stands beside the money."""

    dollar: str = Field("USD", pattern=r"^[A-Z]{3}$", description="The currency of a bare dollar.")
    labels: list[str] | None = Field(None, min_length=1, description="Words of which one stands before it.")
    either_side: bool = Field(False, description="Whether a label may also stand directly behind it.")
    after: RegexText | None = Field(None, description="What stands directly before it.")
    before: RegexText | None = Field(None, description="What stands directly behind it.")

    @model_validator(mode="after")
    def _consistent(self) -> Options:
        check_labels(self.labels, self.either_side)
        return self


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of moneys."""
    return _Money(
        options.dollar,
        None if options.labels is None else Labels.of(options.labels, options.either_side),
        None if options.after is None else context.regex(rf"(?:{options.after})\s*\Z"),
        None if options.before is None else context.regex(rf"\A\s*(?:{options.before})"),
    )


@dataclass(frozen=True, slots=True)
class _Money:
    dollar: str
    labels: Labels | None
    after: Pattern | None
    before: Pattern | None

    def read(self, text: str) -> Iterator[Found]:
        """The moneys in this role, left to right. Raises `ValueError` for one that cannot be read."""
        claimed: dict[int, int] = {}
        for start, end, money in find_money(text, self.dollar):
            if self.after is not None and self.after.search(text[max(0, start - _REACH) : start]) is None:
                continue
            if self.before is not None and self.before.search(text[end : end + _REACH]) is None:
                continue
            labelled = None if self.labels is None else self.labels.find(text, start, end)
            if self.labels is not None and labelled is None:
                continue
            if isinstance(money, str):
                raise ValueError(money)
            if self.labels is not None and labelled is not None:
                self.labels.claim(text, claimed, start, labelled)
            if self.after is None:
                refuse_qualified(text, start, labelled.end if labelled else end)
            yield Found(start, end, money)
