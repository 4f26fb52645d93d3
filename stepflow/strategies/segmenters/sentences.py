"""`sentences`: each sentence is a step.

A full stop in a number ('3.5'), after a usual abbreviation ('e.g.'), an initial or a list number ends no sentence, nor
does one before a small letter. A blank line always does.

Made for English: only its abbreviations are known, and a sentence ends with `.`, `!`, `?` or `…`. For other languages
and scripts, give the segmenter `regex` what separates two sentences.

Options: none.

    segment: sentences

Declines nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.protocols import Piece, Segmenter
from stepflow.strategies.segmenters import cutting

NAME = "sentences"


class Options(stepflow.options.Options):
    """None."""


def build(options: Options, context: BuildContext) -> Segmenter:
    """One step a sentence."""
    return _Sentences()


@dataclass(frozen=True, slots=True)
class _Sentences:
    def clean(self, text: str) -> str:
        """The reply, unchanged."""
        return text

    def segment(self, text: str) -> Sequence[Piece]:
        """One step a sentence."""
        return cutting.sentences(text)

    def settled(self, text: str) -> Sequence[Piece]:
        """All but the last, which may go on."""
        return cutting.sentences(text)[:-1]

    def body(self, text: str) -> int:
        """0: a step has no marker."""
        return 0

    def relabel(self, text: str, index: int) -> str:
        """The step, unchanged: it has no marker."""
        return text
