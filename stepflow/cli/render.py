"""How outcomes and diagnostics read on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

from stepflow import traces
from stepflow.model import Outcome
from stepflow.source import Diagnostic, render
from stepflow.values import encode_plain

COLOURS = {
    "exact": "green", "reuse": "green", "rewrite": "green", "patch": "cyan", "skip_reuse": "yellow", "miss": "yellow",
    "passthrough": "magenta", "verified": "green", "fallback": "cyan", "unverified": "red",
}  # fmt: skip


def account(outcome: Outcome) -> str:
    """One line: outcome, final, rule, steps, calls, tokens, milliseconds, trace."""
    parts: list[str] = [outcome.outcome, outcome.final]
    if outcome.rule:
        parts.append(outcome.rule)
    if outcome.skip_reason:
        parts.append(f"skipped for {outcome.skip_reason}")
    if outcome.origin != "model" and outcome.outcome != "passthrough":
        parts.append(f"written by {outcome.origin}")
    parts += [
        f"steps {outcome.kept} kept, {outcome.patched} patched",
        f"{outcome.calls} call{'' if outcome.calls == 1 else 's'}, {outcome.usage.total} tokens",
        f"{outcome.seconds * 1000:.0f} ms",
    ]
    if outcome.trace:
        parts.append(f"trace {outcome.trace}")
    return " · ".join(parts)


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


def show_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics on stderr, one after the other, each with its source line."""
    for diagnostic in diagnostics:
        head, _, rest = render(diagnostic).partition("\n")
        click.secho(head, fg="red" if diagnostic.severity == "error" else "yellow", bold=True, err=True)
        if rest:
            click.echo(rest, err=True)


def diagnostic_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as plain JSON, for editors and CI."""
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "path": span.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "hints": list(diagnostic.hints),
        "in": diagnostic.breadcrumb,
    }


def coloured(name: str, width: int = 0) -> str:
    """An outcome's or final's name in its colour."""
    return click.style(name.ljust(width), fg=COLOURS.get(name))
