"""Tests that live in YAML: run offline against a scripted model and an empty store in memory.

What a test expects decides what runs: `matched`, `constraints` and `let` need the prompt only; a test with an `output`
verifies that text; everything else is a whole run.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from stepflow.adapters.backends.scripted import Scripted
from stepflow.archive import Archive
from stepflow.catalog import registry
from stepflow.compiler.workshop import Workshop
from stepflow.config.schema import CachedTurn, ExpectSpec, TestSpec, TurnSpec
from stepflow.errors import ScriptExhausted, StepflowError
from stepflow.fingerprint import canonical
from stepflow.model import Event, Message, Outcome, Request
from stepflow.plan import ENGINE_CHECKS, Plan, Rule
from stepflow.protocols import Backend
from stepflow.runtime.drivers import drive, new_id
from stepflow.runtime.extract import Declined, Task, Unmatched, left_over, understand
from stepflow.runtime.interpreter import interpret
from stepflow.runtime.journal import Journal
from stepflow.runtime.record import Keys, draft_record, request_key
from stepflow.runtime.segment import NotSegmentable, cut
from stepflow.runtime.verify import Examination, examine
from stepflow.values import exact, show

PROMPT_ONLY = frozenset({"matched", "constraints", "let"})
OUTPUT_ONLY = frozenset({"steps", "failed_steps", "failed_checks", "answer"})
ERROR_ONLY = frozenset({"error", "matched", "constraints", "let"})


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test's result; `failures` are sentences, empty when it passed. `where` is file:line."""

    __test__ = False

    name: str
    where: str
    failures: tuple[str, ...] = ()
    todo: bool = False

    @property
    def passed(self) -> bool:
        """Whether everything expected came out."""
        return not self.failures


