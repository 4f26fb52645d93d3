"""The flow, once: Plan + Request to Outcome. It does no I/O; it yields effects and receives their results.

exact? → claim a rule, extract constraints → retrieve, gate, verify
  → all steps pass ─────────────────────→ serve
  → some fail → rewrite → patch ────────→ serve, record
  → refused, or nothing found → generate → repair → fallback → serve, record
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from stepflow.errors import UnverifiedAnswer
from stepflow.model import Answered, Event, Final, Origin, Outcome, OutcomeName, Record, Request, Usage
from stepflow.plan import Plan
from stepflow.runtime.effects import Effect, Link, Looked, Lookup, Reply, Save, Saved
from stepflow.runtime.extract import Task, claim
from stepflow.runtime.journal import Journal
from stepflow.runtime.patch import patch
from stepflow.runtime.produce import produce, refuse_broken
from stepflow.runtime.record import Keys, draft_record, request_key
from stepflow.runtime.retrieve import Offer, choose
from stepflow.runtime.run import LimitReached, Run
from stepflow.runtime.segment import NotSegmentable, cut
from stepflow.runtime.verify import Examination, examine, read_answer

Interpretation = Generator[Effect, Reply, Outcome]


def interpret(plan: Plan, request: Request, journal: Journal, understood: Task | None = None) -> Interpretation:
    """Answer one request. Raises `BackendError` and `UnverifiedAnswer`; nothing is stored then.

    `understood` is what its rule has read in it already, where that is known.
    """
    run = Run(plan, request, journal)
    key = request_key(plan.sources, request)
    hit = yield from _exact(run, key)
    if hit is not None:
        return hit
    task = claim(plan, request, journal, understood)
    if task is None:
        if plan.no_match == "error":
            raise UnverifiedAnswer("no rule owns this prompt, and the pipeline says `route: {no_match: error}`")
        return (yield from pass_through(run, "no rule owns the prompt; the model's answer is passed through unchanged"))
    keys = Keys(task, plan.identity, key)
    offer = yield from choose(run, task, keys)
    if offer is not None and not offer.refusal and offer.examination is not None:
        served = yield from _use(run, task, keys, offer, offer.examination)
        if isinstance(served, Outcome):
            return served
        offer = replace(offer, refusal=served)
    return (yield from _in_full(run, task, keys, offer))


def _exact(run: Run, key: str) -> Generator[Effect, Reply, Outcome | None]:
    if not run.has("exact"):
        run.journal.add("exact", "no stored answer is looked up: the pipeline leaves this stage out")
        return None
    looked = yield Lookup(key)
    assert isinstance(looked, Looked)
    for note in looked.notes:
        run.journal.add("exact", note)
    if looked.answered is None:
        run.journal.add("exact", "exactly this request has no stored answer")
        return None
    outcome = exact_outcome(looked.answered, run.journal)
    if outcome.value is not None:
        return outcome
    rule = next((rule for rule in run.plan.rules if rule.id == outcome.rule), None)
    answer = None if rule is None else read_answer(rule, outcome.answer)[0]
    return outcome if answer is None else replace(outcome, value=answer.get("value"))


def exact_outcome(answered: Answered, journal: Journal) -> Outcome:
    """The outcome of a request that was answered before, verified under the same files."""
    journal.add(
        "exact", f"record {answered.id} answers exactly this request", record=answered.id, origin=answered.origin
    )
    return Outcome(
        answered.answer,
        "exact",
        _final(answered.origin),
        answered.origin,
        rule=answered.rule,
        record=answered.id,
        reused=answered.id,
        kept=answered.steps,
        saved=answered.usage or Usage(),
        constraints=answered.constraints,
        let=answered.let,
        value=answered.value,
        journal=tuple(journal.events),
    )


def pass_through(run: Run, why: str) -> Interpretation:
    """The model's answer as it is. Raises `BackendError`, `UnverifiedAnswer`."""
    run.journal.add("extract", why)
    try:
        completion = yield from run.ask(run.request.messages, "generate", purpose="passthrough")
    except LimitReached as limit:
        raise UnverifiedAnswer(f"no answer: {limit}") from limit
    refuse_broken(completion)
    return Outcome(
        completion.text,
        "passthrough",
        "unverified",
        "model",
        calls=run.calls,
        usage=run.usage,
        journal=tuple(run.journal.events),
    )


def _use(
    run: Run, task: Task, keys: Keys, offer: Offer, examination: Examination
) -> Generator[Effect, Reply, Outcome | str]:
    """Serve the candidate's steps, patched where they fail; or the reason why that did not come about."""
    record = offer.candidate.record
    if examination.passed and offer.changes:
        return (yield from _rewritten(run, task, keys, offer, examination))
    if examination.passed:
        run.journal.add("integrity", "the answer as a whole passes")
        if run.has("record"):
            linked = yield Link(keys.request, record.id)
            assert isinstance(linked, Saved)
            run.journal.add("record", linked.note or f"this request now finds record {record.id}", record=record.id)
        outcome = _outcome(run, task, "reuse", examination, record.origin, record.id, kept=len(examination.steps))
        return _saving(outcome, record)
    return (yield from _patched(run, task, keys, offer, examination))


