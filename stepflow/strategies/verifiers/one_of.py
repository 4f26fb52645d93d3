"""`one_of`: the text must be one of some values.

Blanks around the text do not count. A number is compared as a number: '0.50' is 1/2.

Options: `values`, or `values_from` (a name: the items of a list, the keys of a map); `of`, an expression that gives
the value to look at instead; `ignore_case`.

    verify:
      - {type: one_of, of: answer.value, values: [positive, negative, neutral], ignore_case: true}

Fails when the text is none of them, and when the list is empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import BuildContext, Expression, ExpressionText, NameRef
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import Wanted, at_least_one, text_of
from stepflow.values import exact, is_number, show

NAME = "one_of"


class Options(stepflow.options.Options):
    """Which values."""

    values: list[Any] | None = Field(None, description="The values: texts or numbers.", min_length=1)
    values_from: NameRef | None = Field(None, description="Name of the value that lists them.")
    of: ExpressionText | None = Field(None, description="Gives the value to look at instead, e.g. `answer.value`.")
    ignore_case: bool = Field(False, description="Whether capitals count as small letters.")

    @model_validator(mode="after")
    def _given(self) -> Options:
        at_least_one(self, ("values", "values_from"))
        return self


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier that the text is among some values."""
    of = None if options.of is None else context.expression(options.of)
    return _OneOf(Wanted(options.values, options.values_from), of, options.ignore_case)


@dataclass(frozen=True, slots=True)
class _OneOf:
    wanted: Wanted
    of: Expression | None
    ignore_case: bool

    def verify(self, view: View) -> str | None:
        """None when the text is one of the values."""
        text = text_of(self.of, view).strip()
        values = self.wanted.items(view)
        if any(self._is(value, text) for value in values):
            return None
        return f"{text!r} is none of {', '.join(show(value) for value in values) or 'an empty list'}"

    def _is(self, value: Any, text: str) -> bool:
        if is_number(value) or isinstance(value, float):
            return bool(_number(text) == exact(value))
        listed = show(value).strip()
        return listed.casefold() == text.casefold() if self.ignore_case else listed == text


def _number(text: str) -> Any:
    try:
        return exact(text)
    except ValueError:
        return None
