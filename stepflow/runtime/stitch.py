"""Steps to one answer: kept and new steps joined in order, numbered through, with nothing said twice at the seam."""

from __future__ import annotations

from collections.abc import Sequence

from stepflow.model import Step
from stepflow.protocols import Segmenter


def join(before: Sequence[Step], new: Sequence[Step], after: Sequence[Step], segmenter: Segmenter) -> str:
    """The text of kept steps, new steps and kept steps after them.

    New steps that repeat a kept one word for word (models like to start over) are dropped. Markers are renumbered.
    """
    kept = {content(step, segmenter) for step in (*before, *after)}
    fresh = [step for step in new if content(step, segmenter) not in kept]
    steps = [*before, *fresh, *after]
    separator = _separator([*before, *new, *after])
    parts: list[str] = []
    for position, step in enumerate(steps, start=1):
        moved = step in fresh or step.index != position
        parts.append(segmenter.relabel(step.text, position) if moved else step.text)
        parts.append(step.separator or ("" if position == len(steps) else separator))
    return "".join(parts)


def _separator(steps: Sequence[Step]) -> str:
    """What stands between steps of this answer: the first separator in use, else a line break."""
    return next((step.separator for step in steps if step.separator), "\n")


def content(step: Step, segmenter: Segmenter) -> str:
    """What a step says, whatever number stands before it; blanks and case do not count."""
    return " ".join(step.text[segmenter.body(step.text) :].split()).casefold()
