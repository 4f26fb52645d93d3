"""Steps verified while the model is still writing: what `stream: steps` hands on before the answer is whole."""

from __future__ import annotations

from stepflow.model import Step
from stepflow.protocols import GrowingSegmenter
from stepflow.runtime.extract import Task
from stepflow.runtime.segment import read_step
from stepflow.runtime.verify import examine_growing


class StepWatch:
    """The steps of a reply that may be handed on: from the first on, each settled and verified.

    A step that fails holds back itself and all that follow. `steps` are those handed on, `sent` is their text.
    """

    def __init__(self, task: Task) -> None:
        self.steps: tuple[Step, ...] = ()
        self.sent = ""
        self._task = task
        self._held = False

    def ready(self, text: str) -> str:
        """The newly verified part of the reply so far, with its separators; empty when there is none."""
        before = len(self.sent)
        for step in () if self._held else self._settled(text)[len(self.steps) :]:
            read = read_step(self._task.rule, step)
            if not examine_growing(self._task, (*self.steps, read)):
                self._held = True
                break
            self.steps = (*self.steps, read)
            self.sent += step.text + step.separator
        return self.sent[before:]

    def _settled(self, text: str) -> tuple[Step, ...]:
        segmenter = self._task.rule.segmenter
        assert isinstance(segmenter, GrowingSegmenter)  # the compiler sees to it
        try:
            pieces = segmenter.settled(text)
        except Exception:  # whatever it meets, nothing of it is settled
            return ()
        return tuple(Step(index, piece.text, piece.separator) for index, piece in enumerate(pieces, start=1))


def watching(task: Task) -> StepWatch | None:
    """A watch over the reply, where the rule wants its steps handed on as they come."""
    return StepWatch(task) if task.rule.stream == "steps" else None
