"""`code_blocks`: each fenced block is a step, and so is the prose before, between and behind them.

A fence (three or more backticks or tildes) belongs to its step's text; blanks separate.

Options: `prose`: `keep` (the default), or `drop`, which takes the reply's only fenced block, without its fence, as the
answer; `bare`, whether `drop` takes a reply without any fence as it is.

    segment: code_blocks

Declines, with `drop`, a reply with several fenced blocks, and unless `bare` one without. Declines a block that does not
end: it was cut off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.protocols import Piece, Segmenter
from stepflow.strategies.segmenters import cutting
from stepflow.texts import markdown

NAME = "code_blocks"


class Options(stepflow.options.Options):
    """What happens to the prose."""

    prose: Literal["keep", "drop"] = Field("keep", description="Whether the text around blocks is part of the answer.")
    bare: bool = Field(False, description="Whether, with `drop`, a reply without a fence is the answer as it is.")

    @model_validator(mode="after")
    def _bare_belongs_to_drop(self) -> Options:
        if self.bare and self.prose != "drop":
            raise ValueError("`bare` needs `prose: drop`")
        return self


def build(options: Options, context: BuildContext) -> Segmenter:
    """Steps by fences."""
    return _CodeBlocks(options.prose == "drop", options.bare)


@dataclass(frozen=True, slots=True)
class _CodeBlocks:
    drop: bool
    bare: bool

    def clean(self, text: str) -> str:
        """The reply, or the content of its only block. Raises `ValueError` for one that does not end."""
        if any(not fence.closed for fence in markdown.fences(text)):
            raise ValueError("a fenced block does not end")
        if not self.drop:
            return text
        content = markdown.only_fence(text, prose=True)
        if content is None and not self.bare:
            raise ValueError("no fenced block found")
        return text if content is None else content

    def segment(self, text: str) -> Sequence[Piece]:
        """One piece for each block and for each stretch of prose."""
        return cutting.cut_at(text, _starts(text))

    def body(self, text: str) -> int:
        """0: the fence belongs to the step."""
        return 0

    def relabel(self, text: str, index: int) -> str:
        """The step, unchanged: it has no marker."""
        return text


def _starts(text: str) -> Iterator[int]:
    """Where a fence begins, and where prose does."""
    prose = False
    for block in markdown.blocks(text):
        if block.kind == "fence" or not prose:
            yield block.start
        prose = block.kind != "fence"