@dataclass(slots=True)
class Evidence:
    """What came to pass in the tests of a rule: the prompts as read, refusals, verdicts, and the runs' journals.

    Tests ask about the same few prompts, so that each is read once.
    """

    tasks: list[Task] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    verdicts: list[tuple[str, bool]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _read: dict[tuple[str, tuple[Message, ...], str], Task] = field(default_factory=dict)

    def understood(self, rule: Rule, request: Request) -> Task:
        """The prompt as the rule reads it. Raises `Declined`."""
        key = rule.path, request.messages, canonical(request.parameters) if request.parameters else ""
        if key not in self._read:
            self._read[key] = understand(rule, request)
        return self._read[key]


def run_rule_test(
    rule: Rule, test: TestSpec, evidence: Evidence | None = None, backend: Backend | None = None
) -> tuple[str, ...]:
    """Run one test of a rule; sentences about what did not come out as expected.

    What happens is added to the `evidence`. A `backend` is asked instead of the test's own replies.
    """
    evidence = Evidence() if evidence is None else evidence
    request = request_of(test)
    wanted = test.expect.model_fields_set
    try:
        task = evidence.understood(rule, request)
        evidence.tasks.append(task)
    except Declined as reason:
        evidence.refusals.append(str(reason))
        if test.expect.matched is False:
            return _never_seen(wanted - {"matched"}, "a test of a prompt that the rule does not own")
        return (_declined(rule, request, reason),)
    if test.expect.matched is False:
        return (f"the rule owns the prompt, but should not\n{_read(task.values, task.let, task.names['rest'])}",)
    failures = _prompt_failures(task.values, task.let, test.expect)
    if test.output is not None:
        unseen = _never_seen(wanted - PROMPT_ONLY - OUTPUT_ONLY, "a test with `output`")
        return (*failures, *unseen, *_output_failures(task, test.output, test.expect, evidence))
    if not is_run(test):
        return failures
    return (*failures, *_run_failures(task, test, evidence, backend))


def request_of(test: TestSpec, prompt: str | None = None) -> Request:
    """The request that a test makes; with another prompt in place of its own, if one is given."""
    return _request(test.prompt if prompt is None else prompt, test.system, test.tools)


def is_run(test: TestSpec) -> bool:
    """Whether a test is of a whole run: not of the prompt alone, nor of a given `output`."""
    more = test.model or test.cache or not test.expect.model_fields_set <= PROMPT_ONLY
    return test.output is None and test.expect.matched is not False and bool(more)


def run_turns(plan: Plan, turns: Sequence[TurnSpec]) -> tuple[str, ...]:
    """Run a pipeline's test: requests one after the other on one empty store."""
    archive = _archive()
    failures: list[str] = []
    for number, turn in enumerate(turns, start=1):
        backend = _scripted(turn.model)
        found = _one_run(plan, archive, backend, _request(turn.prompt, turn.system), turn.expect, Evidence())
        failures += [f"turn {number}: {failure}" for failure in found]
    return tuple(failures)


def agrees(actual: Any, expected: Any) -> bool:
    """Whether a value is what a test wrote: numbers by value, equations by their text, lists item by item."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return set(actual) == set(expected) and all(agrees(actual[key], expected[key]) for key in expected)
    if isinstance(expected, list) and isinstance(actual, list | tuple):
        return len(actual) == len(expected) and all(map(agrees, actual, expected))
    if isinstance(actual, bool) or isinstance(expected, bool) or expected is None:
        return actual is expected
    if isinstance(actual, int | Fraction):
        if isinstance(expected, Mapping | list):
            return False
        try:
            return actual == exact(expected)
        except (ValueError, TypeError):
            return False
    return " ".join(show(actual).split()) == " ".join(str(expected).split())


# --- the three kinds of test ----------------------------------------------------------------------------------------


def _never_seen(names: Set[str], where: str) -> tuple[str, ...]:
    """A failure for each thing that is expected where nothing shows it: it would pass whatever happens."""
    return tuple(f"`{name}` cannot be seen in {where}, so it must not be expected there" for name in sorted(names))


def _declined(rule: Rule, request: Request, reason: Declined) -> str:
    """Why a rule does not own a prompt, the line that says so, and what was read of it."""
    said = f"the rule does not own the prompt: {reason}   [{reason.where or rule.path}]"
    if isinstance(reason, Unmatched):
        return said
    values = {name: constraint.value for name, constraint in reason.constraints.items()}
    try:
        return f"{said}\n{_read(values, reason.let, left_over(rule, request.prompt, reason.constraints))}"
    except Declined:
        return said


def _read(values: Mapping[str, Any], let: Mapping[str, Any], rest: str) -> str:
    """What was read in a prompt, and what is left over of it."""
    read = [f"{name} = {_shown(value)}" for name, value in (*values.items(), *let.items())]
    return f"    read: {', '.join(read) or 'nothing'}\n    left over: {' '.join(rest.split())!r}"


def _prompt_failures(values: Mapping[str, Any], let: Mapping[str, Any], expect: ExpectSpec) -> tuple[str, ...]:
    failures: list[str] = []
    for noun, expected, actual in (("constraint", expect.constraints, values), ("let", expect.let, let)):
        for name, value in (expected or {}).items():
            if name not in actual:
                failures.append(f"{noun} {name}: expected {_shown(value)}, but there is none")
            elif not agrees(actual[name], value):
                failures.append(f"{noun} {name}: expected {_shown(value)}, got {_shown(actual[name])}")
    return tuple(failures)


def _output_failures(task: Task, output: str, expect: ExpectSpec, evidence: Evidence) -> tuple[str, ...]:
    try:
        examination = examine(task, cut(task.rule, output))
    except NotSegmentable as error:
        if expect.failed_checks == ["segment"]:
            return ()
        return (f"the output cannot be cut into steps: {error}",)
    evidence.verdicts += [(verdict.check, verdict.passed) for verdict in examination.verdicts]
    return _compare(expect, _seen_in(examination, expect), examination)


def _seen_in(examination: Examination, expect: ExpectSpec) -> dict[str, Any]:
    seen = {
        "steps": [step.text for step in examination.steps],
        "failed_steps": list(examination.failed_steps),
        "failed_checks": list(dict.fromkeys(verdict.check for verdict in examination.failures)),
        "answer": examination.value,
    }
    return {key: value for key, value in seen.items() if key in expect.model_fields_set}


def _run_failures(task: Task, test: TestSpec, evidence: Evidence, backend: Backend | None) -> tuple[str, ...]:
    rule, request = task.rule, task.request
    plan = Plan(f"test of {rule.id}", rule.path, (rule,), {}, rule.verifying, trace_dir=None)
    archive = _archive()
    for index, cached in enumerate(test.cache):
        earlier = Request.of(cached.prompt, **request.parameters)
        problem = _store(plan, rule, archive, earlier, cached, index, evidence)
        if problem:
            return (problem,)
    return _one_run(plan, archive, backend or _scripted(test.model), request, test.expect, evidence, task)


def _store(
    plan: Plan, rule: Rule, archive: Archive, request: Request, cached: CachedTurn, index: int, evidence: Evidence
) -> str:
    """Put an earlier answer into the store, right or wrong; a sentence when that cannot be done."""
    origin: Any = cached.origin
    try:
        task = evidence.understood(rule, request)
        examination = examine(task, cut(rule, cached.output, origin))
    except Declined as reason:
        return f"cache item {index + 1} cannot be stored: {_declined(rule, request, reason)}"
    except NotSegmentable as error:
        return f"cache item {index + 1} cannot be stored: {error}"
    key = request_key(plan.sources, request) if examination.passed else f"unverified-{index}"
    keys = Keys(task, plan.identity, key)
    record = draft_record(task, examination, keys=keys, origin=origin, final="verified", model="scripted", usage=None)
    archive.save(replace(record, id=new_id()))
    return ""


def _one_run(
    plan: Plan,
    archive: Archive,
    backend: Backend,
    request: Request,
    expect: ExpectSpec,
    evidence: Evidence,
    understood: Task | None = None,
) -> tuple[str, ...]:
    journal = Journal()
    try:
        outcome = drive(interpret(plan, request, journal, understood), archive, backend)
    except ScriptExhausted as error:
        return (f"a model call that the test does not plan: {str(error).rstrip()}", *_because(_story(journal.events)))
    except StepflowError as error:
        if expect.error is None or expect.error not in str(error):
            return (f"the run failed: {error}", *_because(_story(journal.events)))
        unseen = _never_seen(expect.model_fields_set - ERROR_ONLY, "a run that ends in an error")
        return (*unseen, *_unused(backend))
    finally:
        evidence.events += journal.events
    failures = [
        *_prompt_failures(outcome.constraints, outcome.let, expect),
        *_compare(expect, _seen_of(plan, outcome, expect), None, journal.events),
        *_unused(backend),
    ]
    if expect.error is not None:
        failures.append(f"expected an error with {expect.error!r}, but the run succeeded")
    return tuple(failures)


def _unused(backend: Backend) -> tuple[str, ...]:
    unused = len(backend.unused) if isinstance(backend, Scripted) else 0
    return (f"{unused} of the model's replies {'was' if unused == 1 else 'were'} not used",) if unused else ()


def _seen_of(plan: Plan, outcome: Outcome, expect: ExpectSpec) -> dict[str, Any]:
    failing = [
        event.data["check"]
        for event in outcome.journal
        if event.stage == "verify" and event.data.get("passed") is False and event.data.get("on_fail") != "warn"
    ]
    seen = {
        "matched": outcome.rule is not None,
        "steps": _steps_of(plan, outcome) if "steps" in expect.model_fields_set else [],
        "rule": outcome.rule,
        "outcome": outcome.outcome,
        "final": outcome.final,
        "origin": outcome.origin,
        "skip_reason": outcome.skip_reason,
        "calls": outcome.calls,
        "kept": outcome.kept,
        "failed_steps": list(outcome.failed_steps),
        "failed_checks": list(dict.fromkeys(failing)),
        "answer": outcome.value,
        "output": outcome.answer,
    }
    return {key: value for key, value in seen.items() if key in expect.model_fields_set}


def _steps_of(plan: Plan, outcome: Outcome) -> list[str]:
    rule = next((rule for rule in plan.rules if rule.id == outcome.rule), None)
    try:
        return [] if rule is None else [step.text for step in cut(rule, outcome.answer)]
    except NotSegmentable:
        return []


def _compare(
    expect: ExpectSpec, seen: Mapping[str, Any], examination: Examination | None, events: Sequence[Event] = ()
) -> tuple[str, ...]:
    failures = []
    for name, actual in seen.items():
        expected = getattr(expect, name)
        if name == "output":
            if str(actual).strip() != str(expected).strip():
                failures.append("output differs:\n" + _diff(str(expected), str(actual)))
        elif not agrees(actual, expected):
            failures.append(f"{name}: expected {_shown(expected)}, got {_shown(actual)}")
    if failures:
        failures += _because(_verdicts(examination, expect) if examination is not None else _story(events))
    return tuple(failures)


def _because(lines: Sequence[str]) -> tuple[str, ...]:
    return ("\n    ".join(["because", *lines]),) if lines else ()


def _verdicts(examination: Examination, expect: ExpectSpec) -> list[str]:
    """Every failed check, and the line that it stands in; and what became of those that should have failed."""
    made = {verdict.check: verdict.on_fail == "warn" for verdict in examination.verdicts}
    failed = {verdict.check for verdict in examination.failures}
    said = []
    for check in expect.failed_checks or ():
        if check not in made and check not in ENGINE_CHECKS:
            said.append(f"{check} was not asked: its `when` does not hold here")
        elif made.get(check) and check not in failed:
            said.append(f"{check} only warns (`on_fail: warn`), so that it is never among the failed checks")
    for each in examination.failures:
        place = "answer" if each.step is None else f"step {each.step}"
        said.append(f"{place}: {each.check} fails: {each.reason}{_place(each.where)}")
    return said


def _story(events: Sequence[Event]) -> list[str]:
    """The journal lines that say why a run went as it did."""
    told = [event for event in events if event.data.get("passed") is not True]
    return [f"{event.stage}: {event.message}{_place(event.data.get('where', ''))}" for event in told[-8:]]


def _place(where: str) -> str:
    return f"   [{where}]" if where else ""


def _diff(expected: str, actual: str) -> str:
    lines = difflib.unified_diff(
        expected.strip().splitlines(), actual.strip().splitlines(), "expected", "got", lineterm="", n=1
    )
    return "\n".join(f"    {line}" for line in lines)


def _shown(value: Any) -> str:
    return (
        repr(value)
        if isinstance(value, str)
        else f"[{show(value)}]"
        if isinstance(value, list | tuple)
        else show(value)
    )


def _request(prompt: str, system: str | None, tools: Sequence[Any] = ()) -> Request:
    user = Message("user", prompt)
    offered = {"tools": list(tools)} if tools else {}
    return Request((user,) if system is None else (Message("system", system), user), offered)


def _archive() -> Archive:
    from stepflow.adapters.indexes.exact import ExactIndex

    workshop = Workshop({}, {}, {})
    memory = registry().get("store", "memory")
    hashing = registry().get("embedder", "hashing")
    return Archive(memory.build(memory.Options(), workshop), hashing.build(hashing.Options(), workshop), ExactIndex)


def _scripted(replies: Sequence[Any]) -> Scripted:
    plug = registry().get("backend", "scripted")
    backend: Scripted = plug.build(plug.Options(replies=list(replies)), Workshop({}, {}, {}))
    return backend
