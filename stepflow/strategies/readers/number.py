"""`number`: numbers in prose, told apart by their role: what stands beside them, not their order.

Reads digits, thousands separators, fractions and words ('1,200', '2 1/2', 'twenty-five', '1.2 million').

Options: `units`, words of which one stands directly behind the number ('5 km', 'two guests', 'a 3-day trip'), or
`table`, whose keys are such words; `labels`, words of which one stands before it, with at most 'is', 'of', 'at', a
colon and the like between ('price: 5', 'the price is $5'; in 'the price of 5 apples' 5 is no price); `either_side`, so
that a label may also stand directly behind it ('VAT of 20%', '20% VAT'); `after` and `before`, patterns of what stands
directly before and behind it; `percent`, to read percentages only ('15%' and '15 percent' give 15). All that are given
must hold. `with_unit` reads the unit too: the constraint then has `value` and `unit`, which is the word as `units`
lists it, or what `table` says for it, where that is a text.

    constraints:
      guests: {type: number, units: [guest, guests, people], find: only}
      price: {type: number, labels: [price, cost], find: only}
      discount: {type: number, labels: [discount], percent: true, optional: true}
      vat: {type: number, labels: [VAT, VAT rate], percent: true, either_side: true, find: only}
      servings_before: {type: number, after: '(?i)\\bfrom'}       # 'from 4 to 6 servings': each end by its role
      servings_after: {type: number, after: '(?i)\\bto', units: [servings]}

A number in its role is refused, and the text with it, when it is part of something longer (10:30, 1.234,56), may be
negative or a subtraction (5 - 3), or, unless `after` says so, is one end of a range or choice ('5 to 10 guests') or
only a bound or a guess ('at least 5 guests', '5 or more'). With `either_side` it is also refused when its label may as
well belong to another number ('10% VAT 20%'), or may be part of a longer name ('a 10% VAT cut'): list a name that means
the same under `labels`, too. Without options every number is read, and a percentage or a number with letters behind it
(5km) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import BuildContext, Pattern, RegexText, TableName
from stepflow.prose import find_phrases, phrase_pattern
from stepflow.protocols import Found, Groups, Reader
from stepflow.texts.labels import Labels, check_labels
from stepflow.texts.quantities import Quantity, quantities, refuse_qualified
from stepflow.values import show

NAME = "number"
DEFAULT_CONVERTER = "number"
_REACH = 200  # characters looked at beside a number
_PERCENT = re.compile(r"[ \t-]?(?:%|percent(?!\w)|per[ \t]cent(?!\w)|pct(?!\w))", re.IGNORECASE)
_GAP = re.compile(r"[ \t-]?")


class Options(stepflow.options.Options):
    """What stands beside the number."""

    units: list[str] | None = Field(None, min_length=1, description="Words of which one stands directly behind it.")
    table: TableName | None = Field(None, description="Name of a table whose keys are such words.")
    labels: list[str] | None = Field(None, min_length=1, description="Words of which one stands before it.")
    either_side: bool = Field(False, description="Whether a label may also stand directly behind it.")
    after: RegexText | None = Field(None, description="What stands directly before it.")
    before: RegexText | None = Field(None, description="What stands directly behind it.")
    percent: bool = Field(False, description="Whether only percentages are read.")
    with_unit: bool = Field(False, description="Whether the unit is read too.")

    @model_validator(mode="after")
    def _consistent(self) -> Options:
        if self.units is not None and self.table is not None:
            raise ValueError("give either `units` or `table`, not both")
        if self.with_unit and self.units is None and self.table is None:
            raise ValueError("`with_unit` needs `units` or `table`")
        if any(not word.strip() for word in self.units or ()):
            raise ValueError("`units` holds an empty word")
        check_labels(self.labels, self.either_side)
        return self


def groups(options: Options) -> frozenset[str]:
    """The members of the map that is read; none when a number is read."""
    return frozenset({"value", "unit"}) if options.with_unit else frozenset()


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of numbers in a role."""
    units = options.units if options.table is None else list(context.tables[options.table])
    return _Number(
        None if units is None else phrase_pattern(units),
        None if options.labels is None else Labels.of(options.labels, options.either_side),
        None if options.after is None else context.regex(rf"(?:{options.after})[ \t]*\Z"),
        None if options.before is None else context.regex(rf"\A[ \t]*(?:{options.before})"),
        options.percent,
        options.with_unit,
        tuple(units or ()) if options.table is None else _names(context.tables[options.table]),
    )


