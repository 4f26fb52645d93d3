"""What /metrics says, in Prometheus' words. No tenant and no prompt is named there."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from stepflow.model import Outcome

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
MEDIA_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The figures of one process, since its start."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        names = ["pipeline", "rule", "outcome", "final"]
        self._requests = Counter("stepflow_requests", "Requests answered.", names, registry=registry)
        self._refusals = Counter("stepflow_refusals", "Requests refused, by status.", ["status"], registry=registry)
        self._shadows = Counter(
            "stepflow_shadows", "What shadowed requests would have got.", ["pipeline", "outcome"], registry=registry
        )
        self._seconds = Histogram(
            "stepflow_request_seconds", "Time to an answer.", ["outcome"], buckets=SECONDS, registry=registry
        )
        self._calls = Counter("stepflow_model_calls", "Model calls.", ["pipeline"], registry=registry)
        self._tokens = Counter("stepflow_tokens", "Tokens spent.", ["pipeline", "kind"], registry=registry)
        self._saved = Counter("stepflow_tokens_saved", "Tokens that reuse saved.", ["pipeline"], registry=registry)
        self._dollars = Counter(
            "stepflow_dollars_saved", "US dollars that reuse saved.", ["pipeline"], registry=registry
        )
        self._known: dict[tuple[str, ...], tuple[Counter, Histogram]] = {}
        self.open = Gauge("stepflow_requests_open", "Requests under way.", registry=registry)
        self.calling = Gauge("stepflow_model_calls_open", "Model calls that run or wait.", registry=registry)
        self.sound = Gauge(
            "stepflow_files_sound", "1 while the newest files are served.", ["pipeline"], registry=registry
        )

    def answered(self, pipeline: str, outcome: Outcome, seconds: float, dollars_saved: float | None) -> None:
        """Count an answer."""
        names = (pipeline, outcome.rule or "", outcome.outcome, outcome.final)
        found = self._known.get(names)
        if found is None:  # looking a child up by its labels costs as much as counting four times
            found = self._known[names] = self._requests.labels(*names), self._seconds.labels(outcome.outcome)
        found[0].inc()
        found[1].observe(seconds)
        if outcome.calls:
            self._calls.labels(pipeline).inc(outcome.calls)
            self._tokens.labels(pipeline, "prompt").inc(outcome.usage.prompt_tokens)
            self._tokens.labels(pipeline, "completion").inc(outcome.usage.completion_tokens)
        if outcome.saved.total:
            self._saved.labels(pipeline).inc(outcome.saved.total)
        if dollars_saved:
            self._dollars.labels(pipeline).inc(dollars_saved)

    def shadowed(self, pipeline: str, outcome: str) -> None:
        """Count what a shadowed request would have got."""
        self._shadows.labels(pipeline, outcome).inc()

    def refused(self, status: int) -> None:
        """Count a refusal."""
        self._refusals.labels(str(status)).inc()

    def text(self) -> bytes:
        """The page."""
        return generate_latest(self._registry)
