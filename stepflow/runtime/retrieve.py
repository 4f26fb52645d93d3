"""Candidates for a prompt, gated and verified: the best of them, or why each was refused."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from stepflow.model import Record
from stepflow.protocols import Candidate, Nomination
from stepflow.runtime.effects import Effect, Nominate, Reply
from stepflow.runtime.extract import Task
from stepflow.runtime.gate import Objection, object_after, object_before, object_unchecked
from stepflow.runtime.record import Keys
from stepflow.runtime.rewrite import Change, Rewritten, rewrite
from stepflow.runtime.run import Run
from stepflow.runtime.verify import Examination, examine


@dataclass(frozen=True, slots=True)
class Offer:
    """A candidate, what the verifiers say of its steps, and the reason why it may not be used (empty when it may).

    `changes` are the steps that were rewritten; the examination is of the steps after that. `failed_steps` are those
    that failed as they were stored.
    """

    candidate: Candidate
    examination: Examination | None
    refusal: str
    changes: tuple[Change, ...] = ()
    failed_steps: tuple[int, ...] = ()

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Usable before refused; one that passes whole before others; then by the share of steps that pass."""
        if self.examination is None:
            return not self.refusal, False, 0.0
        return not self.refusal, self.examination.passed, self.examination.pass_ratio

    @property
    def is_sound(self) -> bool:
        """Whether it may be served without a call, rewritten or not."""
        return self.rank[:2] == (True, True)

    @property
    def is_ready(self) -> bool:
        """Whether it may be served as it is stored."""
        return self.is_sound and not self.changes


def choose(run: Run, task: Task, keys: Keys) -> Generator[Effect, Reply, Offer | None]:
    """The first candidate that passes as it is stored, else the best one; None when nothing was nominated.

    Equal hashes are asked first, then likeness: also when what the hashes found does not pass, because the newest of
    many prompts of one wording need not be the nearest.
    """
    if not run.has("retrieve"):
        run.journal.add("retrieve", "no candidate is looked for: the pipeline leaves this stage out")
        return None
    best: Offer | None = None
    seen: set[str] = set()
    for by_hash in (True, False) if run.plan.retrieve.skeleton else (False,):
        nomination = yield _question(run, task, keys, by_hash=by_hash)
        assert isinstance(nomination, Nomination)
        for note in nomination.notes:
            run.journal.add("retrieve", note)
        for candidate in nomination.candidates:
            if candidate.record.id in seen:
                continue
            seen.add(candidate.record.id)
            offer = _consider(run, task, keys, candidate)
            if best is None or offer.rank > best.rank:
                best = offer
            if offer.is_ready:
                return offer
        likeness_asked = all(candidate.found_by == "similarity" for candidate in nomination.candidates)
        if likeness_asked or (best is not None and best.is_sound):
            break
    if best is None:
        run.journal.add("retrieve", "no candidate")
    return best


def _question(run: Run, task: Task, keys: Keys, *, by_hash: bool) -> Nominate:
    reuse, settings = task.rule.reuse, run.plan.retrieve
    return Nominate(
        keys.namespace,
        keys.signature,
        keys.skeleton,
        task.request.prompt,
        reuse.top_k or settings.top_k,
        reuse.min_similarity if reuse.min_similarity is not None else settings.min_similarity,
        by_hash,
    )


def _consider(run: Run, task: Task, keys: Keys, candidate: Candidate) -> Offer:
    record = candidate.record
    run.journal.add(
        "retrieve",
        f"candidate {record.id} found by {candidate.found_by}",
        record=record.id,
        found_by=candidate.found_by,
        similarity=round(candidate.similarity, 4),
        prompt=record.prompt,
        origin=record.origin,
    )
    objection = object_before(task, keys.words, record)
    if objection is not None:
        return Offer(candidate, None, _refused(run, record, objection))
    examination = examine(task, record.steps, record)
    run.journal.add_verdicts("verify", examination.verdicts)
    failed_steps = examination.failed_steps
    rewritten = _rewritten(run, task, examination, record)
    examination = rewritten.examination
    objection = (
        object_after(task, record, examination.pass_ratio)
        or _objection_of_check(examination)
        or object_unchecked(task, record, examination.covers(task.rule))
    )
    refusal = "" if objection is None else _refused(run, record, objection)
    return Offer(candidate, examination, refusal, rewritten.changes, failed_steps)


def _rewritten(run: Run, task: Task, examination: Examination, record: Record) -> Rewritten:
    """The candidate after the rule's rewriters; as it is when it passes, or nothing rewrites here."""
    drops = any(verdict.on_fail == "drop" for verdict in examination.failures)
    if examination.passed or not (task.rule.rewrite or drops) or not run.has("rewrite"):
        return Rewritten(examination)
    rewritten = rewrite(task, examination, record)
    rewritten.note(run.journal)
    if not rewritten.changes:
        run.journal.add("rewrite", "no rewriter proposes anything that passes")
    return rewritten


def _refused(run: Run, record: Record, objection: Objection) -> str:
    run.journal.add(
        "gate",
        f"candidate {record.id} is refused: {objection}",
        record=record.id,
        reason=objection.reason,
        where=objection.where,
    )
    return objection.reason


def _objection_of_check(examination: Examination) -> Objection | None:
    """A failed check that forbids reuse, or one on the whole answer that asks for repair while every step passes."""
    for verdict in examination.failures:
        alone = verdict.on_fail == "repair" and not examination.failed_steps
        if verdict.on_fail in {"skip_reuse", "fallback"} or alone:
            return Objection(verdict.check, verdict.reason, verdict.where)
    return None
