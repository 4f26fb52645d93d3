"""Steps against constraints: one verdict per check. A check that raises, or cannot decide, has failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from stepflow.model import Record, Scope, Step, Verdict
from stepflow.notation import Missing
from stepflow.plan import Check, Rule
from stepflow.protocols import Groups, View
from stepflow.runtime.extract import Task, read_value
from stepflow.runtime.segment import missing_fields
from stepflow.runtime.stitch import content
from stepflow.toolcalls import misfit


@dataclass(frozen=True, slots=True)
class Examination:
    """Steps and what the verifiers say of them. `value` is the final answer that was read, None when there is none."""

    steps: tuple[Step, ...]
    verdicts: tuple[Verdict, ...]
    value: Any = None

    @property
    def text(self) -> str:
        """The answer, to the byte."""
        return "".join(step.text + step.separator for step in self.steps)

    @property
    def failures(self) -> tuple[Verdict, ...]:
        """Verdicts that count against the answer."""
        return tuple(filter(_objects, self.verdicts))

    @property
    def passed(self) -> bool:
        """Whether the answer may be served as verified: a check that could refuse it was made, and none failed."""
        return any(verdict.passed and _decides(verdict) for verdict in self.verdicts) and not self.failures

    @property
    def failed_steps(self) -> tuple[int, ...]:
        """Indexes (1-based) of steps with a failed check, in order."""
        return tuple(sorted({verdict.step for verdict in self.failures if verdict.step is not None}))

    def covers(self, rule: Rule) -> frozenset[str]:
        """The constraints that a check which counts has looked at: one whose `when` does not hold has not."""
        made = {(verdict.check, verdict.where) for verdict in self.verdicts if _decides(verdict)}
        return frozenset(name for check in rule.checks if (check.id, check.where) in made for name in check.reads)

    @property
    def pass_ratio(self) -> float:
        """Share of steps without a failed check; 0 when there are no steps."""
        return 1 - len(self.failed_steps) / len(self.steps) if self.steps else 0.0

    @property
    def reasons(self) -> str:
        """Why it failed, for people: one reason after the other."""
        return "; ".join(dict.fromkeys(verdict.reason for verdict in self.failures))

    @property
    def told(self) -> str:
        """The same for a model: of a reason in the rule's own terms only which step it is about."""
        said = dict.fromkeys(map(_told, self.failures))
        return "; ".join(filter(None, said)) or ("the answer as a whole is not right" if said else "")


def examine(task: Task, steps: tuple[Step, ...], cached: Record | None = None) -> Examination:
    """Run the whole chain over steps (and the answer that they make). `cached` is the record that they come from."""
    names, unreadable = _names(task, steps, cached)
    on_output = [*unreadable, *_on_output(task, names, steps)]
    return _examination(task.rule, steps, names, on_output, [*_on_steps(task.rule, steps, names)])


def examine_or_stop(task: Task, steps: tuple[Step, ...], cached: Record | None = None) -> Examination | Verdict:
    """What `examine` finds; or only the first verdict that counts against the answer, those on the whole first."""
    names, unreadable = _names(task, steps, cached)
    on_output: list[Verdict] = []
    on_steps: list[Verdict] = []
    for verdict in chain(unreadable, _on_output(task, names, steps), _on_steps(task.rule, steps, names)):
        if _objects(verdict):
            return verdict
        (on_output if verdict.scope == "output" else on_steps).append(verdict)
    return _examination(task.rule, steps, names, on_output, on_steps)


def _examination(
    rule: Rule,
    steps: tuple[Step, ...],
    names: Mapping[str, Any],
    on_output: list[Verdict],
    on_steps: list[Verdict],
) -> Examination:
    if not any(map(_decides, on_output)):
        on_steps += _unseen(rule, steps, on_steps)
    return Examination(steps, (*on_steps, *on_output), names.get("answer", {}).get("value"))


