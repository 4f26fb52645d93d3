"""Which parts of a rule its tests have exercised: what could happen in a run, and whether it did.

A part is one thing that a run can do with a rule: find a constraint or take its default, refuse a prompt, pass or fail
a verifier, refuse a candidate, rewrite, patch, repair, fall back. Nothing is traced: the evidence is what the tests'
runs write into their journals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stepflow.model import Event
from stepflow.plan import Rule
from stepflow.runtime.extract import Task
from stepflow.testing import Evidence


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that can happen: a sentence for what has not, and the `file:line` that it is about."""

    name: str
    where: str
    exercised: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """The parts of a rule."""

    rule: str
    path: str
    parts: tuple[Part, ...]

    @property
    def missing(self) -> tuple[Part, ...]:
        """What no test has shown."""
        return tuple(part for part in self.parts if not part.exercised)

    @property
    def percent(self) -> int:
        """The share of parts exercised, rounded down: 100 means all of them."""
        return percent([self])


def percent(coverages: Sequence[Coverage]) -> int:
    """The share of exercised parts of several rules, rounded down; 100 when there are none."""
    parts = [part for coverage in coverages for part in coverage.parts]
    return 100 * sum(part.exercised for part in parts) // len(parts) if parts else 100


def measure(rule: Rule, evidence: Evidence) -> Coverage:
    """What the evidence shows of a rule."""
    parts = (*_reading(rule, evidence), *_judging(rule, evidence), *_mending(rule, evidence))
    return Coverage(rule.id, rule.path.rpartition(":")[0], parts)


def _reading(rule: Rule, evidence: Evidence) -> Iterator[Part]:
    for reading in rule.constraints:
        states = {_state(task, reading.name) for task in evidence.tasks}
        yield Part(f"constraint {reading.name} is found", reading.where, "found" in states)
        if reading.default is not None:
            yield Part(f"constraint {reading.name} takes its default", reading.where, "default" in states)
        elif reading.optional:
            yield Part(f"constraint {reading.name} is not there", reading.where, "absent" in states)
    for refusal in rule.unless:
        said = f"`unless` holds: {refusal.name}"
        held = any(each == said or each.startswith(f"{said}: ") for each in evidence.refusals)
        yield Part(f"unless {refusal.name} holds", refusal.where, held)


def _state(task: Task, name: str) -> str:
    constraint = task.constraints.get(name)
    if constraint is None:
        return "absent"
    default = next(reading.default for reading in task.rule.constraints if reading.name == name)
    is_default = default is not None and not constraint.spans and constraint.value == default.value
    return "default" if is_default else "found"


def _judging(rule: Rule, evidence: Evidence) -> Iterator[Part]:
    verdicts = set(evidence.verdicts)
    verdicts |= {(event.data["check"], event.data["passed"]) for event in evidence.events if "check" in event.data}
    for check in rule.checks:
        yield Part(f"verifier {check.id} passes", check.where, (check.id, True) in verdicts)
        yield Part(f"verifier {check.id} fails", check.where, (check.id, False) in verdicts)


def _mending(rule: Rule, evidence: Evidence) -> Iterator[Part]:
    reasons = {event.data.get("reason") for event in evidence.events if event.stage == "gate"}
    for refusal in rule.reuse.skip_when:
        yield Part(f"skip_when {refusal.name} holds", refusal.where, refusal.name in reasons)
    asked = {event.stage for event in evidence.events if "sent" in event.data}
    rewriters = {event.data.get("where") for event in evidence.events if event.stage == "rewrite"}
    for rewriter in rule.rewrite:
        yield Part(f"rewrite {rewriter.id} changes a step", rewriter.where, rewriter.where in rewriters)
    if rule.patch is not None and any(check.scope == "step" and check.on_fail == "patch" for check in rule.checks):
        yield Part("a step is patched", rule.path, "patch" in asked)
    if rule.repair is not None:
        yield Part("an answer is repaired", rule.path, "repair" in asked)
    if rule.fallback.type == "template":
        yield Part("the fallback is served", rule.path, any(map(_is_served, evidence.events)))


def _is_served(event: Event) -> bool:
    return event.stage == "fallback" and "text" in event.data
