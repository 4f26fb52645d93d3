"""From rows to figures: latency, tokens, correctness, and how answers came about, per pipeline and per perturbation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median
from typing import Any

from stepflow.bench.patches import PatchCost, patch_costs
from stepflow.bench.runner import ALONE, Row, kind_of

SHARES = (
    "exact", "reuse", "rewrite", "patch", "generated", "reuse of a fallback", "fallback", "passthrough", "unverified",
    "error",
)  # fmt: skip
"""How answers come about, from the cheapest to what nobody wants. `generated` holds miss and skip_reuse, verified."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a set of rows adds up to. Seconds and tokens are per request; `shares` counts requests.

    `judged` requests have a checker, `correct` of them are right. `wrong` answers were served as verified or as a
    fallback and are not right; `wrong_reuse` are those of them that no model was asked for.
    """

    requests: int
    mean: float
    median: float
    p90: float
    p95: float
    p99: float
    prompt_tokens: float
    completion_tokens: float
    calls: float
    judged: int
    correct: int
    wrong: int
    wrong_reuse: int
    unverified: int
    shares: Mapping[str, int]
    outcomes: Mapping[str, int]

    @property
    def tokens(self) -> float:
        """Prompt and completion tokens of a request."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def correctness(self) -> float | None:
        """Share of the judged answers that are right; None when none was judged."""
        return self.correct / self.judged if self.judged else None

    def plain(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "tokens": self.tokens, "correctness": self.correctness}


def figures(rows: Sequence[Row]) -> Figures:
    """The figures of at least one row."""
    seconds = sorted(row.seconds for row in rows)
    judged = [row for row in rows if row.correct is not None]
    wrong = [row for row in judged if not row.correct and row.final != "unverified"]
    shares = Counter(row.share for row in rows)
    return Figures(
        len(rows),
        fmean(seconds),
        median(seconds),
        quantile(seconds, 0.90),
        quantile(seconds, 0.95),
        quantile(seconds, 0.99),
        fmean(row.prompt_tokens for row in rows),
        fmean(row.completion_tokens for row in rows),
        fmean(row.calls for row in rows),
        len(judged),
        sum(row.correct is True for row in judged),
        len(wrong),
        sum(row.calls == 0 for row in wrong),
        sum(row.share in ("unverified", "error") for row in rows),
        {share: shares[share] for share in SHARES if shares[share]},
        dict(Counter(row.outcome for row in rows).most_common()),
    )


def quantile(ordered: Sequence[float], level: float) -> float:
    """The smallest value that at least this share of the values does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(level * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Changed:
    """Requests in which a constant, a name or a key changed, and whose base's answer was stored and usable."""

    requests: int
    free: int

    @property
    def share(self) -> float | None:
        """Share of them served without a model call and without a deterministic fallback."""
        return self.free / self.requests if self.requests else None


def changed(rows: Sequence[Row], warm_up: Sequence[Row]) -> Changed:
    """How the changed variants that want reuse fared in one pipeline. A base is usable when its answer was verified."""
    usable = {(row.seed, row.prompt) for row in warm_up if row.final == "verified"}
    changing = [row for row in rows if row.changes and row.wants_reuse]
    concerned = [row for row in changing if (row.seed, row.base) in usable]
    return Changed(len(concerned), sum(row.calls == 0 and row.final == "verified" for row in concerned))


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one pipeline: of all requests that count, of the warm-up, by perturbation, by seed."""

    name: str
    total: Figures
    warm_up: Figures | None
    by_kind: Mapping[str, Figures]
    by_seed: Mapping[str, Figures]
    changed: Changed
    patches: tuple[PatchCost, ...]
    speedup: Mapping[str, float]

    def plain(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "name": self.name,
            "total": self.total.plain(),
            "warm_up": self.warm_up.plain() if self.warm_up else None,
            "by_kind": {kind: each.plain() for kind, each in self.by_kind.items()},
            "by_seed": {seed: each.plain() for seed, each in self.by_seed.items()},
            "changed": {**asdict(self.changed), "share": self.changed.share},
            "patches": [each.plain() for each in self.patches],
            "against_none": dict(self.speedup),
        }


def summaries(rows: Sequence[Row]) -> list[Summary]:
    """One for each pipeline, `none` first; ratios against it where it took part."""
    names = sorted(dict.fromkeys(row.pipeline for row in rows), key=lambda name: name != ALONE)
    baseline = next((figures(_counting(rows, name)) for name in names if name == ALONE), None)
    return [_summary(name, rows, baseline) for name in names]


def _summary(name: str, rows: Sequence[Row], baseline: Figures | None) -> Summary:
    mine = _counting(rows, name)
    warm_up = [row for row in rows if row.pipeline == name and row.warm_up]
    total = figures(mine)
    return Summary(
        name,
        total,
        figures(warm_up) if warm_up else None,
        _grouped(mine, kind_of),
        _grouped(mine, lambda row: str(row.seed)),
        changed(mine, warm_up),
        patch_costs(mine, rows),
        {} if baseline is None else _against(total, baseline),
    )


def _counting(rows: Iterable[Row], name: str) -> list[Row]:
    return [row for row in rows if row.pipeline == name and not row.warm_up]


def _grouped(rows: Sequence[Row], key: Callable[[Row], str]) -> dict[str, Figures]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    order = {"low": 0, "medium": 1, "high": 2}
    ranked = sorted(groups.items(), key=lambda each: (each[1][0].task, each[1][0].changes, -_rank(each[1], order)))
    return {name: figures(group) for name, group in ranked}


def _rank(group: Sequence[Row], order: Mapping[str, int]) -> int:
    """Wordings come first, from low to high."""
    return 10 - order.get(group[0].level, 0) if group[0].kind == "wording" else 0


def _against(total: Figures, baseline: Figures) -> dict[str, float]:
    """Each figure as a share of the baseline's."""
    pairs = {name: (getattr(total, name), getattr(baseline, name)) for name in ("mean", "median", "p90", "p95", "p99")}
    pairs |= {"tokens": (total.tokens, baseline.tokens), "calls": (total.calls, baseline.calls)}
    return {name: mine / theirs for name, (mine, theirs) in pairs.items() if theirs}