def step_passes(task: Task, steps: Sequence[Step], position: int, cached: Record | None = None) -> bool:
    """Whether no check that counts fails for one step (0-based position) among those before and after it."""
    names = step_names(task, steps, position, cached)
    return not any(map(_objects, _on_step(task.rule, steps[position], names)))


def examine_growing(task: Task, steps: Sequence[Step]) -> bool:
    """Whether the last of these steps passes while nothing is known of what follows it.

    Only what stands before it may be named; a check that names more, such as `step.count`, cannot be decided.
    """
    step, previous = steps[-1], _fields_before(steps, len(steps) - 1)
    seen = {name: value for name, value in visible(step, 0, stored=False).items() if name != "count"}
    verdicts = _on_step(task.rule, step, {**task.names, "step": seen, "previous": previous})
    deciding = [verdict for verdict in verdicts if _decides(verdict)]
    return bool(deciding) and all(verdict.passed for verdict in deciding)


def step_names(task: Task, steps: Sequence[Step], position: int, cached: Record | None = None) -> dict[str, Any]:
    """What expressions and templates about one step may name."""
    names, _ = _names(task, steps, cached)
    return {**names, "step": names["steps"][position], "previous": _fields_before(steps, position)}


def _fields_before(steps: Sequence[Step], position: int) -> dict[str, Any]:
    """The fields of the steps before a position (0-based); where several have one, that of the nearest."""
    previous: dict[str, Any] = {}
    for step in steps[:position]:
        previous.update(step.fields)
    return previous


def answer_names(task: Task, steps: Sequence[Step], cached: Record | None) -> dict[str, Any]:
    """What expressions and templates about these steps as an answer may name."""
    return _names(task, steps, cached)[0]


def _names(task: Task, steps: Sequence[Step], cached: Record | None) -> tuple[dict[str, Any], list[Verdict]]:
    """What expressions about the answer may name, and a failed verdict when the answer cannot be read."""
    text = "".join(step.text + step.separator for step in steps)
    stored = _stored(task.rule, steps, cached)
    shown = tuple(visible(step, len(steps), stored=step.index in stored) for step in steps)
    names: dict[str, Any] = {**task.names, "output": text, "steps": shown}
    if cached is not None:
        names["cached"] = {"constraints": cached.constraints, "let": cached.let, "prompt": cached.prompt}
    answer, unreadable = read_answer(task.rule, text)
    if answer is not None:
        names["answer"] = answer
    return names, unreadable


def _stored(rule: Rule, steps: Sequence[Step], cached: Record | None) -> frozenset[int]:
    """Indexes (1-based) of the steps that come from a record: as they stand there, or rewritten without the model."""
    if cached is None:
        return frozenset()
    said = {content(step, rule.segmenter) for step in cached.steps}
    return frozenset(step.index for step in steps if step.origin == "rewrite" or content(step, rule.segmenter) in said)


def failed(rule: Rule, check: str, reason: str) -> Verdict:
    """A verdict of the engine's own about the whole answer, e.g. that it could not be cut into steps."""
    return Verdict(check, "output", None, False, reason, "repair", rule.path)


def _decides(verdict: Verdict) -> bool:
    """Whether the verdict counts: a check that only warns neither blocks an answer nor vouches for it."""
    return verdict.on_fail != "warn"


def _objects(verdict: Verdict) -> bool:
    return not verdict.passed and _decides(verdict)


def _told(verdict: Verdict) -> str:
    if not verdict.in_code:
        return verdict.reason
    return "" if verdict.step is None else f"step {verdict.step} is wrong"


def _on_steps(rule: Rule, steps: Sequence[Step], names: Mapping[str, Any]) -> Iterator[Verdict]:
    previous: dict[str, Any] = {}
    for step, shown in zip(steps, names["steps"], strict=True):
        yield from _on_step(rule, step, {**names, "step": shown, "previous": previous})
        previous = {**previous, **step.fields}


