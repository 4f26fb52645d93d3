"""`whole`: the answer is one step.

Options: none.

    segment: whole

Declines nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.protocols import Piece, Segmenter
from stepflow.strategies.segmenters import cutting

NAME = "whole"


class Options(stepflow.options.Options):
    """None."""


def build(options: Options, context: BuildContext) -> Segmenter:
    """The answer as one step."""
    return _Whole()


@dataclass(frozen=True, slots=True)
class _Whole:
    def clean(self, text: str) -> str:
        """The reply, unchanged."""
        return text

    def segment(self, text: str) -> Sequence[Piece]:
        """The answer as one step."""
        return cutting.whole(text)

    def body(self, text: str) -> int:
        """0: a step has no marker."""
        return 0

    def relabel(self, text: str, index: int) -> str:
        """The step, unchanged: it has no marker."""
        return text
