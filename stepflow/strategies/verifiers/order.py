"""`order`: the asked items stand in the asked order, each exactly once.

By default the items are looked for in the text, as whole words; of two that begin alike the longer counts ('New York'
is no 'York'). `by: step` says that the steps are the items: as many steps as items, and each holds its own item and no
other. `of` gives a list of values instead, which must be equal to the items: nothing missing, surplus or moved.
`numbers: true` says that the lines that begin with a number ('1.', '2)', '(3)', 'Step 4:') count up from 1, one by one.

Options: `values`, or `values_from` (a name: the items of a list, the keys of a map); `by`: `text` or `step`; `of`;
`ignore_case`; `numbers`.

    verify:
      - {type: order, values_from: stops, by: step}
      - {type: order, values_from: names, of: "column(rows, 'name')"}
      - {type: order, numbers: true}

Fails naming the first item that is missing, repeated or out of place, when an item is blank, and when there are none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import BuildContext, Expression, ExpressionText, NameRef
from stepflow.prose import find_phrases, phrase_pattern
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import Wanted, at_least_one, named, wanted
from stepflow.values import describe, identity, show

NAME = "order"
_NUMBERED = re.compile(
    r"^[ \t]*(?:\#{1,6}[ \t]+)?[*_]{0,2}(?:step[ \t]+(\d{1,4})(?!\w|\.\d)|\((\d{1,4})\)|(\d{1,4})[.)](?=[\s*_]|$))",
    re.IGNORECASE | re.MULTILINE,
)


class Options(stepflow.options.Options):
    """Which items, and where they are looked for."""

    values: list[Any] | None = Field(None, min_length=1, description="The items, in order.")
    values_from: NameRef | None = Field(None, description="Name of the value that lists them.")
    by: Literal["text", "step"] = Field("text", description="Where the items stand: in the text, or one in each step.")
    of: ExpressionText | None = Field(None, description="Gives a list of values to compare instead.")
    ignore_case: bool = Field(False, description="Whether capitals count as small letters.")
    numbers: bool | None = Field(None, description="`true`: lines with numbers count up from 1.")

    @model_validator(mode="after")
    def _given(self) -> Options:
        at_least_one(self, ("values", "values_from", "numbers"))
        if self.numbers is False:
            raise ValueError("`numbers: false` says nothing: leave it out")
        if self.of is not None and self.by == "step":
            raise ValueError("`of` and `by: step` exclude each other: keep one")
        if self.values is None and self.values_from is None and (self.of is not None or self.by == "step"):
            raise ValueError("`of` and `by` need `values` or `values_from`")
        return self


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier of an order."""
    of = None if options.of is None else context.expression(options.of)
    items = wanted(options.values, options.values_from)
    return _Order(items, options.by, of, options.ignore_case, bool(options.numbers))


@dataclass(frozen=True, slots=True)
class _Order:
    items: Wanted | None
    by: str
    of: Expression | None
    ignore_case: bool
    numbers: bool

    def verify(self, view: View) -> str | None:
        """None when all stand in order."""
        reason = _count_up(view.text) if self.numbers else None
        if reason is not None or self.items is None:
            return reason
        if not self.items.items(view):
            return "there are no items to put in order"
        if self.of is not None:
            return self._compare(self.of, view)
        items = [self._folded(text) for text in self.items.texts(view)]
        return self._in_steps(items, view) if self.by == "step" else self._in_text(items, view.text)

    def _compare(self, of: Expression, view: View) -> str | None:
        assert self.items is not None
        found = of(view.names)
        if not isinstance(found, list | tuple):
            return f"{of.text} gives {describe(found)}, not a list"
        return _first_difference(
            [self._folded(item) for item in self.items.items(view)], [self._folded(item) for item in found]
        )

    def _in_text(self, items: list[Any], text: str) -> str | None:
        return _first_difference(items, self._occurring(items, text))

    def _in_steps(self, items: list[Any], view: View) -> str | None:
        steps = named("steps", view)
        if len(steps) != len(items):
            return f"there are {len(steps)} steps for {len(items)} items"
        for number, (item, step) in enumerate(zip(items, steps, strict=True), start=1):
            marker = _NUMBERED.match(step["text"])
            found = self._occurring(items, step["text"][marker.end() :] if marker else step["text"])
            if set(found) != {item}:
                return f"step {number} holds {', '.join(map(repr, found)) or 'none of the items'}, expected {item!r}"
        return None

    def _occurring(self, items: list[Any], text: str) -> list[Any]:
        """The items as they occur in a text, in its order."""
        pattern = phrase_pattern(list(dict.fromkeys(items)), ignore_case=self.ignore_case)
        distinct = list(dict.fromkeys(items))
        return [distinct[index] for _, _, index in find_phrases(pattern, text)]

    def _folded(self, item: Any) -> Any:
        """An item as it is compared: texts without outer blanks, and in small letters when case does not count."""
        if not isinstance(item, str):
            return item
        return item.strip().casefold() if self.ignore_case else item.strip()


def _first_difference(expected: Sequence[Any], found: Sequence[Any]) -> str | None:
    nothing = object()
    for number, (want, got) in enumerate(zip_longest(expected, found, fillvalue=nothing), start=1):
        if want is nothing:
            return f"{show(got)!r} is surplus or stands there twice (place {number})"
        if got is nothing:
            return f"{show(want)!r} is missing (place {number})"
        if identity(want) != identity(got):
            return f"{show(got)!r} stands at place {number}, expected {show(want)!r}"
    return None


def _count_up(text: str) -> str | None:
    numbers = [int(next(filter(None, match.groups()))) for match in _NUMBERED.finditer(text)]
    if not numbers:
        return "no line begins with a number"
    for expected, number in enumerate(numbers, start=1):
        if number != expected:
            return f"a line is numbered {number}, expected {expected}"
    return None
