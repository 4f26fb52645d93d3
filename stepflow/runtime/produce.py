"""A full answer: generate, verify, repair within bounds, and the rule's deterministic fallback."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

from stepflow.errors import CutOffAnswer, EmptyAnswer, UnverifiedAnswer
from stepflow.model import Final, Message, Origin
from stepflow.notation import Template
from stepflow.protocols import Completion
from stepflow.runtime.effects import Effect, Reply
from stepflow.runtime.extract import Task
from stepflow.runtime.patch import Patched, finish
from stepflow.runtime.rewrite import without_surplus
from stepflow.runtime.run import LimitReached, Run, conversation, schema_of
from stepflow.runtime.segment import NotSegmentable, cut
from stepflow.runtime.stream import StepWatch, watching
from stepflow.runtime.verify import Examination, examine, failed


class Unwritable(Exception):
    """A prompt of the rule names something that this request does not fix."""


@dataclass(frozen=True, slots=True)
class Product:
    """An answer that the model (or the fallback) gave to the whole prompt, and how far it can be trusted."""

    text: str
    examination: Examination
    origin: Origin
    final: Final


def produce(run: Run, task: Task) -> Generator[Effect, Reply, Product]:
    """Generate in full. Raises backend errors, and `UnverifiedAnswer` where rule or pipeline ask for an error."""
    attempts: list[tuple[Completion, Examination]] = []
    try:
        messages = conversation(run.request, _render(task, task.rule.generate.template, {}))
        watch = watching(task)
        schema = schema_of(run, task.rule.generate, task.names)
        completion = yield from run.ask(messages, "generate", schema, watch=watch)
        attempts.append((completion, judge(run, task, completion, "model")))
        if watch is not None and watch.sent:
            run.journal.add("generate", f"{len(watch.steps)} steps were verified while the model wrote, and handed on")
            return (yield from _finished(run, task, watch, attempts[-1][1]))
        if not attempts[-1][1].passed:
            yield from _repair(run, task, messages, attempts)
    except (LimitReached, Unwritable) as reason:
        run.journal.add("generate", str(reason))
    if attempts and attempts[-1][1].passed:
        origin: Origin = "model" if len(attempts) == 1 else "repair"
        return Product(attempts[-1][1].text, attempts[-1][1], origin, "verified")
    fallback = _fall_back(run, task, attempts[-1][1] if attempts else None)
    return fallback if fallback is not None else _unverified(run, task, attempts)


def _finished(run: Run, task: Task, watch: StepWatch, examination: Examination) -> Generator[Effect, Reply, Product]:
    """An answer that begins with the steps that were handed on, mended behind them. Raises when there is none."""
    if examination.passed and watch.sent.startswith(examination.text):  # a separator too: what came behind was surplus
        examination = examine(task, watch.steps)
    begun = examination.text.startswith(watch.sent)
    if begun and examination.passed:
        return Product(examination.text, examination, "model", "verified")
    if not begun:  # cut off, or cut otherwise than it seemed: what was handed on is all that stands
        examination = Examination(watch.steps, examination.verdicts)
    patched = yield from finish(run, task, examination, watch.steps)
    if isinstance(patched, Patched):
        return Product(patched.examination.text, patched.examination, "repair", "verified")
    fallback = _fall_back(run, task, examination, watch)
    if fallback is not None and fallback.text.startswith(watch.sent):
        return fallback
    raise UnverifiedAnswer(
        f"{len(watch.steps)} steps were sent already, and no answer that begins with them passed the verifiers of rule "
        f"{task.rule.id}: {examination.reasons}"
    )


def judge(run: Run, task: Task, completion: Completion, origin: Origin) -> Examination:
    """Cut, parse and verify a reply, without its surplus steps where it passes without them.

    A reply that was cut off, or cannot be cut into steps, has failed.
    """
    if completion.finish_reason == "length":
        reason = f"the answer was too long: it was cut off after {completion.usage.completion_tokens} tokens"
        examination = Examination((), (failed(task.rule, "complete", reason),))
    else:
        try:
            examination = examine(task, cut(task.rule, completion.text, origin))
        except NotSegmentable as error:
            examination = Examination((), (failed(task.rule, "segment", str(error)),))
    run.journal.add_verdicts("verify", examination.verdicts)
    if not run.has("rewrite"):
        return examination
    trimmed = without_surplus(task, examination)
    trimmed.note(run.journal)
    return trimmed.examination


def _repair(
    run: Run, task: Task, asked: tuple[Message, ...], attempts: list[tuple[Completion, Examination]]
) -> Generator[Effect, Reply, None]:
    repair = task.rule.repair
    if repair is None or not run.has("repair"):
        return
    for _ in range(repair.max_attempts):
        completion, examination = attempts[-1]
        cut_off = completion.finish_reason == "length"
        if any(verdict.on_fail == "fallback" for verdict in examination.failures):
            return
        names = {"failures": examination.told, "output": completion.text, "cut_off": cut_off}
        content = _render(task, repair.prompting.template, names) or ""
        schema = schema_of(run, repair.prompting, {**task.names, **names})
        completion = yield from run.ask(_sent_back(asked, completion, content), "repair", schema)
        attempts.append((completion, judge(run, task, completion, "repair")))
        if attempts[-1][1].passed:
            return


def _sent_back(asked: tuple[Message, ...], completion: Completion, content: str) -> tuple[Message, ...]:
    """The conversation with the answer in it, and what is wrong with it.

    An answer that was cut off is left out, or else the model tends to write it once more; so is an empty one. Then the
    same message asks for the answer and says what was wrong, for some models take no two messages of one side.
    """
    if completion.text.strip() and completion.finish_reason != "length":
        return (*asked, Message("assistant", completion.text), Message("user", content))
    if not asked or asked[-1].role != "user":
        return (*asked, Message("user", content))
    return (*asked[:-1], Message("user", f"{asked[-1].content.rstrip()}\n\n{content}"))


def _fall_back(run: Run, task: Task, failing: Examination | None, watch: StepWatch | None = None) -> Product | None:
    """The rule's deterministic answer, verified like any other; None when there is none or it does not pass.

    Behind steps that were handed on it goes on with its own: it may say the same in another form.
    """
    template = task.rule.fallback.template
    if task.rule.fallback.type != "template" or template is None or not run.has("fallback"):
        return None
    try:
        text = template({**task.names, "failures": failing.told if failing else ""})
        examination = examine(task, cut(task.rule, text, "fallback"))
        if examination.passed and watch is not None and not examination.text.startswith(watch.sent):
            behind = examination.steps[len(watch.steps) :]
            text = watch.sent + "".join(step.text + step.separator for step in behind)
            examination = examine(task, cut(task.rule, text, "fallback"))
    except ValueError as error:
        run.journal.add("fallback", f"the fallback has no answer: {error}")
        return None
    run.journal.add_verdicts("fallback", examination.verdicts)
    if not examination.passed:
        run.journal.add("fallback", f"the fallback does not pass: {examination.reasons}")
        return None
    run.journal.add("fallback", "the rule's deterministic answer is served", text=examination.text)
    return Product(examination.text, examination, "fallback", "fallback")


def _unverified(run: Run, task: Task, attempts: list[tuple[Completion, Examination]]) -> Product:
    """The model's last answer, flagged. An empty or cut-off one is an error: there is nothing whole to serve."""
    if not attempts:
        raise UnverifiedAnswer(f"no answer: {run.journal.last('generate')}")
    completion, examination = attempts[-1]
    refuse_broken(completion)
    if run.plan.on_unverified == "error" or task.rule.fallback.type == "error":
        raise UnverifiedAnswer(f"no answer passed the verifiers of rule {task.rule.id}: {examination.reasons}")
    run.journal.add("integrity", "nothing passed; the model's last answer is served unverified and not stored")
    origin: Origin = "model" if len(attempts) == 1 else "repair"
    return Product(completion.text, examination, origin, "unverified")


def refuse_broken(completion: Completion) -> None:
    """Raise when a reply is empty or cut off: it is not an answer."""
    if completion.finish_reason == "length":
        raise CutOffAnswer(
            f"the model stopped at its token limit after {completion.usage.completion_tokens} tokens, "
            "so its answer is not whole; raise `backend: max_tokens`"
        )
    if not completion.text.strip():
        raise EmptyAnswer("the model replied with no text; ask again, or try another model")


def _render(task: Task, template: Template | None, more: Mapping[str, object]) -> str | None:
    if template is None:
        return None
    try:
        return template({**task.names, **more})
    except ValueError as error:
        raise Unwritable(f"the prompt of rule {task.rule.id} cannot be written: {error}") from error
