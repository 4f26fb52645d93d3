"""Failing steps rewritten without a model call: each rewriter proposes, verification decides.

Steps are taken in order, because a step is verified against those before it. A step for which no proposal passes stays
as it was, and so do the steps after it that depend on it: the patch then has less to ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from stepflow.model import Record, Step
from stepflow.plan import Rewrite
from stepflow.protocols import Rewriting
from stepflow.runtime.extract import Task
from stepflow.runtime.journal import Journal
from stepflow.runtime.segment import NotSegmentable, cut, read_step
from stepflow.runtime.stitch import content, without
from stepflow.runtime.verify import Examination, examine, examine_step, step_names

MAX_PROPOSALS = 200
"""Proposals verified at most for one step, over all rewriters."""


@dataclass(frozen=True, slots=True)
class Change:
    """One step rewritten: by which rewriter, from what to what; a dropped one becomes nothing."""

    step: int
    rewriter: str
    where: str
    before: str
    after: str

    def __str__(self) -> str:
        became = f"becomes {self.after!r}" if self.after else "is surplus, and dropped"
        return f"step {self.step} by {self.rewriter}: {self.before!r} {became}"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The examination after rewriting, and what was changed."""

    examination: Examination
    changes: tuple[Change, ...] = ()

    def note(self, journal: Journal) -> None:
        """Tell what was changed, and the verdicts on what came out."""
        for change in self.changes:
            data = {"step": change.step, "before": change.before, "after": change.after, "where": change.where}
            journal.add("rewrite", str(change), **data)
        if self.changes:
            journal.add_verdicts("verify", self.examination.verdicts)


def rewrite(task: Task, examination: Examination, record: Record) -> Rewritten:
    """Rewrite what fails. The steps that come out are verified like any others, the answer as a whole too."""
    kept, changes = _drop_surplus(task, examination)
    steps = list(kept)
    for position in range(len(steps)):
        if _step_passes(task, steps, position, record):
            continue
        change = _rewrite_step(task, steps, position, record)
        if change is not None:
            changes.append(change)
    whole = examine(task, tuple(steps), record)
    if not whole.passed and not whole.failed_steps:
        whole, more = _rewrite_for_the_whole(task, whole, record)
        changes += more
    return Rewritten(whole, tuple(changes)) if changes else Rewritten(examination)


def without_surplus(task: Task, examination: Examination, record: Record | None = None) -> Rewritten:
    """What a model has just written, without its surplus steps, if it passes then; else as it is."""
    if examination.passed:
        return Rewritten(examination)
    kept, changes = _drop_surplus(task, examination)
    whole = examine(task, kept, record) if changes else examination
    return Rewritten(whole, tuple(changes)) if whole.passed else Rewritten(examination)


def _drop_surplus(task: Task, examination: Examination) -> tuple[tuple[Step, ...], list[Change]]:
    """The steps without those that fail a check with `on_fail: drop`; all of them when none would be left."""
    surplus = {verdict.step: verdict for verdict in examination.failures if verdict.on_fail == "drop"}
    kept = [step for step in examination.steps if step.index not in surplus]
    if not surplus or not kept:
        return examination.steps, []
    rule = task.rule
    text = without(
        examination.steps, [step.index for step in examination.steps if step.index in surplus], rule.segmenter
    )
    try:
        steps = cut(rule, text, "rewrite")
    except NotSegmentable:
        return examination.steps, []
    origins = {content(step, rule.segmenter): step.origin for step in kept}
    changes = [
        Change(step.index, surplus[step.index].check, surplus[step.index].where, step.text, "")
        for step in examination.steps
        if step.index in surplus
    ]
    return tuple(replace(step, origin=origins.get(content(step, rule.segmenter), "rewrite")) for step in steps), changes


def _step_passes(task: Task, steps: list[Step], position: int, record: Record) -> bool:
    return all(verdict.passed or verdict.on_fail == "warn" for verdict in examine_step(task, steps, position, record))


def _rewrite_step(task: Task, steps: list[Step], position: int, record: Record) -> Change | None:
    """Put the first proposal that passes in the place of a step."""
    before = steps[position]
    for rewriter, proposal in _proposals(task, steps, position, record):
        steps[position] = proposal
        if _step_passes(task, steps, position, record):
            return Change(proposal.index, rewriter.id, rewriter.where, before.text, proposal.text)
    steps[position] = before
    return None


def _rewrite_for_the_whole(task: Task, examination: Examination, record: Record) -> tuple[Examination, list[Change]]:
    """When every step passes and the answer as a whole does not: rewrite one more step, the last that helps.

    The last states the answer, so it comes first.
    """
    steps = list(examination.steps)
    for position in reversed(range(len(steps))):
        before = steps[position]
        for rewriter, proposal in _proposals(task, steps, position, record):
            steps[position] = proposal
            whole = examine(task, tuple(steps), record)
            if whole.passed:
                return whole, [Change(proposal.index, rewriter.id, rewriter.where, before.text, proposal.text)]
        steps[position] = before
    return examination, []


def _proposals(task: Task, steps: list[Step], position: int, record: Record) -> Iterator[tuple[Rewrite, Step]]:
    """Every step that the rule's rewriters propose for this one, read like any step; bounded."""
    step = steps[position]
    start = task.rule.segmenter.body(step.text)
    names = step_names(task, steps, position, record)
    rewriting = Rewriting(
        step,
        step.text[start:],
        {**record.constraints, **record.let},
        {**task.values, **task.let},
        names,
    )
    left = MAX_PROPOSALS
    for rewriter in task.rule.rewrite:
        if not _applies(rewriter, rewriting):
            continue
        for text in rewriter.rewriter.rewrite(rewriting):
            if left == 0:
                return
            left -= 1
            yield rewriter, read_step(task.rule, replace(step, text=step.text[:start] + text, origin="rewrite"))


def _applies(rewriter: Rewrite, rewriting: Rewriting) -> bool:
    try:
        return rewriter.when is None or bool(rewriter.when(rewriting.names))
    except ValueError:
        return False
