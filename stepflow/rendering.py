"""A rule as it is after inheritance, with the place of each line; and what a prompt makes of it, asking no model.

The model calls are not described but made: the flow itself runs against a world that answers nothing but the given
output, so that what is shown is exactly what would be sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from stepflow.config.document import Document
from stepflow.config.scalars import resolve
from stepflow.errors import StepflowError
from stepflow.model import Constraint, Outcome, Record, Request, Step
from stepflow.plan import Plan, Rule
from stepflow.protocols import Call, Candidate, Completion, Nomination
from stepflow.runtime.effects import Effect, Generate, Generated, Looked, Lookup, Nominate, Reply, Saved
from stepflow.runtime.extract import Declined, Task, left_over, read_constraint, understand
from stepflow.runtime.interpreter import interpret
from stepflow.runtime.journal import Journal
from stepflow.runtime.record import Keys, content_words, draft_record
from stepflow.runtime.segment import NotSegmentable, cut
from stepflow.runtime.verify import examine
from stepflow.values import show

_PLAIN = re.compile(r"[A-Za-z_][\w./,()=<>+*'\"|-]*(?: [\w./,()=<>+*'\"|-]+)*", re.ASCII)
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_MARGIN = 2


# --- the merged rule --------------------------------------------------------------------------------------------------


def merged_text(document: Document) -> str:
    """The document as YAML, each line with a comment that says where it is written."""
    lines = list(_map_lines(document, (), 0))
    width = min(max((len(text) for text, _ in lines), default=0), 76)
    return "".join(f"{text.ljust(width)}  # {where}\n" if where else f"{text}\n" for text, where in lines)


Lines = Iterator[tuple[str, str]]
Path = tuple[str | int, ...]


def _map_lines(document: Document, path: Path, indent: int) -> Lines:
    for name in _at(document.data, path):
        inner = (*path, name)
        yield from _value_lines(document, inner, " " * indent + _scalar(name) + ":", indent + _MARGIN, "key")


def _list_lines(document: Document, path: Path, indent: int) -> Lines:
    for index in range(len(_at(document.data, path))):
        inner = (*path, index)
        value = _at(document.data, inner)
        if isinstance(value, dict) and value:  # its first key stands on the line of the dash
            first, *rest = _map_lines(document, inner, indent + _MARGIN)
            yield " " * indent + "- " + first[0].lstrip(), first[1]
            yield from rest
        else:
            yield from _value_lines(document, inner, " " * indent + "-", indent + _MARGIN, "value")


def _value_lines(document: Document, path: Path, head: str, indent: int, part: Any) -> Lines:
    value = _at(document.data, path)
    span = document.locate(path, part)
    where = f"{span.path}:{span.line}"
    if isinstance(value, dict) and value:
        yield head, where
        yield from _map_lines(document, path, indent)
    elif isinstance(value, list) and value:
        yield head, where
        yield from _list_lines(document, path, indent)
    elif isinstance(value, str) and "\n" in value and _fits_block(value):
        yield f"{head} {_block_head(value)}", where
        yield from ((" " * indent + line if line else "", "") for line in _block_body(value))
    else:
        yield f"{head} {_scalar(value)}", where


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _fits_block(text: str) -> bool:
    return not _INVISIBLE.search(text) and not text.startswith((" ", "\n", "\t")) and bool(text.strip())


def _block_head(text: str) -> str:
    return "|-" if not text.endswith("\n") else "|+" if text.endswith("\n\n") else "|"


def _block_body(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")


def _scalar(value: Any) -> str:
    """A scalar, or an empty map or list, on one line."""
    if not isinstance(value, str):
        return getattr(value, "text", None) or json.dumps(value, ensure_ascii=False)
    if _PLAIN.fullmatch(value) and isinstance(resolve(value), str):
        return value
    if "\n" in value or _INVISIBLE.search(value):
        quoted = json.dumps(value, ensure_ascii=False)
        return _INVISIBLE.sub(lambda found: f"\\u{ord(found.group()):04x}", quoted)
    return "'" + value.replace("'", "''") + "'"


# --- a prompt ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """One model call that would be made: why, and with what."""

    purpose: str
    call: Call


def prompt_text(plan: Plan, rule: Rule, request: Request, output: str | None = None) -> str:
    """What a rule makes of a request: what it reads, and what would be sent; also after the given, wrong output."""
    plan = replace(plan, rules=(rule,), stages=plan.stages - {"record"})
    lines = [f"rule: {rule.id}  # {rule.path}"]
    try:
        task = understand(rule, request, forced=request.rule is not None)
    except Declined as reason:
        lines.append(f"declines: {_scalar(str(reason))}  # {reason.where or rule.path}")
        return "\n".join([*lines, *_declined_lines(rule, request)]) + "\n"
    lines += [*_match_lines(rule, request), *_reading_lines(task)]
    lines += _asked_lines("generate", first_calls(plan, request, []))
    if output is not None:
        lines += _output_lines(task, output)
        lines += _asked_lines("repair", first_calls(plan, request, [output])[1:])
        lines += _asked_lines("patch", _patch_calls(plan, task, output))
    return "\n".join(lines) + "\n"


def first_calls(plan: Plan, request: Request, replies: Sequence[str], record: Record | None = None) -> list[Asked]:
    """The model calls of a run in which the model gives these replies, and then is asked once more at most.

    `record` is the only candidate for reuse.
    """
    asked: list[Asked] = []
    waiting = list(replies)
    flow = interpret(plan, request, Journal())
    try:
        effect = next(flow)
        while True:
            if isinstance(effect, Generate):
                asked.append(Asked(effect.purpose, effect.call))
                if not waiting:
                    return asked
                effect = flow.send(Generated(Completion(waiting.pop(0)), 0.0))
            else:
                effect = flow.send(_world(effect, record))
    except (StopIteration, StepflowError):
        return asked
    finally:
        flow.close()


def unaided(plan: Plan, request: Request, record: Record) -> Outcome | None:
    """The outcome of a run in which a record is the only candidate and no model answers; None when one is asked."""
    flow = interpret(plan, request, Journal())
    try:
        effect = next(flow)
        while not isinstance(effect, Generate):
            effect = flow.send(_world(effect, record))
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    except StepflowError:
        return None
    finally:
        flow.close()
    return None


def _world(effect: Effect, record: Record | None) -> Reply:
    if isinstance(effect, Lookup):
        return Looked(None)
    if isinstance(effect, Nominate):
        return Nomination(() if record is None else (Candidate(record, "signature"),))
    return Saved(None)


def _patch_calls(plan: Plan, task: Task, output: str) -> list[Asked]:
    """The calls when the output is a stored answer to another wording of the same request."""
    try:
        examination = examine(task, cut(task.rule, output))
    except NotSegmentable:
        return []
    keys = Keys(task, plan.identity, "")
    record = draft_record(task, examination, keys=keys, origin="model", final="verified", model="", usage=None)
    return [each for each in first_calls(plan, task.request, [], record) if each.purpose == "patch"]


def _match_lines(rule: Rule, request: Request) -> list[str]:
    held = [each for each in rule.match if each.condition.holds(request.prompt, {"prompt": request.prompt})]
    return [f"match: {each.name}  # {each.where}" for each in held[:1]]


def _reading_lines(task: Task) -> list[str]:
    missing = {reading.name: "not there" for reading in task.rule.constraints if reading.name not in task.constraints}
    return [
        *_constraint_lines(task.rule, task.request, task.constraints, missing),
        *_let_lines(task.rule, task.let),
        f"skeleton: {_scalar(_skeleton(task))}",
        f"words: {_scalar(' '.join(content_words(task)))}",
        f"rest: {_scalar(str(task.names['rest']))}",
    ]


def _declined_lines(rule: Rule, request: Request) -> list[str]:
    """All that can be read in a prompt that the rule declines, and what is left over of it."""
    constraints: dict[str, Constraint] = {}
    missing: dict[str, str] = {}
    for reading in rule.constraints:
        try:
            found = read_constraint(reading, request)
        except Declined as reason:
            missing[reading.name] = str(reason).removeprefix(f"constraint {reading.name}: ")
            continue
        if found is None:
            missing[reading.name] = "not there"
        else:
            constraints[reading.name] = found
    try:
        let = understand(rule, request, forced=True).let
    except Declined as reason:
        let = reason.let
    lines = [*_constraint_lines(rule, request, constraints, missing), *_let_lines(rule, let)]
    with suppress(Declined):
        lines.append(f"rest: {_scalar(left_over(rule, request.prompt, constraints))}")
    return lines


def _let_lines(rule: Rule, let: Mapping[str, Any]) -> list[str]:
    lines = ["let:"] if let else []
    for each in rule.let:
        made = f"{each.name}: {_shown(let[each.name])}  # {each.where}" if each.name in let else ""
        lines.append(f"  {made or f'# {each.name}: not made, {each.where}'}")
    return lines


def _constraint_lines(
    rule: Rule, request: Request, constraints: Mapping[str, Constraint], missing: Mapping[str, str]
) -> list[str]:
    lines = ["constraints:" if constraints else "constraints: {}"]
    for reading in rule.constraints:
        if reading.name in missing:
            lines.append(f"  # {reading.name}: {missing[reading.name]}, {reading.where}")
            continue
        constraint = constraints[reading.name]
        read = ", ".join(repr(request.prompt[start:end]) for start, end in constraint.spans)
        said = f"read in {read}" if read else "not in the prompt"
        lines.append(f"  {reading.name}: {_shown(constraint.value)}  # {said}, {reading.where}")
    return lines


def _skeleton(task: Task) -> str:
    """The prompt with the names of the constraints in the place of what was read for them."""
    spans = sorted((start, end, name) for name, each in task.constraints.items() for start, end in each.spans)
    parts, position = [], 0
    for start, end, name in spans:
        if start >= position:
            parts += [task.request.prompt[position:start], f"⟨{name}⟩"]
            position = end
    return "".join([*parts, task.request.prompt[position:]])


def _output_lines(task: Task, output: str) -> list[str]:
    try:
        examination = examine(task, cut(task.rule, output))
    except NotSegmentable as error:
        return ["output:", f"  - segment fails: {_scalar(str(error))}"]
    lines = ["steps:", *(line for step in examination.steps for line in _step_lines(task.rule, step)), "output:"]
    for verdict in examination.verdicts:
        place = "the answer" if verdict.step is None else f"step {verdict.step}"
        said = "passes" if verdict.passed else f"fails, {verdict.reason}"
        lines.append(f"  - {_scalar(f'{place}: {verdict.check} {said}')}  # {verdict.where or task.rule.path}")
    return lines


def _step_lines(rule: Rule, step: Step) -> list[str]:
    """What the parsers see of a step, and what each has read in it."""
    lines = _text_lines(f"  - step {step.index}:", step.text[rule.segmenter.body(step.text) :], 6)
    for reading in rule.parse:
        if reading.name in step.fields:
            lines.append(f"    {reading.name}: {_shown(step.fields[reading.name])}  # {reading.where}")
        else:
            lines.append(f"    # {reading.name}: not there, {reading.where}")
    return lines


def _asked_lines(purpose: str, asked: Sequence[Asked]) -> list[str]:
    for each in asked[:1]:
        lines = [f"{each.purpose}:"]
        for message in each.call.messages:
            lines.append(f"  - role: {message.role}")
            lines += _text_lines("    content:", message.content, 6)
        if each.call.response_schema is not None:
            lines.append(f"  # response schema: {json.dumps(each.call.response_schema, ensure_ascii=False)}")
        return lines
    return [f"{purpose}: nothing is asked"]


def _text_lines(head: str, text: str, indent: int) -> list[str]:
    if "\n" in text and _fits_block(text):
        body = [" " * indent + line if line else "" for line in _block_body(text)]
        return [f"{head} {_block_head(text)}", *body]
    return [f"{head} {_scalar(text)}"]


def _shown(value: Any) -> str:
    text = _scalar(value) if isinstance(value, str) else show(value)
    return f"[{text}]" if isinstance(value, list | tuple) else text
