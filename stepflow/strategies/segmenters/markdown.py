"""`markdown`: each heading, paragraph, list item, table, fenced block, quote and rule is a step.

Items of nested lists are steps of their own; lines that go on with an item belong to it. Blanks separate. The marker
of a heading, item or quote is no content of the step: `parse` and patterns do not see it, `step.text` has it.

Options: none.

    segment: markdown

Declines a fenced block that does not end: it was cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.protocols import Piece, Segmenter
from stepflow.strategies.segmenters import cutting
from stepflow.texts import markdown

NAME = "markdown"
_MARKED = ("heading", "item", "quote")


class Options(stepflow.options.Options):
    """None."""


def build(options: Options, context: BuildContext) -> Segmenter:
    """One step a block."""
    return _Markdown()


@dataclass(frozen=True, slots=True)
class _Markdown:
    def clean(self, text: str) -> str:
        """The reply, unchanged. Raises `ValueError` for a fenced block that does not end."""
        if any(not fence.closed for fence in markdown.fences(text)):
            raise ValueError("a fenced block does not end")
        return text

    def segment(self, text: str) -> Sequence[Piece]:
        """One piece a block."""
        return cutting.cut_at(text, (block.start for block in markdown.blocks(text)))

    def body(self, text: str) -> int:
        """Behind the marker of a heading, item or quote; 0 for the other blocks."""
        first = next(iter(markdown.blocks(text)), None)
        return first.inner[0] if first is not None and first.kind in _MARKED else 0

    def relabel(self, text: str, index: int) -> str:
        """The step, unchanged: an item's number counts within its list, not among the steps."""
        return text
