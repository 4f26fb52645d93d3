"""`lines`: each line that is not blank is a step.

Line breaks and blank lines separate; indentation belongs to the step.

Options: none.

    segment: lines

Declines nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.protocols import Piece, Segmenter
from stepflow.strategies.segmenters import cutting

NAME = "lines"


class Options(stepflow.options.Options):
    """None."""


def build(options: Options, context: BuildContext) -> Segmenter:
    """One step a line."""
    return _Lines()


@dataclass(frozen=True, slots=True)
class _Lines:
    def clean(self, text: str) -> str:
        """The reply, unchanged."""
        return text

    def segment(self, text: str) -> Sequence[Piece]:
        """One step a line."""
        return cutting.lines(text)

    def settled(self, text: str) -> Sequence[Piece]:
        """All but the last, which may go on."""
        return cutting.lines(text)[:-1]

    def body(self, text: str) -> int:
        """0: a step has no marker."""
        return 0

    def relabel(self, text: str, index: int) -> str:
        """The step, unchanged: it has no marker."""
        return text
