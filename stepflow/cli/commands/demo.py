"""`stepflow demo`: a dozen prompts on a real model, with stepflow and without, side by side."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from stepflow.cli.locate import pipeline_path
from stepflow.cli.render import coloured

if TYPE_CHECKING:
    from stepflow.engine import Pipeline
    from stepflow.model import Outcome

PROMPTS: tuple[tuple[str, str], ...] = (
    ("a first request", "Solve 2x + 3 = 11 for x."),
    ("reworded", "Please solve for x: 2x+3 = 11"),
    ("reworded", "What value of x makes 2x + 3 = 11 true?"),
    ("repeated", "Solve 2x + 3 = 11 for x."),
    ("a constant changed", "Solve 2x + 3 = 15 for x."),
    ("another shape", "Find y: 5 - 2y = 3(y + 1)"),
    ("a first request", "Return a JSON object with keys name, age and breed about a dog named Rex."),
    ("reworded", "Give me a JSON object about a dog named Rex with the fields: name, age, breed"),
    ("a key added", "Return a JSON object with keys name, age, breed and owner about a dog named Rex."),
    ("another topic", "Return a JSON object with keys name, age and breed about a cat named Tom."),
    ("repeated", "Return a JSON object with keys name, age and breed about a cat named Tom."),
    ("no rule owns it", "Write one sentence about the sea."),
)
ROW = "{:<19} {:<53} {:<11} {:<10} {:>5} {:>5} {:>6} {:>6}"


@dataclass(frozen=True, slots=True)
class Plain:
    """What the model alone gave: tokens, seconds, and whether the rule's verifiers accept it (None: no rule)."""

    tokens: int
    seconds: float
    right: bool | None


@click.command()
@click.option("-p", "--pipeline", metavar="FILE", help="The pipeline; default: pipelines/default.yaml.")
@click.option("--model", metavar="NAME", help="Another model than the pipeline's.")
@click.option("--max-tokens", type=click.IntRange(16), default=160, show_default=True, help="Longest reply.")
def command(pipeline: str | None, model: str | None, max_tokens: int) -> int:
    """Send a dozen prompts through a pipeline and to the model alone, and compare.

    The store is empty at the start and gone at the end; the traces stay.
    """
    from stepflow.engine import load

    backend = {"max_tokens": max_tokens, **({"model": model} if model else {})}
    with tempfile.TemporaryDirectory(prefix="stepflow-demo-") as store:
        overrides = {"backend": backend, "store": {"path": store}}
        with load(pipeline_path(pipeline), overrides) as loaded:
            click.echo(f"model {loaded.backend.model}, pipeline {loaded.plan.path}, an empty store\n")
            click.secho(ROW.format("what", "prompt", "outcome", "final", "kept", "calls", "tokens", "s"), bold=True)
            outcomes = [_run(loaded, what, prompt) for what, prompt in PROMPTS]
            click.echo("\nThe same prompts to the model alone …")
            plain = [_ask(loaded, prompt) for _, prompt in PROMPTS]
    _totals(outcomes, plain)
    _story(outcomes)
    return 0


def _run(loaded: Pipeline, what: str, prompt: str) -> Outcome:
    outcome = loaded.run(prompt)
    shown = prompt if len(prompt) <= 53 else prompt[:52] + "…"
    cells = ROW.format(
        what,
        shown,
        "{}",
        "{}",
        outcome.kept,
        outcome.calls,
        outcome.usage.total,
        f"{outcome.seconds:.2f}",
    )
    # Colour codes have no width on screen, so they go in after the columns are laid out.
    wide = cells.replace("{}" + " " * 9, "{}", 1).replace("{}" + " " * 8, "{}", 1)
    click.echo(wide.format(coloured(outcome.outcome, 11), coloured(outcome.final, 10)))
    return outcome


def _ask(loaded: Pipeline, prompt: str) -> Plain:
    from stepflow.model import Message
    from stepflow.protocols import Call

    started = time.perf_counter()
    completion = loaded.backend.complete(Call((Message("user", prompt),)))
    return Plain(completion.usage.total, time.perf_counter() - started, loaded.accepts(prompt, completion.text))


def _totals(outcomes: Sequence[Outcome], plain: Sequence[Plain]) -> None:
    ruled = [outcome for outcome in outcomes if outcome.rule is not None]
    sound = sum(outcome.final != "unverified" for outcome in ruled)
    right = sum(each.right is True for each in plain)
    line = "{:<16} {:>14} {:>14}"
    rows = (
        ("", "with stepflow", "model alone"),
        ("model calls", sum(outcome.calls for outcome in outcomes), len(plain)),
        ("tokens", sum(outcome.usage.total for outcome in outcomes), sum(each.tokens for each in plain)),
        ("seconds", f"{sum(o.seconds for o in outcomes):.1f}", f"{sum(each.seconds for each in plain):.1f}"),
        (
            "median seconds",
            f"{_median([o.seconds for o in outcomes]):.3f}",
            f"{_median([p.seconds for p in plain]):.3f}",
        ),
        ("answers verified", f"{sound} of {len(ruled)}", f"{right} of {len(ruled)}"),
    )
    click.echo()
    for row in rows:
        click.echo(line.format(*map(str, row)))
    fallbacks = sum(outcome.origin == "fallback" for outcome in ruled)
    if fallbacks:
        click.echo(
            f"\n{fallbacks} of the {sound} are the rule's deterministic fallback or its reuse (final: fallback): "
            "the model failed there, also after repair."
        )


def _story(outcomes: Sequence[Outcome]) -> None:
    """The trace of the request that shows most, and what to try next."""
    ranking = {"patch": 3, "skip_reuse": 2, "reuse": 1}
    chosen = max(outcomes, key=lambda outcome: ranking.get(outcome.outcome, 0))
    if not chosen.trace:
        return
    click.secho(f"\nWhy was that a {chosen.outcome}?  $ stepflow trace {chosen.trace}\n", bold=True)
    from stepflow import traces
    from stepflow.cli.commands.trace import tell, trace_folder

    click.echo(tell(traces.read(trace_folder(None), chosen.trace)))
    click.secho("\nTry next", bold=True)
    click.echo('  stepflow run "Solve 7 - 3t = 1 for t."      one answer, its account on stderr')
    click.echo("  stepflow trace                              why it came out so")
    click.echo("  stepflow test -v                            the rules' own tests, offline")


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