def _on_step(rule: Rule, step: Step, names: Mapping[str, Any]) -> Iterator[Verdict]:
    missing = missing_fields(rule, step)
    if missing:
        where = next(reading.where for reading in rule.parse if reading.name == missing[0])
        reason = f"step {step.index} has no {', '.join(missing)}"
        yield Verdict("parse", "step", step.index, False, reason, where=where)
    body = step.text[rule.segmenter.body(step.text) :]
    yield from _checked(rule, "step", body, names, step.index)


def _on_output(task: Task, names: Mapping[str, Any], steps: Sequence[Step]) -> Iterator[Verdict]:
    yield from _checked(task.rule, "output", names["output"], names, None)
    parameters = task.request.parameters
    if task.rule.reply == "tool_call" and (wrong := misfit(names["output"], names["tools"], parameters)):
        yield failed(task.rule, "reply", wrong)
    if not steps:
        yield failed(task.rule, "segment", "there are no steps")


def _checked(rule: Rule, scope: Scope, text: str, names: Mapping[str, Any], step: int | None) -> Iterator[Verdict]:
    """The verdicts of the checks of one scope, one after the other: whoever needs only the first that fails stops."""
    checks = (check for check in rule.checks if check.scope == scope)
    return (verdict for check in checks if (verdict := _apply(check, text, names, step)) is not None)


def _unseen(rule: Rule, steps: tuple[Step, ...], verdicts: list[Verdict]) -> list[Verdict]:
    """A failed verdict for each step that no check has looked at: what was not verified is not served."""
    seen = {verdict.step for verdict in verdicts if _decides(verdict)}
    return [
        Verdict("unchecked", "step", step.index, False, f"no verifier looks at step {step.index}", where=rule.path)
        for step in steps
        if step.index not in seen
    ]


def _apply(check: Check, text: str, names: Mapping[str, Any], step: int | None) -> Verdict | None:
    """The verdict of one check, or None when its `when` says that it has nothing to say here."""
    in_code = getattr(check.verifier, "in_code", False)
    try:
        if check.when is not None and not check.when(names):
            return None
        reason = check.verifier.verify(View(text, names))
    except Exception as error:
        reason = str(error) or type(error).__name__
        in_code = isinstance(error, Missing) or not isinstance(error, ValueError)
    if reason is not None and check.message is not None:
        written = _message(check, names, reason)
        reason, in_code = (reason, in_code) if written is None else (written, False)
    passed = reason is None
    return Verdict(
        check.id, check.scope, step, passed, reason or "", check.on_fail, check.where, in_code and not passed
    )


def _message(check: Check, names: Mapping[str, Any], reason: str) -> str | None:
    """The rule's own words; None where they cannot be written, which must not hide the failure they speak of."""
    assert check.message is not None
    try:
        return check.message({**names, "reason": reason})
    except Exception:
        return None


def visible(step: Step, count: int, *, stored: bool) -> dict[str, Any]:
    """A step as expressions see it: its fields, and index, count, text, rest, stored."""
    members = {"index": step.index, "count": count, "text": step.text, "rest": step.rest, "stored": stored}
    return {**step.fields, **members}


def read_answer(rule: Rule, text: str) -> tuple[dict[str, Any] | None, list[Verdict]]:
    """The final answer as a map with `text`, usually `value`, and named groups; None when there is none.

    What stands where the answer should and cannot be read is a failure; that there is none is left to the checks.
    """
    if rule.answer is None:
        return {"value": text.strip(), "text": text.strip()}, []
    try:
        found = read_value(rule.answer, text)
    except Exception as error:
        reason = str(error) or type(error).__name__
        return None, [Verdict("answer", "output", None, False, f"the answer: {reason}", where=rule.answer.where)]
    if found is None:
        return None, []
    covered = text[found.spans[0][0] : found.spans[-1][1]] if found.spans else ""
    if isinstance(found.value, Groups):
        return {"text": covered, **found.value}, []
    return {"value": found.value, "text": covered}, []
