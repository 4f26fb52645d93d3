"""What patches cost: completion tokens of the one call, beside those of a full answer to the same request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from stepflow.bench.runner import Row, kind_of


@dataclass(frozen=True, slots=True)
class PatchCost:
    """Patches of one call that had as many steps written anew (`asked`), for one perturbation.

    `mean` and `highest` are shares: completion tokens of the patch by those of a full answer.
    """

    kind: str
    asked: int
    patches: int
    mean: float
    highest: float

    @property
    def steps(self) -> str:
        """`1 step`, `2 steps`."""
        return f"{self.asked} step{'' if self.asked == 1 else 's'}"

    def plain(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def patch_costs(mine: Sequence[Row], rows: Sequence[Row]) -> tuple[PatchCost, ...]:
    """What the patches of one pipeline's rows cost, where any of all `rows` has a full answer to the same request.

    Full is what one call wrote that was served whole and is not known to be wrong.
    """
    full: dict[tuple[int, str], list[int]] = {}
    for row in rows:
        if row.share in ("generated", "passthrough") and row.calls == 1 and row.correct is not False:
            full.setdefault((row.seed, row.prompt), []).append(row.completion_tokens)
    shares: dict[tuple[str, int], list[float]] = {}
    for row in mine:
        same = full.get((row.seed, row.prompt))
        if row.outcome == "patch" and row.calls == 1 and same:
            shares.setdefault((kind_of(row), row.patched), []).append(row.completion_tokens / max(1.0, fmean(same)))
    return tuple(
        PatchCost(kind, asked, len(found), fmean(found), max(found)) for (kind, asked), found in sorted(shares.items())
    )
