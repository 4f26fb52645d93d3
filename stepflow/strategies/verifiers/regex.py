"""`regex`: a pattern must be found.

Options: `pattern`; `of`, an expression that gives the text to look at instead.

    verify:
      - {type: regex, pattern: '(?i)\\btotal\\b'}
      - {scope: step, type: regex, of: step.rest, pattern: '^[^0-9]*$'}

Fails when there is no match, and when the pattern takes too long.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Expression, ExpressionText, Pattern, RegexText
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import text_of

NAME = "regex"


class Options(stepflow.options.Options):
    """What must be found."""

    pattern: RegexText = Field(description="The regular expression that must be found.")
    of: ExpressionText | None = Field(None, description="Gives the text to look at instead, e.g. `step.rest`.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier that a pattern is found."""
    return _Regex(context.regex(options.pattern), None if options.of is None else context.expression(options.of))


@dataclass(frozen=True, slots=True)
class _Regex:
    pattern: Pattern
    of: Expression | None

    def verify(self, view: View) -> str | None:
        """None when the pattern is found."""
        found = self.pattern.search(text_of(self.of, view))
        return None if found else f"nothing matches /{self.pattern.text}/"
