"""May this record be considered for this prompt at all? A refusal has a name, shown in the trace as `skip_reason`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepflow.model import Record
from stepflow.notation import Missing
from stepflow.plan import Refusal, Rule
from stepflow.runtime.extract import Task


@dataclass(frozen=True, slots=True)
class Objection:
    """A reason against a record: its name, what it is about, and the `file:line` that it comes from."""

    reason: str
    detail: str = ""
    where: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


def object_before(task: Task, content: tuple[str, ...], record: Record) -> Objection | None:
    """The first objection to this record, before its steps are verified."""
    if record.prompt != task.request.prompt:
        objection = _guarded(task, content, record)
        if objection is not None:
            return objection
    return _skip(task.rule.reuse.skip_when, task, record, None)


def object_unchecked(task: Task, record: Record, covered: frozenset[str]) -> Objection | None:
    """The objection that a constraint has changed which no check has looked at (its `when` did not hold)."""
    if record.prompt == task.request.prompt:
        return None
    known = covered | task.rule.compared
    names = task.values.keys() | record.constraints.keys()
    changed = sorted(name for name in names - known if task.values.get(name) != record.constraints.get(name))
    if not changed:
        return None
    return Objection("unguarded-constraint", f"no check has looked at {', '.join(changed)}", task.rule.path)


def object_after(task: Task, record: Record, pass_ratio: float) -> Objection | None:
    """The same once the share of passing steps is known."""
    return _skip(task.rule.reuse.skip_when, task, record, pass_ratio)


def _guarded(task: Task, content: tuple[str, ...], record: Record) -> Objection | None:
    """Objections that hold between different prompts only."""
    rule: Rule = task.rule
    if not task.constraints:
        return Objection("no-constraints", "the prompt fixes nothing that could be verified", rule.path)
    if rule.unguarded:
        where = next(reading.where for reading in rule.constraints if reading.name == rule.unguarded[0])
        return Objection("unguarded-constraint", f"nothing checks {', '.join(rule.unguarded)}", where)
    if rule.reuse.guard == "same_words":
        if content != record.words:
            return Objection("same_words", differing(content, record.words), rule.reuse.where or rule.path)
        lone = sorted(task.constraints.keys() ^ record.constraints.keys())
        if lone:
            only = f"only one of the prompts fixes {', '.join(lone)}"
            return Objection("same_words", only, rule.reuse.where or rule.path)
    return None


def differing(here: Sequence[str], there: Sequence[str]) -> str:
    """In which words two prompts differ, outside of what their constraints have read."""
    more, fewer = Counter(here) - Counter(there), Counter(there) - Counter(here)
    said = [
        f"only {whose} says {', '.join(map(repr, words.elements()))}"
        for whose, words in (("this prompt", more), ("the stored one", fewer))
        if words
    ]
    return "; ".join(said) or f"in another order: {' '.join(here)!r} here, {' '.join(there)!r} there"


def _skip(conditions: tuple[Refusal, ...], task: Task, record: Record, pass_ratio: float | None) -> Objection | None:
    names: dict[str, Any] = {**task.names, "cached": _cached(record)}
    if pass_ratio is not None:
        names["pass_ratio"] = pass_ratio
    for refusal in conditions:
        try:
            holds = _holds(refusal, task.request.prompt, names, decided=pass_ratio is not None)
        except Exception as error:  # what cannot be decided speaks against the record
            return Objection(refusal.name, f"it cannot be decided: {error}", refusal.where)
        if holds:
            return Objection(refusal.name, "", refusal.where)
    return None


def _holds(refusal: Refusal, prompt: str, names: Mapping[str, Any], *, decided: bool) -> bool:
    """Whether a condition holds; one that needs the verdicts waits for them. Raises when it cannot be decided."""
    try:
        return refusal.condition.holds(prompt, names)
    except Missing:
        if decided:
            raise
        return False


def _cached(record: Record) -> dict[str, Any]:
    return {"constraints": record.constraints, "let": record.let, "prompt": record.prompt}
