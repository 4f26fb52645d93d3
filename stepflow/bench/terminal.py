"""The benchmark's account on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from stepflow.bench.figures import SHARES, Figures, Summary
from stepflow.bench.patches import PatchCost
from stepflow.bench.runner import Row


def show(console: Console, summaries: Sequence[Summary], rows: Sequence[Row]) -> None:
    """Print the tables: totals, how answers came about, the perturbations of each pipeline, and what went wrong."""
    console.print(_totals(summaries))
    console.print(_shares(summaries))
    console.print(_kinds(summaries, console.width >= 110))
    if any(each.patches for each in summaries):
        console.print(_patches(summaries))
    for line in remarks(summaries):
        console.print(line, highlight=False)
    for row in wrong_answers(rows)[:5]:
        console.print(
            f"[red]wrong[/red] {row.pipeline} {row.outcome}: {row.prompt!r}: {row.objection}", highlight=False
        )


def wrong_answers(rows: Sequence[Row]) -> list[Row]:
    """Requests, also of the warm-up, that were answered as verified, or by a fallback, and wrongly."""
    return [row for row in rows if row.correct is False and row.final != "unverified"]


def remarks(summaries: Sequence[Summary]) -> list[str]:
    """Sentences about each pipeline: against none, changed variants."""
    lines = []
    for each in summaries:
        if each.name != "none" and each.speedup:
            ratios = (f"{name} {share:.3f}" for name, share in each.speedup.items())
            lines.append(f"{each.name}, as a share of none: {', '.join(ratios)}")
        if each.changed.requests and each.total.outcomes.keys() != {"passthrough"}:
            lines.append(
                f"{each.name}: {each.changed.free} of {each.changed.requests} changed variants with a usable base "
                f"({percent(each.changed.share)}) needed neither a call nor a fallback"
            )
    return lines


def cells(figures: Figures) -> tuple[str, ...]:
    """Latency, tokens, calls, correctness and what must not be."""
    times = (figures.mean, figures.median, figures.p90, figures.p95, figures.p99)
    return (
        *map(seconds, times),
        f"{figures.tokens:.1f}",
        f"{figures.calls:.2f}",
        percent(figures.correctness),
        str(figures.wrong),
        str(figures.wrong_reuse),
        percent(figures.unverified / figures.requests),
    )


COLUMNS = ("mean", "median", "p90", "p95", "p99", "tokens", "calls", "correct", "wrong", "wrong reuse", "unverified")


def seconds(value: float) -> str:
    """`2.13 s`, `14 ms`, `0.4 ms`."""
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1000:.0f} ms" if value >= 0.01 else f"{value * 1000:.1f} ms"


def percent(share: float | None) -> str:
    """`72.5 %`, or a dash."""
    return "–" if share is None else f"{share * 100:.1f} %"


def _totals(summaries: Sequence[Summary]) -> Table:
    table = _table("All requests", "", *(each.name for each in summaries))
    rows = zip(*((str(each.total.requests), *cells(each.total)) for each in summaries), strict=True)
    for name, values in zip(("requests", *COLUMNS), rows, strict=True):
        table.add_row(name, *values)
    return table


def _shares(summaries: Sequence[Summary]) -> Table:
    table = _table("How answers came about", "", *(each.name for each in summaries))
    for share in SHARES:
        if any(share in each.total.shares for each in summaries):
            table.add_row(
                share, *(percent(each.total.shares.get(share, 0) / each.total.requests) for each in summaries)
            )
    return table


def _kinds(summaries: Sequence[Summary], wide: bool) -> Table:
    table = _table("By perturbation", "perturbation", "pipeline", "requests", "mean", "tokens", "correct")
    if wide:
        table.add_column("how answers came about")
    for kind in dict.fromkeys(kind for each in summaries for kind in each.by_kind):
        first = kind
        for each in summaries:
            figures = each.by_kind.get(kind)
            if figures is None:
                continue
            how = ", ".join(f"{share} {count}" for share, count in figures.shares.items())
            row = (
                str(figures.requests),
                seconds(figures.mean),
                f"{figures.tokens:.0f}",
                percent(figures.correctness),
                *([how] if wide else []),
            )
            table.add_row(first, each.name, *row)
            first = ""
    return table


PATCH_COLUMNS = ("pipeline", "perturbation", "written anew", "patches", "mean", "highest")


def patch_cells(name: str, cost: PatchCost) -> tuple[str, ...]:
    """A row of the table of patches: what was asked for, how often, its share of a full answer's tokens."""
    return (name, cost.kind, cost.steps, str(cost.patches), percent(cost.mean), percent(cost.highest))


def _patches(summaries: Sequence[Summary]) -> Table:
    table = _table("Completion tokens of a patch, as a share of a full answer's", *PATCH_COLUMNS)
    for each in summaries:
        for cost in each.patches:
            table.add_row(*patch_cells(each.name, cost))
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="left" if name in ("pipeline", "perturbation") else "right")
    return table
