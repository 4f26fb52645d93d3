"""How outcomes and diagnostics read on a terminal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from typing import Any

import click

from stepflow import traces
from stepflow.model import Event, Outcome, Verdict
from stepflow.source import Diagnostic, render
from stepflow.values import encode_plain

COLOURS = {
    "exact": "green", "reuse": "green", "rewrite": "green", "patch": "cyan", "skip_reuse": "yellow", "miss": "yellow",
    "passthrough": "magenta", "verified": "green", "fallback": "cyan", "unverified": "red",
}  # fmt: skip


def account(outcome: Outcome) -> str:
    """One line: outcome, final, rule, steps, calls, tokens, milliseconds, trace."""
    parts: list[str] = [coloured(outcome.outcome), coloured(outcome.final)]
    parts.append(f"shadow of {outcome.shadow}" if outcome.shadow else outcome.rule or "no rule owns this prompt")
    if outcome.skip_reason:
        parts.append(f"skipped for {outcome.skip_reason}")
    if outcome.origin != "model" and outcome.outcome != "passthrough":
        parts.append(f"written by {outcome.origin}")
    parts += [
        f"steps {outcome.kept} kept, {outcome.patched} patched",
        f"{plural(outcome.calls, 'call')}, {plural(outcome.usage.total, 'token')}",
        f"{outcome.seconds * 1000:.0f} ms",
    ]
    if outcome.trace:
        parts.append(f"trace {outcome.trace}")
    return " · ".join(parts)


def grounds(outcome: Outcome) -> list[str]:
    """Why no rule owns the prompt, no stored answer is used, or nothing passes, with the line of YAML; mostly empty."""
    if (outcome.shadow or outcome.outcome) == "passthrough":
        declined = (event for event in outcome.journal if "declined" in event.data and "rest" in event.data)
        return [_ground(event) for event in declined]
    refused = [event for event in outcome.journal if event.stage == "gate" and "record" in event.data]
    if outcome.shadow:
        return [_ground(event) for event in refused][-1:] if outcome.shadow == "model" else []
    said = [_ground(event) for event in refused if event.data.get("reason") == outcome.skip_reason][:1]
    if outcome.final == "unverified":
        said += [_failure(verdict) for verdict in outcome.verdicts if not verdict.passed and verdict.on_fail != "warn"]
    return said


def _failure(verdict: Verdict) -> str:
    place = "the answer" if verdict.step is None else f"step {verdict.step}"
    where = f"   [{verdict.where}]" if verdict.where else ""
    return f"{place}: {verdict.check} fails: {verdict.reason}{where}"


def _ground(event: Event) -> str:
    return f"{event.message}   [{event.data['where']}]" if event.data.get("where") else event.message


def outcome_json(outcome: Outcome) -> str:
    """The outcome as one JSON object."""
    data: dict[str, Any] = {
        "answer": outcome.answer,
        **traces.summary(outcome),
        "constraints": encode_plain(outcome.constraints),
        "let": encode_plain(outcome.let),
        "trace": outcome.trace or None,
    }
    return json.dumps(data, ensure_ascii=False)


def show_diagnostics(diagnostics: Iterable[Diagnostic], *, err: bool = True) -> None:
    """Print diagnostics, each with its source line, an empty line between two."""
    for number, diagnostic in enumerate(diagnostics):
        head, _, rest = render(diagnostic).partition("\n")
        if number:
            click.echo(err=err)
        click.secho(head, fg="red" if diagnostic.severity == "error" else "yellow", bold=True, err=err)
        if rest:
            click.echo(rest, err=err)


def plural(number: int, noun: str) -> str:
    """'1 call', '2 calls'."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def short(text: str, taken: int, width: int | None = None) -> str:
    """The text on one line, cut to what is left of the terminal's width (100 where there is none)."""
    flat = " ".join(text.split())
    room = max((width or shutil.get_terminal_size((100, 24)).columns) - taken, 20)
    return flat if len(flat) <= room else flat[: room - 1] + "…"


def coloured(name: str, width: int = 0) -> str:
    """An outcome's or final's name in its colour."""
    return click.style(name.ljust(width), fg=COLOURS.get(name))
