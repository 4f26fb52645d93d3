"""What the records alone would answer; and runs that only tell it, while the model's answer is served.

A shadowed run stores nothing: what it tells is about the records as they are.
"""

from __future__ import annotations

from dataclasses import replace

from stepflow.errors import UnverifiedAnswer
from stepflow.model import Request
from stepflow.plan import Plan
from stepflow.runtime.effects import Generate, Reply
from stepflow.runtime.interpreter import Interpretation, interpret, pass_through
from stepflow.runtime.journal import Journal
from stepflow.runtime.run import Run


class Unanswered(Exception):
    """The records alone do not answer it. `instead` is what would come: patch, passthrough, model, or error."""

    def __init__(self, instead: str) -> None:
        super().__init__(instead)
        self.instead = instead


def records_only(interpretation: Interpretation) -> Interpretation:
    """The run as far as it goes without a model. Raises `Unanswered` where it would ask one."""
    reply: Reply | None = None
    try:
        while True:
            effect = next(interpretation) if reply is None else interpretation.send(reply)
            if isinstance(effect, Generate):
                raise Unanswered(effect.purpose if effect.purpose in ("patch", "passthrough") else "model")
            reply = yield effect
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    except UnverifiedAnswer as error:
        raise Unanswered("error") from error
    finally:
        interpretation.close()


def foresee(plan: Plan, request: Request, journal: Journal) -> Interpretation:
    """What the request would get from the records as they are; nothing is stored. Raises `Unanswered`."""
    return records_only(interpret(replace(plan, stages=plan.stages - {"record"}), request, journal))


def shadowed(plan: Plan, request: Request, journal: Journal) -> Interpretation:
    """The model's answer, passed through, with what would have been served noted as `shadow`. Raises `BackendError`."""
    name: str
    try:
        would = yield from foresee(plan, request, journal)
        name = would.outcome
        data = {"final": would.final, "origin": would.origin, "reused": would.reused, "answer": would.answer}
        journal.add("shadow", f"served would have been: {name}", outcome=name, **data)
    except Unanswered as unanswered:
        name = unanswered.instead
        journal.add("shadow", f"no record answers it; next would have come: {name}", outcome=name)
    outcome = yield from pass_through(Run(plan, request, journal), "the run is shadowed: the model's answer is served")
    return replace(outcome, shadow=name)
