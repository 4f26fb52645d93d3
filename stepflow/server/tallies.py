"""What is counted of answers, once for metrics and console: sums by tenant, pipeline, rule, outcome and final word."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from stepflow.model import Outcome

BUCKETS_S = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    30,
    60,
    120,
)
"""Upper bounds of the times to an answer, in seconds; one more bucket holds what took longer."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is summed up together. No namespace and no prompt: there is no end of those."""

    tenant: str
    pipeline: str
    rule: str
    outcome: str
    final: str


@dataclass(slots=True)
class Tally:
    """Sums over the answers of one kind, since the start of the process."""

    answers: int = 0
    seconds: float = 0.0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tokens_saved: int = 0
    dollars_saved: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))

    def add(self, outcome: Outcome, seconds: float, dollars_saved: float | None) -> None:
        """Count one answer."""
        self.answers += 1
        self.seconds += seconds
        self.buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self.tokens_saved += outcome.saved.prompt_tokens + outcome.saved.completion_tokens
        self.dollars_saved += dollars_saved or 0.0
        if outcome.calls:
            self.calls += outcome.calls
            self.prompt_tokens += outcome.usage.prompt_tokens
            self.completion_tokens += outcome.usage.completion_tokens


class Tallies:
    """The figures of one process. As many as there are kinds, which keys and files bound."""

    def __init__(self) -> None:
        self.refusals: Counter[int] = Counter()
        self.shadows: Counter[tuple[str, str]] = Counter()
        self._answers: dict[tuple[str, str, str | None, str, str], Tally] = {}

    def answered(
        self, tenant: str, pipeline: str, outcome: Outcome, seconds: float, dollars_saved: float | None
    ) -> None:
        """Count an answer."""
        kind = (tenant, pipeline, outcome.rule, outcome.outcome, outcome.final)
        tally = self._answers.get(kind)
        if tally is None:
            tally = self._answers[kind] = Tally()
        tally.add(outcome, seconds, dollars_saved)

    def refused(self, status: int) -> None:
        """Count a refusal."""
        self.refusals[status] += 1

    def shadowed(self, pipeline: str, outcome: str) -> None:
        """Count what a shadowed request would have got."""
        self.shadows[pipeline, outcome] += 1

    def dump(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        answers = [[list(kind), asdict(tally)] for kind, tally in self._answers.items()]
        shadows = [[list(kind), count] for kind, count in self.shadows.items()]
        return {"answers": answers, "refusals": list(self.refusals.items()), "shadows": shadows}

    @classmethod
    def load(cls, dumped: dict[str, Any]) -> Tallies:
        """What was dumped."""
        tallies = cls()
        tallies._answers = {tuple(kind): Tally(**tally) for kind, tally in dumped["answers"]}
        tallies.refusals.update(dict(dumped["refusals"]))
        tallies.shadows.update({tuple(kind): count for kind, count in dumped["shadows"]})
        return tallies

    def __iter__(self) -> Iterator[tuple[Kind, Tally]]:
        for (tenant, pipeline, rule, outcome, final), tally in self._answers.items():
            yield Kind(tenant, pipeline, rule or "", outcome, final), tally
