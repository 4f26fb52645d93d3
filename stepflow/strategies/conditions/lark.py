"""`lark`: a text that a grammar of the rule accepts stands somewhere in the prompt.

Options: `grammar`.

    match:
      - {type: lark, grammar: equation}

Always decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Grammar, GrammarName, Names
from stepflow.protocols import Condition

NAME = "lark"


class Options(stepflow.options.Options):
    """Which grammar."""

    grammar: GrammarName = Field(description="Name of a grammar under `grammars:`.")


def build(options: Options, context: BuildContext) -> Condition:
    """The condition that something parses."""
    return _Lark(context.grammar(options.grammar))


@dataclass(frozen=True, slots=True)
class _Lark:
    grammar: Grammar

    def holds(self, text: str, names: Names) -> bool:
        """Whether the grammar accepts some stretch of the text."""
        budget = self.grammar.budget()
        starts = self.grammar.starts(text, budget=budget)
        return any(self.grammar.longest(text, start, budget) is not None for start in starts)
