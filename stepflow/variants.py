"""What a rule does not notice: changed prompts that are served a right, stored answer, and changed answers that pass.

A rule's tests hold prompts with right answers. One thing of such a prompt is changed, again and again, and the flow is
run with the answer as the only candidate and without a model. Where it is served all the same, no check depends on what
was changed. Then the answer itself is changed, and verified. What goes unnoticed can be right, for a greeting, or
wrong; the rule's author knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from stepflow.model import Record, Request, Step
from stepflow.plan import DeclaredTest, Plan, Rule
from stepflow.rendering import unaided
from stepflow.runtime.extract import Declined, Task, understand
from stepflow.runtime.record import Keys, draft_record
from stepflow.runtime.segment import NotSegmentable, cut
from stepflow.runtime.verify import examine
from stepflow.testing import request_of

MAX_TRIED = 1_000
"""Changed prompts, and changed answers, tried at most for one rule; of more, one in two, in three … is."""
APART = 4
"""So many readings apart two may stand that change places."""
BESIDE = "beside what is read"
ANSWER = "the answer"
_TOKEN = re.compile(r"\d+|[^\W\d_]+")
_OTHERS = ("zebra", "otter")
_AROUND = 18


@dataclass(frozen=True, slots=True)
class Change:
    """A text with one thing changed: which kind of change, at which [start, end) offsets of the old one, to what."""

    kind: str
    start: int
    end: int
    text: str

    def applied(self, old: str) -> str:
        """The changed text."""
        return old[: self.start] + self.text + old[self.end :]

    def shown(self, old: str) -> str:
        """The changed place with a few characters around it, on one line."""
        before, behind = old[: self.start], old[self.end :]
        return _flat(f"{_ending(before)}{_middle(self.text)}{_beginning(behind)}")


@dataclass(frozen=True, slots=True)
class Unnoticed:
    """Changes of one kind in one part: how many were tried, how many went unnoticed, and the first of these.

    `part` of a prompt is the constraint that reads it, and `where` its file:line.
    """

    part: str
    kind: str
    where: str
    unnoticed: int
    tried: int
    example: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many changes were tried, and those that went unnoticed, by part and kind."""

    tried: int
    found: tuple[Unnoticed, ...]

    @property
    def unnoticed(self) -> int:
        """How many changes went unnoticed in all."""
        return sum(each.unnoticed for each in self.found)


@dataclass(frozen=True, slots=True)
class Variation:
    """What goes unnoticed in a rule: changed prompts that are served the stored answer, changed answers that pass."""

    rule: str
    path: str
    prompts: Tally
    answers: Tally


Case = tuple[str, Change, str, Callable[[str], bool]]
"""A part, a change in it, the text that is changed, and whether the changed text goes unnoticed."""


def vary(rule: Rule, tests: Sequence[DeclaredTest]) -> Variation:
    """Change the prompts of these tests that have a right answer, and these answers, one thing at a time."""
    plan = Plan(f"variants of {rule.id}", rule.path, (rule,), {}, rule.verifying)
    prompts: list[Case] = []
    answers: list[Case] = []
    for task, record in _answered(plan, rule, tests):
        asked, told = task.request.prompt, _text(record.steps)
        served, passes = partial(_served, plan, task, record), partial(_passes, task, told)
        prompts += [(_part(task, change), change, asked, served) for change in prompt_changes(task)]
        answers += [(ANSWER, change, told, passes) for change in answer_changes(record.steps)]
    return Variation(rule.id, rule.path, _tally(rule, prompts), _tally(rule, answers))


def prompt_changes(task: Task) -> Iterator[Change]:
    """Everything that is tried with a prompt: another word or number, a 'not', a minus, two readings exchanged."""
    prompt = task.request.prompt
    yield from _other_tokens(prompt)
    spans = sorted({span for constraint in task.constraints.values() for span in constraint.spans})
    for at, first in enumerate(spans):
        for second in spans[at + 1 : at + 1 + APART]:
            if first[1] <= second[0]:
                yield from _exchanged(prompt, first, second)


def answer_changes(steps: Sequence[Step]) -> Iterator[Change]:
    """All that is tried with an answer: other words and numbers, steps left out, repeated, exchanged, a line more."""
    text = _text(steps)
    yield from _other_tokens(text)
    between = next((step.separator for step in steps if step.separator), "\n")
    spans: list[tuple[int, int]] = []
    start = 0
    for step in steps:
        spans.append((start, start + len(step.text)))
        start += len(step.text) + len(step.separator)
    for step, (begin, end) in zip(steps, spans, strict=True):
        yield Change("a step left out", begin, end + len(step.separator), "")
        yield Change("a step said twice", end, end, between + step.text)
    for first, second in pairwise(spans):
        yield from _exchanged(text, first, second)
    yield Change("a line more", len(text), len(text), "\nBut not always.")