def _names(table: Mapping[str, Any]) -> tuple[str, ...]:
    """What a table calls each of its words: the text beside it, or the word itself."""
    return tuple(entry if isinstance(entry, str) else word for word, entry in table.items())


@dataclass(frozen=True, slots=True)
class _Number:
    units: re.Pattern[str] | None
    labels: Labels | None
    after: Pattern | None
    before: Pattern | None
    percent: bool
    with_unit: bool
    names: tuple[str, ...]

    def read(self, text: str) -> Iterator[Found]:
        """The numbers in this role, left to right. Raises `ValueError` for one that is doubtful."""
        claimed: dict[int, int] = {}
        for quantity in quantities(text):
            end = self._percent_end(text, quantity)
            named = None if end is None else self._named_end(text, quantity, end)
            labelled = None
            if named is not None and end is not None and self.labels is not None:
                counted = end if self.units is None else None
                labelled = self.labels.find(text, quantity.start, named, counted=counted)
            if self._has_role and (named is None or (self.labels is not None and labelled is None)):
                continue
            if end is None or named is None:
                raise ValueError(f"{text[quantity.start : quantity.end]!r} is a percentage, or one is expected")
            self._refuse(text, quantity, end)
            if self.labels is not None and labelled is not None:
                self.labels.claim(text, claimed, quantity.start, labelled)
            found = self._found(text, quantity, end)
            if self.after is None:
                unit = self._unit(text, end) if self.units is not None else None
                for stop in (unit.end() if unit else end, labelled.end if labelled else named):
                    refuse_qualified(text, quantity.start, stop)
            yield found

    @property
    def _has_role(self) -> bool:
        return any(each is not None for each in (self.units, self.labels, self.after, self.before)) or self.percent

    def _percent_end(self, text: str, quantity: Quantity) -> int | None:
        """Where the number ends, its percent sign included; None when it is a percentage and none is read, or not."""
        sign = _PERCENT.match(text, quantity.end)
        is_percent = quantity.percent or sign is not None
        if is_percent is not self.percent:
            return None
        return sign.end() if sign else quantity.end

    def _named_end(self, text: str, quantity: Quantity, end: int) -> int | None:
        """Where the number ends, with its unit and what must stand behind it; None when one of them is missing."""
        before, behind = text[max(0, quantity.start - _REACH) : quantity.start], text[end : end + _REACH]
        unit = None if self.units is None else self._unit(text, end)
        follows = None if self.before is None else self.before.search(behind)
        missing = (self.units is not None and unit is None) or (self.before is not None and follows is None)
        if missing or (self.after is not None and self.after.search(before) is None):
            return None
        return max(unit.end() if unit else end, end + follows.end if follows else end)

    def _unit(self, text: str, end: int) -> re.Match[str] | None:
        gap = _GAP.match(text, end)
        assert gap is not None
        assert self.units is not None
        return self.units.match(text, end) or self.units.match(text, gap.end())

    def _refuse(self, text: str, quantity: Quantity, end: int) -> None:
        written = text[quantity.start : end]
        if quantity.doubt:
            raise ValueError(quantity.doubt)
        if quantity.in_range and self.after is None and (self.units is not None or self.labels is not None):
            raise ValueError(f"{written!r} is one end of a range or a choice")
        if self.units is None and self.before is None and text[end : end + 1].isalpha():
            raise ValueError(f"{written!r} has letters directly behind it: name them under `units`")

    def _found(self, text: str, quantity: Quantity, end: int) -> Found:
        if not self.with_unit:
            return Found(quantity.start, end, quantity.value)
        unit = self._unit(text, end)
        assert unit is not None
        assert self.units is not None
        index = next(index for _, _, index in find_phrases(self.units, unit.group()))
        return Found(quantity.start, unit.end(), Groups(value=show(quantity.value), unit=self.names[index]))
