"""`expr`: an expression must be true.

Options: `assert`.

    verify:
      - {id: right-value, type: expr, assert: answer.value == solution}

Fails when the expression is false, when it gives something other than true or false, and when it cannot be decided
(a name is missing, a function refuses). Without `message` the reason is the expression itself, and what it compares:
`a == b is false: 90 is not 80`. That is for the trace: a model is told only that the step, or the
answer, is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Expression, ExpressionText
from stepflow.protocols import Verifier, View
from stepflow.values import show

NAME = "expr"


class Options(stepflow.options.Options):
    """What must be true."""

    assertion: ExpressionText = Field(alias="assert", description="The expression that must be true.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier of an expression."""
    return _Expr(context.expression(options.assertion))


@dataclass(frozen=True, slots=True)
class _Expr:
    assertion: Expression
    in_code: bool = True

    def verify(self, view: View) -> str | None:
        """None when the expression is true."""
        text = " ".join(self.assertion.text.split())
        try:
            value = self.assertion(view.names)
        except Exception as error:  # whatever an expression meets in a model's answer, it is a verdict
            return f"{text} cannot be decided: {error}"
        if value is True:
            return None
        if value is not False:
            return f"{text} gives {show(value)}, not true or false"
        difference = self.assertion.difference(view.names)
        return f"{text} is false: {difference}" if difference else f"{text} is false"
