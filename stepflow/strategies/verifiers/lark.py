"""`lark`: the whole text must parse with a grammar of the rule.

Blanks around the text do not count.

Options: `grammar`; `of`, an expression that gives the text to look at instead.

    verify:
      - {scope: step, type: lark, grammar: equation}

Fails with the place where the text stops parsing.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Expression, ExpressionText, Grammar, GrammarName
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import text_of

NAME = "lark"


class Options(stepflow.options.Options):
    """Which grammar."""

    grammar: GrammarName = Field(description="Name of a grammar under `grammars:`.")
    of: ExpressionText | None = Field(None, description="Gives the text to look at instead, e.g. `answer.text`.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier that a text parses."""
    of = None if options.of is None else context.expression(options.of)
    return _Lark(context.grammar(options.grammar), of)


@dataclass(frozen=True, slots=True)
class _Lark:
    grammar: Grammar
    of: Expression | None

    def verify(self, view: View) -> str | None:
        """None when the text parses."""
        try:
            self.grammar.parse(text_of(self.of, view).strip())
        except ValueError as error:
            return f"is not a {self.grammar.name}: {error}"
        return None
