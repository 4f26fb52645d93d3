"""Steps to one answer: kept and new steps joined in order, numbered through, with nothing said twice at the seam."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from stepflow.model import Step
from stepflow.protocols import Segmenter


def join(steps: Sequence[Step], first: int, last: int, new: Sequence[Step], segmenter: Segmenter) -> str:
    """The text of an answer's steps with new ones in place of the steps `first` to `last` (1-based, inclusive).

    New steps that repeat a kept one word for word (models like to start over) are dropped. Each step that moved is
    fitted to its place; the steps are separated as the answer separates them, and it ends as it ended.
    """
    kept = [*steps[: first - 1], *steps[last:]]
    said = {content(step, segmenter) for step in kept}
    fresh = [step for step in new if content(step, segmenter) not in said]
    joined = [*steps[: first - 1], *fresh, *steps[last:]]
    ends = {id(steps[-1]), id(new[-1])}
    end = (steps if kept else new)[-1].separator
    between = _separator([*steps[:-1], *new[:-1]], segmenter)
    parts: list[str] = []
    for position, step in enumerate(joined, start=1):
        moved = step.index != position or position >= first
        parts.append(segmenter.relabel(step.text, position) if moved else step.text)
        if position == len(joined):
            parts.append(end)
        else:
            parts.append(between if id(step) in ends else step.separator or between)
    return "".join(parts)


def without(steps: Sequence[Step], surplus: Collection[int], segmenter: Segmenter) -> str:
    """The text of an answer's steps without those of these indexes; some must be left. It ends as it ended."""
    kept = [step for step in steps if step.index not in surplus]
    between = _separator(steps[:-1], segmenter)
    parts: list[str] = []
    for position, step in enumerate(kept, start=1):
        parts.append(segmenter.relabel(step.text, position) if step.index != position else step.text)
        is_end = position == len(kept)
        parts.append(steps[-1].separator if is_end else between if step is steps[-1] else step.separator or between)
    return "".join(parts)


def content(step: Step, segmenter: Segmenter) -> str:
    """What a step says, whatever number stands before it; blanks and case do not count."""
    return " ".join(step.text[segmenter.body(step.text) :].split()).casefold()


def _separator(steps: Sequence[Step], segmenter: Segmenter) -> str:
    """What stands between steps of these answers: the first separator in use, else the segmenter's, or a line break."""
    usual: str = getattr(segmenter, "joint", "\n")
    return next((step.separator for step in steps if step.separator), usual)
