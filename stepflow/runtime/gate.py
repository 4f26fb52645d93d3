"""May this record be considered for this prompt at all? A refusal has a name, shown in the trace as `skip_reason`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepflow.model import Record
from stepflow.plan import Refusal, Rule
from stepflow.protocols import Missing
from stepflow.runtime.extract import Task


def refuse_before(task: Task, content: tuple[str, ...], record: Record) -> str:
    """The name of the first reason against this record, before its steps are verified; empty when there is none."""
    rule = task.rule
    if record.prompt != task.request.prompt:
        reason = _guarded(rule, content, record)
        if reason:
            return reason
    return _skip(rule.reuse.skip_when, task, record, None)


def refuse_after(task: Task, record: Record, pass_ratio: float) -> str:
    """The same once the share of passing steps is known."""
    return _skip(task.rule.reuse.skip_when, task, record, pass_ratio)


def _guarded(rule: Rule, content: tuple[str, ...], record: Record) -> str:
    """Reasons that hold between different prompts only."""
    if not rule.constraints:
        return "no-constraints"
    if rule.unguarded:
        return "unguarded-constraint"
    if rule.reuse.guard == "same_words" and content != record.words:
        return "same_words"
    return ""


def _skip(conditions: tuple[Refusal, ...], task: Task, record: Record, pass_ratio: float | None) -> str:
    names: dict[str, Any] = {**task.names, "cached": _cached(record)}
    if pass_ratio is not None:
        names["pass_ratio"] = pass_ratio
    for refusal in conditions:
        if _holds(refusal, task.request.prompt, names, decided=pass_ratio is not None):
            return refusal.name
    return ""


def _holds(refusal: Refusal, prompt: str, names: Mapping[str, Any], *, decided: bool) -> bool:
    """A condition that needs the verdicts waits for them; one that cannot be decided at all holds."""
    try:
        return refusal.condition.holds(prompt, names)
    except Missing:
        return decided
    except Exception:
        return True


def _cached(record: Record) -> dict[str, Any]:
    return {"constraints": record.constraints, "let": record.let, "prompt": record.prompt}
