"""Candidates for a prompt, gated and verified: the best of them, or why each was refused."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

from stepflow.model import Record, Verdict
from stepflow.protocols import Candidate, Nomination
from stepflow.runtime.effects import Effect, Nominate, Reply
from stepflow.runtime.extract import Task
from stepflow.runtime.gate import Objection, object_after, object_before, object_unchecked
from stepflow.runtime.record import Keys
from stepflow.runtime.rewrite import Budget, Change, rewrite
from stepflow.runtime.run import Run
from stepflow.runtime.verify import Examination, examine, examine_or_stop
from stepflow.runtime.wording import form
from stepflow.values import show


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
    def passes(self) -> bool:
        """Whether its answer passes, rewritten or not."""
        return self.examination is not None and self.examination.passed

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Usable before refused; one that passes whole before others; then by the share of steps that pass."""
        return not self.refusal, self.passes, self.examination.pass_ratio if self.examination is not None else 0.0

    @property
    def is_sound(self) -> bool:
        """Whether it may be served without a call, rewritten or not."""
        return self.passes and not self.refusal


def choose(run: Run, task: Task, keys: Keys) -> Generator[Effect, Reply, Offer | None]:
    """The first candidate that passes as it is stored, else the first that does rewritten, else the best one; None when
    nothing was nominated.

    Equal hashes are asked first, then likeness: also when what the hashes found does not pass, because the newest of
    many prompts of one wording need not be the nearest.
    """
    if not run.has("retrieve"):
        run.journal.add("retrieve", "no candidate is looked for: the pipeline leaves this stage out")
        return None
    offers: list[Offer] = []
    seen: set[str] = set()
    budget = Budget()
    for by_hash in (True, False) if run.plan.retrieve.skeleton else (False,):
        nomination = yield _question(run, task, keys, by_hash=by_hash)
        assert isinstance(nomination, Nomination)
        for note in nomination.notes:
            run.journal.add("retrieve", note)
        new = [candidate for candidate in nomination.candidates if candidate.record.id not in seen]
        seen.update(candidate.record.id for candidate in new)
        for offer in _offers(run, task, keys, new, budget):
            if offer.is_sound:
                return offer
            offers.append(offer)
        if all(candidate.found_by == "similarity" for candidate in nomination.candidates):
            break
    if not offers:
        run.journal.add("retrieve", "no candidate")
    return max(offers, key=lambda offer: offer.rank, default=None)


def _offers(run: Run, task: Task, keys: Keys, candidates: list[Candidate], budget: Budget) -> Iterator[Offer]:
    """Each candidate once: as it is stored where that is refused or passes, else as far as rewriting goes."""
    failing: list[Offer] = []
    for candidate in candidates:
        offer = _as_stored(run, task, keys, candidate, in_full=len(candidates) == 1)
        if offer.refusal or offer.passes:
            yield offer
        else:
            failing.append(offer)
    yield from _rewritten(run, task, failing, budget)


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


def _as_stored(run: Run, task: Task, keys: Keys, candidate: Candidate, *, in_full: bool) -> Offer:
    """The candidate as it is stored. Of one that fails, only the first failure is found out unless `in_full`."""
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
    found = (examine if in_full else examine_or_stop)(task, record.steps, record)
    if isinstance(found, Verdict):
        run.journal.add("verify", f"candidate {record.id} fails as it is stored: {found.reason}", record=record.id)
        return Offer(candidate, None, "")
    offer = _examined(run, candidate, found)
    return _judged(run, task, offer) if offer.passes else offer


def _examined(run: Run, candidate: Candidate, examination: Examination) -> Offer:
    run.journal.add_verdicts("verify", examination.verdicts)
    return Offer(candidate, examination, "", failed_steps=examination.failed_steps)


def _rewritten(run: Run, task: Task, offers: list[Offer], budget: Budget) -> Iterator[Offer]:
    """Failing candidates after the rule's rewriters, those first that have least to change; then judged.

    The likeliest rewriting of each comes before all the others of any.
    """
    left: list[Offer] = []
    for offer in sorted(offers, key=lambda offer: _distance(task, offer.candidate.record)):
        examined = offer
        if offer.examination is None:
            record = offer.candidate.record
            run.journal.add("verify", f"the steps of candidate {record.id}, one by one:", record=record.id)
            examined = _examined(run, offer.candidate, examine(task, record.steps, record))
        likeliest = _rewrite(run, task, examined, None)
        if likeliest is None:
            left.append(examined)
        else:
            yield likeliest
    for offer in left:
        yield _rewrite(run, task, offer, budget) or _judged(run, task, offer)


def _distance(task: Task, record: Record) -> tuple[bool, int, int]:
    """Whether the record is a fallback's, which comes last; how many formulas of its request have another form, and how
    many values are others, in this.
    """
    mine, theirs = {**task.values, **task.let}, {**record.constraints, **record.let}
    other = [name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)]
    forms = sum(form(show(mine.get(name))) != form(show(theirs.get(name))) for name in other)
    return record.origin == "fallback", forms, len(other)


def _rewrite(run: Run, task: Task, offer: Offer, budget: Budget | None) -> Offer | None:
    """The candidate with its failing steps rewritten, and judged; None when nothing rewrites here, or nothing passes.

    Without a budget only the likeliest is tried, and must pass whole; within one, steps that pass do, too.
    """
    record, examination = offer.candidate.record, offer.examination
    assert examination is not None
    drops = any(verdict.on_fail == "drop" for verdict in examination.failures)
    if not (task.rule.rewrite or drops) or not run.has("rewrite"):
        return None
    rewritten = rewrite(task, examination, record, budget)
    if budget is None and not rewritten.examination.passed:
        return None
    rewritten.note(run.journal)
    if not rewritten.changes:
        run.journal.add("rewrite", "no rewriter proposes anything that passes")
    return _judged(run, task, replace(offer, examination=rewritten.examination, changes=rewritten.changes))


def _judged(run: Run, task: Task, offer: Offer) -> Offer:
    """The candidate with what speaks against it now that its verdicts are known."""
    record, examination = offer.candidate.record, offer.examination
    assert examination is not None
    objection = (
        object_after(task, record, examination.pass_ratio)
        or _objection_of_check(examination)
        or object_unchecked(task, record, examination.covers(task.rule))
    )
    return offer if objection is None else replace(offer, refusal=_refused(run, record, objection))


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
