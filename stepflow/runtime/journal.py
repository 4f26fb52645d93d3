"""The append-only account of one run: what each stage decided and why."""

from __future__ import annotations

from typing import Any

from stepflow.model import Event, Verdict
from stepflow.values import encode_plain


class Journal:
    """Events in the order in which they happened."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, stage: str, message: str, **data: Any) -> None:
        """Note one decision. `data` is turned into plain JSON."""
        self.events.append(Event(stage, message, {key: encode_plain(value) for key, value in data.items()}))

    def last(self, stage: str) -> str:
        """The newest message of a stage, empty when it has none."""
        return next((event.message for event in reversed(self.events) if event.stage == stage), "")

    def add_verdicts(self, stage: str, verdicts: tuple[Verdict, ...]) -> None:
        """Note every verdict of an examination, one event each."""
        for verdict in verdicts:
            place = f"step {verdict.step}" if verdict.step is not None else "answer"
            said = "passes" if verdict.passed else f"fails: {verdict.reason}"
            data = {
                "check": verdict.check,
                "step": verdict.step,
                "passed": verdict.passed,
                "reason": verdict.reason,
                "on_fail": verdict.on_fail,
                "where": verdict.where,
            }
            self.events.append(Event(stage, f"{place}: {verdict.check} {said}", data))  # plain JSON as it is
