"""`expr`: an expression is true.

Options: `assert`.

    reuse:
      skip_when:
        - {type: expr, assert: constraints.language != cached.constraints.language}

Cannot be decided when a name is missing, or the expression gives something other than true or false.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Expression, ExpressionText, Names
from stepflow.protocols import Condition
from stepflow.values import show

NAME = "expr"


class Options(stepflow.options.Options):
    """What is asked."""

    assertion: ExpressionText = Field(alias="assert", description="The expression that decides.")


def build(options: Options, context: BuildContext) -> Condition:
    """The condition that an expression is true."""
    return _Expr(context.expression(options.assertion))


@dataclass(frozen=True, slots=True)
class _Expr:
    assertion: Expression

    def holds(self, text: str, names: Names) -> bool:
        """The expression's truth value. Raises `ValueError` when it has none."""
        value = self.assertion(names)
        if not isinstance(value, bool):
            raise ValueError(f"{self.assertion.text} gives {show(value)}, not true or false")
        return value

    def because(self, text: str, names: Names) -> str:
        """What it compares, where it compares two values: "['cheap'] is not []"."""
        return self.assertion.difference(names)
