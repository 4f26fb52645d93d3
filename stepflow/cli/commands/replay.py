"""`stepflow replay`: what a pipeline would have done with a log of chat completions, without asking any model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from stepflow.bench.logs import Skipped
    from stepflow.bench.replay import Account, Fate, Prices

MILLION = 1_000_000
SHOWN_CHARS = 300


@click.command()
@click.argument("log", metavar="LOG.jsonl", type=click.Path())
@click.option("-p", "--pipeline", metavar="FILE", help="The pipeline; default: pipelines/default.yaml.")
@click.option("--price-in", type=click.FloatRange(0), metavar="USD", help="Dollars for a million prompt tokens.")
@click.option("--price-out", type=click.FloatRange(0), metavar="USD", help="Dollars for a million completion tokens.")
@click.option("--examples", type=click.IntRange(0), default=2, show_default=True, help="Examples of each outcome.")
@click.option("--json", "as_json", is_flag=True, help="Print the account and every request's fate as one JSON object.")
def command(
    log: str, pipeline: str | None, price_in: float | None, price_out: float | None, examples: int, as_json: bool
) -> int:
    """Play LOG.jsonl in order against an empty store, with each logged answer in the place of the model's.

    It says how many requests would have been exact, reuse, rewrite, patch, skip_reuse, miss or passthrough, how many
    logged answers the verifiers refuse, and the tokens and money saved. Prices are LiteLLM's, unless they are given.
    """
    from stepflow.bench.logs import read_log
    from stepflow.bench.replay import account, replay
    from stepflow.cli.locate import pipeline_path
    from stepflow.engine import load
    from stepflow.errors import UsageError

    if (price_in is None) != (price_out is None):
        raise UsageError("give both --price-in and --price-out, or neither")
    entries, skipped = read_log(log)
    with load(pipeline_path(pipeline), {"store": {"type": "memory"}, "trace": {"keep": 0}}) as loaded:
        fates = replay(loaded, entries)
    given = None if price_in is None or price_out is None else (price_in / MILLION, price_out / MILLION)
    sums = account(fates, (lambda model: given) if given is not None else _listed_price)
    if as_json:
        skips = [{"line": each.line, "why": each.why} for each in skipped]
        data = {**sums.plain(), "skipped": skips, "requests_in_order": [_plain(fate) for fate in fates]}
        click.echo(json.dumps(data, ensure_ascii=False))
        return 0
    _tell(sums, fates, skipped)
    for outcome in sums.outcomes:
        _show(outcome, [fate for fate in fates if fate.outcome == outcome][:examples], _how)
    _show("refused by the verifiers", [fate for fate in fates if fate.refused][:examples], _why)
    return 0


def _listed_price(model: str) -> Prices | None:
    """From LiteLLM's table; models that run here, or have no name, cost nothing that it could know of."""
    if not model or model.startswith("local/") or model in ("scripted", "simulated", "replay"):
        return None
    from stepflow.adapters.backends.litellm import prices

    return prices(model)


def _tell(sums: Account, fates: Sequence[Fate], skipped: Sequence[Skipped]) -> None:
    row = "{:<12} {:>9} {:>8} {:>13}"
    click.secho(row.format("outcome", "requests", "share", "tokens saved"), bold=True)
    for outcome, count in sums.outcomes.items():
        saved = sum(fate.saved.total for fate in fates if fate.outcome == outcome)
        click.echo(row.format(outcome, count, f"{count / sums.requests:.1%}", f"{saved:,}" if saved else ""))
    click.echo(row.format("all", sums.requests, "", f"{sums.saved.total:,}"))
    click.echo()
    share = f" ({sums.saved.total / sums.logged.total:.1%})" if sums.logged.total else ""
    click.echo(f"tokens: {sums.saved.total:,} of {sums.logged.total:,} saved{share}, those of patches not counted")
    if sums.estimated:
        click.echo(f"        {sums.estimated} lines do not say their tokens; they were estimated")
    if sums.saved_dollars is not None and sums.logged_dollars is not None:
        click.echo(f"money:  {_money(sums.saved_dollars)} of {_money(sums.logged_dollars)} saved")
    if sums.unpriced and any(sums.unpriced):
        click.echo(
            f"        no price is known for {', '.join(filter(None, sums.unpriced))}; see --price-in, --price-out"
        )
    click.echo(f"rules:  own {sums.owned} of {sums.requests} requests, and refuse {sums.refused} of the logged answers")
    if sums.from_fallback:
        click.echo(f"        {sums.from_fallback} hits would have reused a rule's deterministic fallback")
    for why, lines in _by_reason(skipped).items():
        where = f"line {lines[0]}" if len(lines) == 1 else f"{len(lines)} lines, the first is line {lines[0]}"
        click.echo(f"skipped {where}: {why}", err=True)


def _by_reason(skipped: Sequence[Skipped]) -> dict[str, list[int]]:
    """The numbers of the lines that were skipped, by reason; what was skipped most comes first."""
    lines: dict[str, list[int]] = {}
    for each in skipped:
        lines.setdefault(each.why, []).append(each.line)
    return dict(sorted(lines.items(), key=lambda each: -len(each[1])))


def _money(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= 1 or not dollars else f"${dollars:.2g}"


def _show(title: str, fates: Sequence[Fate], tell: Callable[[Fate], Sequence[tuple[str, str]]]) -> None:
    if fates:
        click.secho(f"\n{title}", bold=True)
    for fate in fates:
        click.echo(f"  line {fate.entry.line}")
        for name, text in tell(fate):
            if text:
                shown = text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
                first, *more = shown.splitlines() or [""]
                click.echo(f"    {name:<8} {first}")
                for line in more:
                    click.echo(f"    {'':<8} {line}")


def _how(fate: Fate) -> Sequence[tuple[str, str]]:
    return (
        ("prompt", fate.entry.request.prompt),
        ("from", fate.source),
        ("served", fate.served),
        ("because", fate.skip_reason),
    )


def _why(fate: Fate) -> Sequence[tuple[str, str]]:
    return ("prompt", fate.entry.request.prompt), ("answer", fate.entry.answer), ("because", fate.refused)


def _plain(fate: Fate) -> dict[str, Any]:
    return {
        "line": fate.entry.line,
        "prompt": fate.entry.request.prompt,
        "outcome": fate.outcome,
        "rule": fate.rule or None,
        "refused": fate.refused or None,
        "skip_reason": fate.skip_reason or None,
        "reuse_of_fallback": fate.from_fallback,
        "source": fate.source or None,
        "served": fate.served or None,
        "tokens": fate.entry.usage.total,
        "saved": fate.saved.total,
    }