def _rewritten(
    run: Run, task: Task, keys: Keys, offer: Offer, examination: Examination
) -> Generator[Effect, Reply, Outcome | str]:
    """Serve the rewritten steps, once the answer that they make has been read and verified from its text alone."""
    try:
        whole = examine(task, cut(task.rule, examination.text, "rewrite"), offer.candidate.record)
    except NotSegmentable as error:
        run.journal.add("integrity", f"the rewritten steps are no answer: {error}")
        return "rewrite-failed"
    if not whole.passed:
        run.journal.add_verdicts("integrity", whole.verdicts)
        return "rewrite-failed"
    run.journal.add("integrity", "the rewritten answer as a whole passes")
    # What is rewritten from a deterministic answer stays marked as one.
    origin: Origin = "fallback" if offer.candidate.record.origin == "fallback" else "rewrite"
    saved = yield from _save(run, task, keys, examination, origin, _final(origin))
    rewritten = sum(bool(change.after) for change in offer.changes)  # a dropped step has no text after
    kept = len(examination.steps) - rewritten
    outcome = _outcome(run, task, "rewrite", examination, origin, saved, kept=kept, failed_steps=offer.failed_steps)
    return _saving(replace(outcome, rewritten=rewritten), offer.candidate.record)


def _patched(
    run: Run, task: Task, keys: Keys, offer: Offer, examination: Examination
) -> Generator[Effect, Reply, Outcome | str]:
    patched = yield from patch(run, task, examination, offer.candidate.record)
    if isinstance(patched, str):
        return patched
    saved = yield from _save(run, task, keys, patched.examination, "patch", "verified")
    steps = len(patched.examination.steps)
    outcome = _outcome(
        run,
        task,
        "patch",
        patched.examination,
        "patch",
        saved,
        patched=steps - patched.kept,
        failed_steps=offer.failed_steps,
    )
    rewritten = sum(bool(change.after) and change.step not in patched.region.steps for change in offer.changes)
    return _saving(replace(outcome, rewritten=rewritten, kept=patched.kept - rewritten), offer.candidate.record)


def _in_full(run: Run, task: Task, keys: Keys, offer: Offer | None) -> Interpretation:
    if offer is not None:
        run.journal.add("gate", f"reuse is skipped: {offer.refusal}", reason=offer.refusal)
    product = yield from produce(run, task)
    saved = None
    if product.final != "unverified":
        run.journal.add("integrity", "the answer as a whole passes")
        saved = yield from _save(run, task, keys, product.examination, product.origin, product.final)
    outcome = _outcome(
        run,
        task,
        "miss" if offer is None else "skip_reuse",
        product.examination,
        product.origin,
        saved,
        skip_reason=offer.refusal if offer is not None else "",
        failed_steps=offer.failed_steps if offer is not None else (),
    )
    return replace(outcome, answer=product.text, final=product.final)


def _save(
    run: Run, task: Task, keys: Keys, examination: Examination, origin: Origin, final: Final
) -> Generator[Effect, Reply, str | None]:
    if not run.has("record"):
        return None
    record = draft_record(
        task,
        examination,
        keys=keys,
        origin=origin,
        final=final,
        model=run.model,
        usage=run.usage,
        tags=run.plan.tags,
    )
    saved = yield Save(record)
    assert isinstance(saved, Saved)
    run.journal.add("record", saved.note or f"stored as record {saved.record_id}, written by {origin}", origin=origin)
    return saved.record_id


def _saving(outcome: Outcome, record: Record) -> Outcome:
    return replace(outcome, reused=record.id, saved=(record.usage or Usage()) - outcome.usage)


def _final(origin: Origin) -> Final:
    """A reused deterministic answer stays marked as one, so that nobody mistakes it for the model's."""
    return "fallback" if origin == "fallback" else "verified"


def _outcome(
    run: Run,
    task: Task,
    name: OutcomeName,
    examination: Examination,
    origin: Origin,
    record: str | None,
    *,
    kept: int = 0,
    patched: int = 0,
    failed_steps: tuple[int, ...] = (),
    skip_reason: str = "",
) -> Outcome:
    journal: tuple[Event, ...] = tuple(run.journal.events)
    return Outcome(
        examination.text,
        name,
        _final(origin),
        origin,
        rule=task.rule.id,
        record=record,
        skip_reason=skip_reason,
        kept=kept,
        patched=patched,
        failed_steps=failed_steps,
        calls=run.calls,
        usage=run.usage,
        constraints=task.values,
        let=task.let,
        value=examination.value,
        verdicts=examination.verdicts,
        journal=journal,
    )