def _other_tokens(text: str) -> Iterator[Change]:
    for token in _TOKEN.finditer(text):
        start, end, written = token.start(), token.end(), token.group()
        if written[0].isdigit():
            yield Change("another number", start, end, str(int(written) + 1).zfill(len(written)))
            yield Change("a minus sign", start, start, "-")
        else:
            yield Change("another word", start, end, _other(written))
            yield Change("a 'not'", start, start, "not ")


def _exchanged(text: str, first: tuple[int, int], second: tuple[int, int]) -> Iterator[Change]:
    one, other = text[slice(*first)], text[slice(*second)]
    if one.casefold() != other.casefold():
        yield Change("two that change places", first[0], second[1], other + text[first[1] : second[0]] + one)


def _tally(rule: Rule, cases: Sequence[Case]) -> Tally:
    chosen = cases[:: 1 + (len(cases) - 1) // MAX_TRIED] if cases else []
    tried: dict[tuple[str, str], list[tuple[bool, str]]] = {}
    for part, change, text, goes_unnoticed in chosen:
        seen = tried.setdefault((part, change.kind), [])
        seen.append((goes_unnoticed(change.applied(text)), change.shown(text)))
    found = [
        Unnoticed(part, kind, _where(rule, part), len(examples), len(seen), examples[0])
        for (part, kind), seen in tried.items()
        if (examples := [example for unnoticed, example in seen if unnoticed])
    ]
    return Tally(len(chosen), tuple(sorted(found, key=lambda each: each.part == BESIDE)))


def _text(steps: Sequence[Step]) -> str:
    return "".join(step.text + step.separator for step in steps)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _beginning(text: str) -> str:
    return text if len(text) <= _AROUND else text[:_AROUND] + "…"


def _ending(text: str) -> str:
    return text if len(text) <= _AROUND else "…" + text[-_AROUND:]


def _middle(text: str) -> str:
    return text if len(text) <= 2 * _AROUND else f"{text[:_AROUND]} … {text[-_AROUND:]}"


def _other(word: str) -> str:
    other = next(each for each in _OTHERS if each != word.casefold())
    return other.upper() if word.isupper() and len(word) > 1 else other.title() if word[0].isupper() else other


def _answered(plan: Plan, rule: Rule, tests: Sequence[DeclaredTest]) -> Iterator[tuple[Task, Record]]:
    """The prompts of tests that have a right answer, each with that answer as it would be stored."""
    seen: set[tuple[str, str]] = set()
    for test in tests:
        spec = test.spec
        pairs = [(earlier.prompt, earlier.output) for earlier in spec.cache]
        pairs += [(spec.prompt, spec.output)] if spec.output is not None else []
        for prompt, output in pairs:
            if (prompt, output) not in seen:
                seen.add((prompt, output))
                yield from _stored(plan, rule, request_of(spec, prompt), output)


def _stored(plan: Plan, rule: Rule, request: Request, output: str) -> Iterator[tuple[Task, Record]]:
    """The prompt as read and the answer as a record; nothing when it is another rule's, or the answer is wrong."""
    try:
        task = understand(rule, request)
        examination = examine(task, cut(rule, output))
    except (Declined, NotSegmentable):
        return
    if examination.passed:
        keys = Keys(task, plan.identity, "")
        record = draft_record(task, examination, keys=keys, origin="model", final="verified", model="", usage=None)
        yield task, replace(record, id="stored")


def _served(plan: Plan, task: Task, record: Record, prompt: str) -> bool:
    """Whether a prompt is served the stored answer, as it stands."""
    request = replace(
        task.request,
        messages=tuple(
            replace(message, content=prompt) if message.content == task.request.prompt else message
            for message in task.request.messages
        ),
    )
    outcome = unaided(plan, request, record)
    return outcome is not None and outcome.outcome == "reuse"


def _passes(task: Task, right: str, answer: str) -> bool:
    """Whether a changed answer is verified; not if what is changed is taken off before it is served."""
    try:
        examination = examine(task, cut(task.rule, answer))
    except NotSegmentable:
        return False
    return examination.passed and _flat(examination.text) != _flat(right)


def _part(task: Task, change: Change) -> str:
    names = [
        name
        for name, constraint in task.constraints.items()
        if any(start < max(change.end, change.start + 1) and change.start < end for start, end in constraint.spans)
    ]
    return " and ".join(names) or BESIDE


def _where(rule: Rule, part: str) -> str:
    name = part.split(" and ", maxsplit=1)[0]
    return next((reading.where for reading in rule.constraints if reading.name == name), rule.path)
