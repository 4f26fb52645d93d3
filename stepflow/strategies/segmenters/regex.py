"""`regex`: whatever matches a pattern separates the steps.

Options: `separator`.

    segment: {type: regex, separator: '\\s*;\\s*'}

Empty matches separate nothing; a match before the first step belongs to that step. Declines when the pattern takes too
long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Pattern, RegexText
from stepflow.protocols import Piece, Segmenter
from stepflow.strategies.segmenters import cutting

NAME = "regex"


class Options(stepflow.options.Options):
    """What separates steps."""

    separator: RegexText = Field(description="The regular expression of what stands between two steps.")


def build(options: Options, context: BuildContext) -> Segmenter:
    """Steps between matches."""
    return _Regex(context.regex(options.separator))


@dataclass(frozen=True, slots=True)
class _Regex:
    separator: Pattern

    def clean(self, text: str) -> str:
        """The reply, unchanged."""
        return text

    def segment(self, text: str) -> Sequence[Piece]:
        """The texts between matches, each with the match behind it."""
        return cutting.cut_out(
            text, ((match.start, match.end) for match in self.separator.finditer(text) if match.text)
        )

    def body(self, text: str) -> int:
        """0: a step has no marker."""
        return 0

    def relabel(self, text: str, index: int) -> str:
        """The step, unchanged: it has no marker."""
        return text
