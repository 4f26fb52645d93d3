"""`step_count`: the answer must have so many steps.

Options: `min`, `max`, `equals`, each also as a name: `min_from`, `max_from`, `equals_from`.

    verify:
      - {type: step_count, min: 2, max: 12}
      - {type: step_count, equals_from: number_of_items}

Fails when the number of steps is another, and when a name's value is not a whole number.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import BuildContext, NameRef
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import Wanted, at_least_one, named, wanted

NAME = "step_count"


class Options(stepflow.options.Options):
    """How many steps."""

    min: int | None = Field(None, ge=0, description="At least so many.")
    min_from: NameRef | None = Field(None, description="Name of the value that says at least how many.")
    max: int | None = Field(None, ge=0, description="At most so many.")
    max_from: NameRef | None = Field(None, description="Name of the value that says at most how many.")
    equals: int | None = Field(None, ge=0, description="Exactly so many.")
    equals_from: NameRef | None = Field(None, description="Name of the value that says exactly how many.")

    @model_validator(mode="after")
    def _given(self) -> Options:
        at_least_one(self, ("min", "min_from", "max", "max_from", "equals", "equals_from"))
        return self


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier of the number of steps."""
    return _StepCount(
        wanted(options.min, options.min_from),
        wanted(options.max, options.max_from),
        wanted(options.equals, options.equals_from),
    )


@dataclass(frozen=True, slots=True)
class _StepCount:
    least: Wanted | None
    most: Wanted | None
    exactly: Wanted | None

    def verify(self, view: View) -> str | None:
        """None when the number of steps is right."""
        count = len(named("steps", view))
        least, most, exactly = (
            None if bound is None else bound.whole_number(view) for bound in (self.least, self.most, self.exactly)
        )
        if exactly is not None and count != exactly:
            return f"has {count} steps, expected {exactly}"
        if least is not None and count < least:
            return f"has {count} steps, expected at least {least}"
        return f"has {count} steps, expected at most {most}" if most is not None and count > most else None
