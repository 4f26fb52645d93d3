"""`keywords`: words or phrases occur in the prompt, whole and in any case.

Options: `words`, or `table` whose keys are the words; `need`, whether `any` of them is enough or `all` must occur.

    match:
      - {type: keywords, words: [convert, how many], need: any}

Always decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Names
from stepflow.prose import phrase_pattern
from stepflow.protocols import Condition

NAME = "keywords"


class Options(stepflow.options.WordList):
    """Which words."""

    need: Literal["any", "all"] = Field("any", description="How many of them must occur.")


def build(options: Options, context: BuildContext) -> Condition:
    """The condition that words occur."""
    words = options.listed(context)
    groups = [words] if options.need == "any" else [[word] for word in words]
    return _Keywords(tuple(phrase_pattern(group) for group in groups))


@dataclass(frozen=True, slots=True)
class _Keywords:
    patterns: tuple[re.Pattern[str], ...]

    def holds(self, text: str, names: Names) -> bool:
        """Whether enough of the words occur."""
        return all(pattern.search(text) for pattern in self.patterns)
