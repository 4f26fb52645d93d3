"""Failing steps rewritten without a model call: each rewriter proposes, verification decides.

First every failing step takes its likeliest proposal, and the answer is verified as a whole. Where that is not it, the
steps are taken in order, because a step is verified against those before it. A step for which no proposal passes is as
it was, so that the patch has less to ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from stepflow.model import Record, Step
from stepflow.plan import Rewrite
from stepflow.protocols import Rewriting
from stepflow.runtime.extract import Task
from stepflow.runtime.journal import Journal
from stepflow.runtime.segment import NotSegmentable, cut, read_step
from stepflow.runtime.stitch import content, without
from stepflow.runtime.verify import Examination, examine, examine_or_stop, step_names, step_passes

MAX_PROPOSALS = 64
"""Proposals verified at most for one request, over all candidates, steps and rewriters."""


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

    def note(self, journal: Journal, stage: str = "rewrite") -> None:
        """Tell of it in the journal."""
        journal.add(stage, str(self), step=self.step, before=self.before, after=self.after, where=self.where)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The examination after rewriting, and what was changed."""

    examination: Examination
    changes: tuple[Change, ...] = ()

    def note(self, journal: Journal) -> None:
        """Tell what was changed, and the verdicts on what came out."""
        for change in self.changes:
            change.note(journal)
        if self.changes:
            journal.add_verdicts("verify", self.examination.verdicts)


@dataclass(slots=True)
class Budget:
    """How many proposals may still be verified for a request."""

    left: int = MAX_PROPOSALS

    def spend(self) -> bool:
        """Whether one more may be verified; it is counted."""
        self.left -= 1
        return self.left >= 0


def rewrite(task: Task, examination: Examination, record: Record, budget: Budget | None = None) -> Rewritten:
    """Rewrite what fails. The steps that come out are verified like any others, the answer as a whole too.

    Without a budget only the likeliest is tried: that is cheap, and mostly it is right or nothing is.
    """
    kept, dropped = _drop_surplus(task, examination)
    whole = examine(task, kept, record) if dropped else examination
    draft = _Draft(task, record, kept)
    while draft.guess(whole.failed_steps):
        whole = draft.examine()
    if budget is not None and draft.rewriters and whole.failed_steps:
        draft.mend_steps(budget)
        whole = draft.examine()
    if budget is not None and not whole.passed and not whole.failed_steps and draft.mend_whole(budget):
        whole = draft.examine()
    changes = (*dropped, *draft.changes)
    return Rewritten(whole, changes) if changes else Rewritten(examination)


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


@dataclass(slots=True)
class _Draft:
    """A cached answer on its way to a new request: its steps as they were, and as they are by now."""

    task: Task
    record: Record
    before: tuple[Step, ...]
    steps: list[Step] = field(init=False)
    rewriters: dict[int, Rewrite] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.steps = list(self.before)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was changed, step by step."""
        return tuple(
            Change(self.steps[at].index, by.id, by.where, self.before[at].text, self.steps[at].text)
            for at, by in sorted(self.rewriters.items())
        )

    def examine(self) -> Examination:
        """What the verifiers say of the answer as it is now."""
        return examine(self.task, tuple(self.steps), self.record)

    def guess(self, failing: tuple[int, ...]) -> bool:
        """Put the likeliest proposal in the place of each failing step (1-based) that has not got one; whether any has.

        Those behind it may fail only then: they followed from what it was.
        """
        likely = [(index - 1, self._likeliest(index - 1)) for index in failing if index - 1 not in self.rewriters]
        for at, proposal in likely:
            if proposal is not None:
                self._put(at, *proposal)
        return any(proposal is not None for _, proposal in likely)

    def mend_steps(self, budget: Budget) -> None:
        """Give every failing step the first proposal that passes, among those before it and the likeliest behind it.

        When one is left that fails, and with it all behind it are to be asked for, those behind it are left alone.
        """
        patch = self.task.rule.patch
        in_vain = patch is None or patch.scope in ("whole", "from_first_failure")
        for at in range(len(self.steps)):
            if self._step_passes(at) or self._mend(at, budget) or not in_vain:
                continue
            for behind in range(at, len(self.steps)):
                self._restore(behind)
            return

    def mend_whole(self, budget: Budget) -> bool:
        """When every step passes and the answer as a whole does not: rewrite one more step, the last that helps.

        The last states the answer, so it comes first.
        """
        return any(self._mend(at, budget, whole=True) for at in reversed(range(len(self.steps))))

    def _mend(self, at: int, budget: Budget, *, whole: bool = False) -> bool:
        """Put the first proposal that passes, or with which the whole does, in a step's place; else what it was."""
        failing, by = self.steps[at], self.rewriters.get(at)
        self._restore(at)
        for rewriter, proposal in self._proposals(at):
            if proposal.text == failing.text:
                continue
            if not budget.spend():
                break
            self._put(at, rewriter, proposal)
            if self._passes() if whole else self._step_passes(at):
                return True
        self._restore(at)
        if whole and by is not None:
            self._put(at, by, failing)
        return False

    def _passes(self) -> bool:
        found = examine_or_stop(self.task, tuple(self.steps), self.record)
        return isinstance(found, Examination) and found.passed

    def _step_passes(self, at: int) -> bool:
        return step_passes(self.task, self.steps, at, self.record)

    def _put(self, at: int, rewriter: Rewrite, step: Step) -> None:
        self.steps[at] = step
        self.rewriters[at] = rewriter

    def _restore(self, at: int) -> None:
        self.steps[at] = self.before[at]
        self.rewriters.pop(at, None)

    def _likeliest(self, at: int) -> tuple[Rewrite, Step] | None:
        return next(self._proposals(at), None)

    def _proposals(self, at: int) -> Iterator[tuple[Rewrite, Step]]:
        """Every step that the rule's rewriters propose for this one, read like any step."""
        step, rule = self.steps[at], self.task.rule
        start = rule.segmenter.body(step.text)
        rewriting = Rewriting(
            step,
            step.text[start:],
            {**self.record.constraints, **self.record.let},
            {**self.task.values, **self.task.let},
            step_names(self.task, self.steps, at, self.record),
        )
        for rewriter in rule.rewrite:
            if _applies(rewriter, rewriting):
                for text in rewriter.rewriter.rewrite(rewriting):
                    yield rewriter, read_step(rule, replace(step, text=step.text[:start] + text, origin="rewrite"))


def _applies(rewriter: Rewrite, rewriting: Rewriting) -> bool:
    try:
        return rewriter.when is None or bool(rewriter.when(rewriting.names))
    except ValueError:
        return False
