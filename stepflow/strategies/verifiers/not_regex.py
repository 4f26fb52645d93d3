"""`not_regex`: a pattern must not be found.

Options: `pattern`; `of`, an expression that gives the text to look at instead.

    verify:
      - {type: not_regex, pattern: '(?i)\\bas an ai\\b'}

Fails when there is a match (naming it), and when the pattern takes too long.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Expression, ExpressionText, Pattern, RegexText
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import text_of

NAME = "not_regex"


class Options(stepflow.options.Options):
    """What must not be found."""

    pattern: RegexText = Field(description="The regular expression that must not be found.")
    of: ExpressionText | None = Field(None, description="Gives the text to look at instead, e.g. `step.rest`.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier that a pattern is not found."""
    return _NotRegex(context.regex(options.pattern), None if options.of is None else context.expression(options.of))


@dataclass(frozen=True, slots=True)
class _NotRegex:
    pattern: Pattern
    of: Expression | None

    def verify(self, view: View) -> str | None:
        """None when the pattern is not found."""
        found = self.pattern.search(text_of(self.of, view))
        return f"{found.text!r} matches /{self.pattern.text}/" if found else None
