"""`regex`: a pattern is found in the prompt. In `skip_when` it goes by the name `prompt_matches`.

Options: `pattern`; `of`, an expression for another text to search, such as `rest`: the prompt with an ellipsis in
place of all that the constraints have read.

    match:
      - {type: regex, pattern: '(?i)\\bsolve\\b'}
    unless:
      - {type: regex, of: rest, pattern: '\\d'}        # a number that no constraint has read
    reuse:
      skip_when:
        - {type: prompt_matches, pattern: '(?i)\\bstep by step\\b'}

Cannot be decided when the pattern takes too long, or `of` names what is not there.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Expression, ExpressionText, Names, Pattern, RegexMatch, RegexText
from stepflow.protocols import Condition
from stepflow.values import literal

NAME = "regex"
ALIASES = ("prompt_matches",)


class Options(stepflow.options.Options):
    """What to look for."""

    pattern: RegexText = Field(description="The regular expression to find.")
    of: ExpressionText | None = Field(None, description="The text to search instead of the prompt.")


def build(options: Options, context: BuildContext) -> Condition:
    """The condition that a pattern is found."""
    return _Regex(context.regex(options.pattern), None if options.of is None else context.expression(options.of))


@dataclass(frozen=True, slots=True)
class _Regex:
    pattern: Pattern
    of: Expression | None

    def holds(self, text: str, names: Names) -> bool:
        """Whether the pattern is found. Raises `Missing` when `of` gives no text."""
        return self._search(text, names) is not None

    def because(self, text: str, names: Names) -> str:
        """What the pattern found."""
        match = self._search(text, names)
        return "" if match is None else f"finds {literal(match.text)}"

    def _search(self, text: str, names: Names) -> RegexMatch | None:
        return self.pattern.search(text if self.of is None else str(self.of(names)))
