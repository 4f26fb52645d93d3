"""`length`: the text must be so long.

Units: `characters` (blanks around the text not counted), `words`, `lines` (those that are not blank), `sentences`.

Options: `unit`; at least one of `min(_from)`, `max(_from)`; `of`, an expression that gives the text to look at instead.

    verify:
      - {type: length, unit: words, max_from: word_limit}

Fails when the text is shorter or longer, and when a name's value is not a whole number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import BuildContext, Expression, ExpressionText, NameRef
from stepflow.prose import sentence_starts
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import Wanted, at_least_one, text_of, wanted

NAME = "length"
Unit = Literal["characters", "words", "lines", "sentences"]
_WORD = re.compile(r"\w+(?:['’.,-]\w+)*")
_COUNT: Mapping[str, Callable[[str], int]] = {
    "characters": len,
    "words": lambda text: len(_WORD.findall(text)),
    "lines": lambda text: sum(bool(line.strip()) for line in text.splitlines()),
    "sentences": lambda text: bool(text) + sum(1 for _ in sentence_starts(text)),
}


class Options(stepflow.options.Options):
    """How long."""

    unit: Unit = Field("characters", description="What is counted.")
    min: int | None = Field(None, ge=0, description="At least so many.")
    min_from: NameRef | None = Field(None, description="Name of the value that says at least how many.")
    max: int | None = Field(None, ge=0, description="At most so many.")
    max_from: NameRef | None = Field(None, description="Name of the value that says at most how many.")
    of: ExpressionText | None = Field(None, description="Gives the text to look at instead, e.g. `answer.text`.")

    @model_validator(mode="after")
    def _given(self) -> Options:
        at_least_one(self, ("min", "min_from", "max", "max_from"))
        return self


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier of a text's length."""
    of = None if options.of is None else context.expression(options.of)
    return _Length(options.unit, wanted(options.min, options.min_from), wanted(options.max, options.max_from), of)


@dataclass(frozen=True, slots=True)
class _Length:
    unit: Unit
    least: Wanted | None
    most: Wanted | None
    of: Expression | None

    def verify(self, view: View) -> str | None:
        """None when the length is right."""
        count = _COUNT[self.unit](text_of(self.of, view).strip())
        least, most = (None if bound is None else bound.whole_number(view) for bound in (self.least, self.most))
        if least is not None and count < least:
            return f"has {count} {self.unit}, expected at least {least}"
        return f"has {count} {self.unit}, expected at most {most}" if most is not None and count > most else None
