"""`regex`: a pattern is found in the prompt. In `skip_when` it goes by the name `prompt_matches`.

Options: `pattern`.

    match:
      - {type: regex, pattern: '(?i)\\bsolve\\b'}
    reuse:
      skip_when:
        - {type: prompt_matches, pattern: '(?i)\\bstep by step\\b'}

Cannot be decided when the pattern takes too long.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.protocols import BuildContext, Condition, Names, Pattern, RegexText

NAME = "regex"
ALIASES = ("prompt_matches",)


class Options(stepflow.options.Options):
    """What to look for."""

    pattern: RegexText = Field(description="The regular expression to find.")


def build(options: Options, context: BuildContext) -> Condition:
    """The condition that a pattern is found."""
    return _Regex(context.regex(options.pattern))


@dataclass(frozen=True, slots=True)
class _Regex:
    pattern: Pattern

    def holds(self, text: str, names: Names) -> bool:
        """Whether the pattern is found."""
        return self.pattern.search(text) is not None
