"""What a rule does not notice: changed prompts for which a right, stored answer is served as it stands.

A rule's tests hold prompts with right answers. One thing of such a prompt is changed, again and again, and the flow is
run with the answer as the only candidate and without a model. Where it is served all the same, no check depends on what
was changed. That can be right, for a greeting, or wrong; the rule's author knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stepflow.model import Record, Request
from stepflow.plan import DeclaredTest, Plan, Rule
from stepflow.rendering import unaided
from stepflow.runtime.extract import Declined, Task, understand
from stepflow.runtime.record import Keys, draft_record
from stepflow.runtime.segment import NotSegmentable, cut
from stepflow.runtime.verify import examine
from stepflow.testing import request_of

MAX_TRIED = 1_000
"""Changed prompts tried at most for one rule; of more, one in two, in three … is."""
APART = 4
"""So many readings apart two may stand that change places."""
BESIDE = "beside what is read"
_TOKEN = re.compile(r"\d+|[^\W\d_]+")
_OTHERS = ("zebra", "otter")
_AROUND = 18


@dataclass(frozen=True, slots=True)
class Change:
    """A prompt with one thing changed: which kind of change, at which [start, end) offsets of the old one, to what."""

    kind: str
    start: int
    end: int
    text: str

    def applied(self, prompt: str) -> str:
        """The changed prompt."""
        return prompt[: self.start] + self.text + prompt[self.end :]

    def shown(self, prompt: str) -> str:
        """The changed place with a few characters around it, on one line."""
        before, behind = prompt[: self.start], prompt[self.end :]
        return _flat(f"{_ending(before)}{_middle(self.text)}{_beginning(behind)}")


@dataclass(frozen=True, slots=True)
class Unnoticed:
    """Changes of one kind in one part of the prompts: how many were tried, how many went unnoticed, and the first.

    `part` names the constraint that reads it, and `where` its file:line.
    """

    part: str
    kind: str
    where: str
    served: int
    tried: int
    example: str


@dataclass(frozen=True, slots=True)
class Variation:
    """All that went unnoticed in a rule, and how many changed prompts were tried."""

    rule: str
    path: str
    tried: int
    unnoticed: tuple[Unnoticed, ...]

    @property
    def served(self) -> int:
        """How many changed prompts were served the stored answer."""
        return sum(each.served for each in self.unnoticed)


def vary(rule: Rule, tests: Sequence[DeclaredTest]) -> Variation:
    """Change the prompts of these tests that have a right answer, one thing at a time."""
    plan = Plan(f"variants of {rule.id}", rule.path, (rule,), {}, rule.verifying)
    cases = [(task, record, change) for task, record in _answered(plan, rule, tests) for change in changes(task)]
    tried: dict[tuple[str, str], list[tuple[bool, str]]] = {}
    chosen = cases[:: 1 + (len(cases) - 1) // MAX_TRIED] if cases else []
    for task, record, change in chosen:
        served = _served(plan, task, record, change.applied(task.request.prompt))
        seen = tried.setdefault((_part(task, change), change.kind), [])
        seen.append((served, change.shown(task.request.prompt)))
    found = [
        Unnoticed(part, kind, _where(rule, part), len(examples), len(seen), examples[0])
        for (part, kind), seen in tried.items()
        if (examples := [example for served, example in seen if served])
    ]
    return Variation(rule.id, rule.path, len(chosen), tuple(sorted(found, key=lambda each: each.part == BESIDE)))


def changes(task: Task) -> Iterator[Change]:
    """Everything that is tried with a prompt: another word or number, a 'not', a minus, two readings exchanged."""
    prompt = task.request.prompt
    for token in _TOKEN.finditer(prompt):
        start, end, text = token.start(), token.end(), token.group()
        if text[0].isdigit():
            yield Change("another number", start, end, str(int(text) + 1).zfill(len(text)))
            yield Change("a minus sign", start, start, "-")
        else:
            yield Change("another word", start, end, _other(text))
            yield Change("a 'not'", start, start, "not ")
    spans = sorted({span for constraint in task.constraints.values() for span in constraint.spans})
    for at, first in enumerate(spans):
        for second in spans[at + 1 : at + 1 + APART]:
            one, other = prompt[slice(*first)], prompt[slice(*second)]
            if first[1] <= second[0] and one.casefold() != other.casefold():
                between = prompt[first[1] : second[0]]
                yield Change("two that change places", first[0], second[1], other + between + one)


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
