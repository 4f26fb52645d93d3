"""Asks every request of a workload of every pipeline in turn, each pipeline with an empty store of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from stepflow.adapters.backends.simulated import Simulated, Speed
from stepflow.bench.driver import Desk, Model, play
from stepflow.bench.item import Item, Workload
from stepflow.engine import Pipeline, load
from stepflow.errors import BackendError, CutOffAnswer, EmptyAnswer, StepflowError, TimedOut
from stepflow.model import Outcome, Request
from stepflow.protocols import Call
from stepflow.runtime.interpreter import interpret
from stepflow.runtime.journal import Journal

ALONE = "none"
"""The pipeline that is none: the model's first answer, unverified."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """Settings of a simulated model."""

    correctness: float = 0.725
    speed: Speed = field(default_factory=Speed)


@dataclass(frozen=True, slots=True)
class Row:
    """One request through one pipeline. `correct` is None when nobody judges it; `objection` says why it is wrong."""

    pipeline: str
    seed: int
    number: int
    warm_up: bool
    task: str
    kind: str
    level: str
    base: str
    changes: bool
    prompt: str
    answer: str
    outcome: str
    final: str
    origin: str
    skip_reason: str
    seconds: float
    prompt_tokens: int
    completion_tokens: int
    calls: int
    kept: int
    correct: bool | None
    objection: str
    error: str = ""
    patched: int = 0
    wants_reuse: bool = True

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def share(self) -> str:
        """How the answer came about, with what a fallback wrote kept apart from what the model wrote."""
        if self.error:
            return "error"
        if self.final == "unverified":
            return self.outcome if self.outcome == "passthrough" else "unverified"
        if self.final == "fallback":
            return "fallback" if self.outcome in ("miss", "skip_reuse") else "reuse of a fallback"
        return "generated" if self.outcome in ("miss", "skip_reuse") else self.outcome

    def plain(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "share": self.share}


def kind_of(row: Row) -> str:
    """The perturbation with its task: `equation: wording (low)`; levels only where a level is a kind of its own."""
    level = f" ({row.level})" if row.kind == "wording" and row.level else ""
    return f"{f'{row.task}: ' if row.task else ''}{row.kind.replace('_', ' ')}{level}"


class Contestant(Protocol):
    """Whoever answers requests."""

    name: str

    def answer(self, item: Item) -> Outcome:
        """Raises `StepflowError`."""


class Alone:
    """The model without stepflow: one call a request, its reply served as it is."""

    name = ALONE

    def __init__(self, model: Model) -> None:
        self.model = model

    def answer(self, item: Item) -> Outcome:
        """The model's reply; a passed-through answer that nobody has verified."""
        self.model.about(item)
        completion, seconds, _ = self.model.ask(Call(item.messages), "generate")
        return Outcome(
            completion.text, "passthrough", "unverified", "model", calls=1, usage=completion.usage, seconds=seconds
        )


class Through:
    """A pipeline, with a model that may be another than its file's."""

    def __init__(self, name: str, pipeline: Pipeline, model: Model) -> None:
        self.name, self.pipeline, self.model = name, pipeline, model
        self.plan = replace(pipeline.plan, identity=model.identity)

    def answer(self, item: Item) -> Outcome:
        """What the pipeline serves."""
        self.model.about(item)
        return play(interpret(self.plan, Request(item.messages), Journal()), self.pipeline.archive, self.model)


def run(
    workloads: Sequence[Workload],
    pipelines: Mapping[str, str],
    simulation: Simulation | None = None,
    overrides: Mapping[str, Any] | None = None,
    progress: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """All rows. `pipelines` maps names to files; stores are new for each seed, and gone at the end.

    Without a simulation the backends that the files name are asked; `none` asks the one of its file alone.
    """
    rows = []
    for workload in workloads:
        with contestants(pipelines, workload.seed, simulation, overrides) as entrants:
            for row in _asked(workload, entrants):
                progress(row)
                rows.append(row)
    return rows


@contextmanager
def contestants(
    pipelines: Mapping[str, str], seed: int, simulation: Simulation | None, overrides: Mapping[str, Any] | None = None
) -> Iterator[list[Contestant]]:
    """The pipelines opened on empty stores. They share one model where their files name the same."""
    with ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="stepflow-bench-"))
        loaded: dict[str, Pipeline] = {}
        for number, (name, path) in enumerate(pipelines.items()):
            store = {"store": {"path": str(Path(folder) / str(number))}, "trace": {"keep": 0}, **(overrides or {})}
            loaded[name] = opened.enter_context(load(path, store))
        models: list[Model] = []
        found: list[Contestant] = []
        for name, pipeline in loaded.items():
            model = _model(pipeline, seed, simulation, models)
            found.append(Alone(model) if name == ALONE else Through(name, pipeline, model))
        yield found


def _model(pipeline: Pipeline, seed: int, simulation: Simulation | None, models: list[Model]) -> Model:
    """A model of its own for simulations; else the one that an earlier pipeline has opened already, or its own."""
    if simulation is not None:
        desk = Desk()
        return Model(Simulated(desk, simulation.correctness, seed, simulation.speed), desk)
    same = next((model for model in models if model.identity == pipeline.backend.identity), None)
    if same is None:
        same = Model(pipeline.backend)
        same.warm()
        models.append(same)
    return same


def _asked(workload: Workload, entrants: Sequence[Contestant]) -> Iterator[Row]:
    """Request by request; who comes first takes turns, so that no one always finds the caches of the machine warm."""
    items = [*((item, True) for item in workload.warm_up), *((item, False) for item in workload.requests)]
    for number, (item, warm_up) in enumerate(items):
        turn = number % len(entrants)
        for entrant in (*entrants[turn:], *entrants[:turn]):
            yield _row(entrant, item, workload.seed, number, warm_up)


def _row(entrant: Contestant, item: Item, seed: int, number: int, warm_up: bool) -> Row:
    started, error = time.perf_counter(), ""
    try:
        outcome = entrant.answer(item)
    except BackendError as failure:
        if not isinstance(failure, CutOffAnswer | EmptyAnswer | TimedOut):  # an unreachable model ends the benchmark
            raise
        outcome, error = _nothing(started), str(failure)
    except StepflowError as failure:
        outcome, error = _nothing(started), str(failure)
    objection = item.check.objection(outcome.answer) if item.check is not None else None
    return Row(
        entrant.name,
        seed,
        number,
        warm_up,
        item.task,
        item.kind,
        item.level,
        item.base,
        item.changes,
        item.prompt,
        outcome.answer,
        outcome.outcome,
        outcome.final,
        outcome.origin,
        outcome.skip_reason,
        outcome.seconds,
        outcome.usage.prompt_tokens,
        outcome.usage.completion_tokens,
        outcome.calls,
        outcome.kept,
        None if item.check is None else not error and objection is None,
        error or objection or "",
        error,
        outcome.patched,
        item.wants_reuse,
    )


def _nothing(started: float) -> Outcome:
    return Outcome("", "miss", "unverified", "model", seconds=time.perf_counter() - started)
