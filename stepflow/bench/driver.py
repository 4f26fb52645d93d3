"""Plays the world for the interpreter like `runtime.drivers.drive`, and adds the seconds that a model only simulates.

Everything else is done for real: the store is read and written, verifiers run, and their time is measured.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stepflow.adapters.backends.simulated import Answers, Simulated
from stepflow.bench.item import Item, Purpose
from stepflow.errors import ScriptExhausted
from stepflow.model import Outcome
from stepflow.protocols import Backend, Call, Completion
from stepflow.runtime.drivers import Records, perform
from stepflow.runtime.effects import Generate, Generated, Reply
from stepflow.runtime.interpreter import Interpretation


@dataclass(slots=True)
class Desk:
    """The oracle of a simulated model: asks the expert of the item that is being answered right now."""

    item: Item | None = None
    purpose: Purpose = "generate"

    def __call__(self, call: Call) -> Answers:
        """The expert's answers. Raises `ScriptExhausted` when the item has no expert."""
        if self.item is None or self.item.expert is None:
            raise ScriptExhausted("a simulated model needs `right` replies to every prompt of the workload")
        return self.item.expert.answers(call, self.purpose)


@dataclass(slots=True)
class Model:
    """A backend with the time that it takes; for a simulated one, `desk` is its oracle."""

    backend: Backend
    desk: Desk | None = None
    identity: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.identity = self.backend.identity

    def warm(self) -> None:
        """Load what the backend would load at its first call, so that no request is charged for it."""
        getattr(self.backend, "warm", lambda: None)()

    def about(self, item: Item) -> None:
        """From now on, calls are about this item."""
        if self.desk is not None:
            self.desk.item = item

    def ask(self, call: Call, purpose: Purpose) -> tuple[Completion, float, float]:
        """The reply, the seconds that it took, and how many of them were only simulated."""
        if self.desk is not None:
            self.desk.purpose = purpose
        started, simulated = time.perf_counter(), self._simulated()
        completion = self.backend.complete(call)
        extra = self._simulated() - simulated
        return completion, time.perf_counter() - started + extra, extra

    def _simulated(self) -> float:
        backend = self.backend
        return backend.simulated_seconds if isinstance(backend, Simulated) and not backend.speed.sleep else 0.0


def play(interpretation: Interpretation, records: Records, model: Model) -> Outcome:
    """Run to the end; `seconds` of the outcome holds real and simulated time together."""
    started, simulated = time.perf_counter(), 0.0
    reply: Reply | None = None
    try:
        while True:
            effect = next(interpretation) if reply is None else interpretation.send(reply)
            if isinstance(effect, Generate):
                completion, seconds, extra = model.ask(effect.call, _purpose(effect.purpose))
                simulated += extra
                reply = Generated(completion, seconds)
            else:
                reply = perform(effect, records)
    except StopIteration as end:
        outcome: Outcome = end.value
        return replace(outcome, seconds=time.perf_counter() - started + simulated)
    finally:
        interpretation.close()


def _purpose(name: str) -> Purpose:
    return "patch" if name == "patch" else "repair" if name == "repair" else "generate"
