"""What /metrics says, in Prometheus' words. No tenant and no prompt is named there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from stepflow.server.board import Figures
from stepflow.server.tallies import BUCKETS_S, Kind, Tally

MEDIA_TYPE = CONTENT_TYPE_LATEST

Sums = Mapping[Any, float]


def page(workers: Sequence[Figures]) -> bytes:
    """The page: the figures of all workers together. Files are sound where they are so for every worker."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page(workers))
    return generate_latest(registry)


class _Page(Collector):
    def __init__(self, workers: Sequence[Figures]) -> None:
        self._workers = workers

    def collect(self) -> Iterable[Metric]:
        """All metrics."""
        workers = self._workers
        kinds = [each for worker in workers for each in worker.tallies]
        yield _counter(
            "stepflow_requests", "Requests answered.", "pipeline rule outcome final", _sums(
                ((k.pipeline, k.rule, k.outcome, k.final), t.answers) for k, t in kinds
            ),
        )  # fmt: skip
        yield _counter(
            "stepflow_refusals", "Requests refused, by status.", "status",
            _sums(((str(status),), count) for each in workers for status, count in each.tallies.refusals.items()),
        )  # fmt: skip
        yield _counter(
            "stepflow_shadows", "What shadowed requests would have got.", "pipeline outcome",
            _sums(pair for each in workers for pair in each.tallies.shadows.items()),
        )  # fmt: skip
        yield _seconds(kinds)
        yield from _spent(kinds)
        yield GaugeMetricFamily("stepflow_requests_open", "Requests under way.", sum(each.open for each in workers))
        calling = sum(each.calling for each in workers)
        yield GaugeMetricFamily("stepflow_model_calls_open", "Model calls that run or wait.", calling)
        gauge = GaugeMetricFamily("stepflow_files_sound", "1 while the newest files are served.", labels=["pipeline"])
        for pipeline in dict.fromkeys(pipeline for each in workers for pipeline in each.sound):
            gauge.add_metric([pipeline], all(each.sound.get(pipeline, True) for each in workers))
        yield gauge


def _spent(kinds: list[tuple[Kind, Tally]]) -> Iterable[Metric]:
    """Model calls, tokens and money, by pipeline."""
    yield _counter(
        "stepflow_model_calls", "Model calls.", "pipeline", _sums(((k.pipeline,), t.calls) for k, t in kinds)
    )
    prompt = _sums(((k.pipeline, "prompt"), t.prompt_tokens) for k, t in kinds)
    completion = _sums(((k.pipeline, "completion"), t.completion_tokens) for k, t in kinds)
    yield _counter("stepflow_tokens", "Tokens spent.", "pipeline kind", {**prompt, **completion})
    yield _counter(
        "stepflow_tokens_saved", "Tokens that reuse saved.", "pipeline",
        _sums(((k.pipeline,), t.tokens_saved) for k, t in kinds),
    )  # fmt: skip
    yield _counter(
        "stepflow_dollars_saved", "US dollars that reuse saved.", "pipeline",
        _sums(((k.pipeline,), t.dollars_saved) for k, t in kinds),
    )  # fmt: skip


def _seconds(kinds: list[tuple[Kind, Tally]]) -> Metric:
    family = HistogramMetricFamily("stepflow_request_seconds", "Time to an answer.", labels=["outcome"])
    bounds = [*(str(float(bound)) for bound in BUCKETS_S), "+Inf"]
    for outcome in sorted({kind.outcome for kind, _ in kinds}):
        own = [tally for kind, tally in kinds if kind.outcome == outcome]
        counts = accumulate(sum(column) for column in zip(*(tally.buckets for tally in own), strict=True))
        family.add_metric([outcome], list(zip(bounds, counts, strict=True)), sum(tally.seconds for tally in own))
    return family


def _counter(name: str, said: str, labels: str, sums: Sums) -> Metric:
    family = CounterMetricFamily(name, said, labels=labels.split())
    for values, count in sums.items():
        family.add_metric(values, count)
    return family


def _sums(pairs: Iterable[tuple[tuple[str, ...], float]]) -> Sums:
    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for labels, number in pairs:
        sums[labels] += number
    return sums
