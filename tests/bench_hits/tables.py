"""The figures of a run as one table: what was measured, by size, and under it how it stands to its target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bench_hits.timing import Figure

Figures = dict[str, Figure]
"""By name; after an @ stands the number of records, as in `exact hit @ 10,000`."""

MEDIAN = "p50"


@dataclass(frozen=True)
class Target:
    """What a median may be at most: so many times another one of the same run, or so many seconds."""

    what: str
    most: float
    of: str = ""
    size: str = ""
    """The other's number of records, when it is not the same."""

    def name(self) -> str:
        """How the row of its ratio begins."""
        beside = f"× {self.of}" if self.of else "seconds"
        return f"{beside}{f' at {self.size}' if self.size else ''} (at most {self.most:.2g})"


TARGETS = (
    Target("exact hit", 10, "floor: SHA-256 and a get"),
    Target("adding a record", 3, "floor: a set"),
    Target("verified reuse of 8 steps, found by likeness", 3, "verified reuse of 8 steps, found by likeness", "10,000"),
    Target("next process, from its start to its first reuse", 2),
    Target("stepflow run, exact hit", 2.5, "floor: a Python that reads one row"),
    Target("beside others: stepflow, verified, found by likeness", 0.1, "beside others: GPTCache, sqlite and faiss"),
    Target("beside others: stepflow, verified, found by likeness", 0.2, "beside others: RedisVL on Redis Stack"),
)


def ratio(figures: Mapping[str, Figure], target: Target, size: str) -> float | None:
    """The target's figure at this size, divided by what it is measured against; None where one of them is missing."""
    of = f"{target.of} @ {target.size or size}"
    figure, other = figures.get(f"{target.what} @ {size}"), figures.get(of) if target.of else {MEDIAN: 1.0}
    if figure is None or other is None or (target.size and _number(size) <= _number(target.size)):
        return None
    return figure[MEDIAN] / other[MEDIAN]


def table(figures: Mapping[str, Figure]) -> str:
    """A Markdown table, aligned: medians, 99th percentiles in brackets, and ratios with what they may be at most."""
    sizes = sorted({name.partition(" @ ")[2] for name in figures}, key=_number)
    rows = [["", *(f"{size} records" for size in sizes)]]
    for what in dict.fromkeys(name.partition(" @ ")[0] for name in figures):
        rows.append([what, *(_shown(what, figures.get(f"{what} @ {size}")) for size in sizes)])
        for target in (target for target in TARGETS if target.what == what):
            ratios = [ratio(figures, target, size) for size in sizes]
            if any(ratios):
                rows.append([f"**{target.name()}**", *(_judged(each, target.most) for each in ratios)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        " | ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in [rows[0], rule, *rows[1:]]
    ]
    return "\n".join(f"| {line} |" for line in lines)


def compare(old: Mapping[str, Figure], new: Mapping[str, Figure], tolerance: float) -> tuple[str, bool]:
    """How each ratio has moved since an older run, and whether none has grown by more than the tolerance."""
    lines, fine = [f"{'':<110}{'before':>9}{'now':>9}"], True
    sizes = sorted({name.partition(" @ ")[2] for name in new}, key=_number)
    for target in TARGETS:
        for size in sizes:
            before, now = ratio(old, target, size), ratio(new, target, size)
            if before is None or now is None:
                continue
            worse = now > before * (1 + tolerance)
            fine = fine and not worse
            name = f"{target.what} {target.name()} @ {size}"
            lines.append(f"{name:<110}{before:>9.2f}{now:>9.2f}{'   WORSE' if worse else ''}")
    if len(lines) == 1:
        return "the older run shares no ratio with this one", False
    return "\n".join(lines), fine


def put(page: str, text: str) -> str:
    """The page with the table between its marks. Raises `ValueError` when it has none."""
    between = re.compile(r"(<!-- hits -->\n).*?(<!-- /hits -->)", re.DOTALL)
    if not between.search(page):
        raise ValueError("the page has no place for the table: <!-- hits --> and <!-- /hits -->")
    return between.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page)


def _shown(what: str, figure: Figure | None) -> str:
    if figure is None:
        return ""
    if what.startswith("memory"):
        return f"{figure[MEDIAN] / 2**20:,.0f} MiB"
    factor, unit, digits = _unit(figure[MEDIAN])
    tail = f" ({figure['p99'] * factor:,.{digits}f})" if "p99" in figure else ""
    return f"{figure[MEDIAN] * factor:,.{digits}f} {unit}{tail}"


def _unit(seconds: float) -> tuple[float, str, int]:
    if seconds < 1e-3:
        return 1e6, "µs", 0
    return (1e3, "ms", 1) if seconds < 0.1 else (1, "s", 2)


def _judged(found: float | None, most: float) -> str:
    return "" if found is None else f"{found:.3g}{'' if found <= most else ' missed'}"


def _number(size: str) -> int:
    return int(size.replace(",", ""))
