"""One shipped rule in a world of its own: a store in memory and replies from a list. It runs, and judges nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from stepflow.adapters.backends import scripted
from stepflow.adapters.embedders import hashing
from stepflow.adapters.indexes.exact import ExactIndex
from stepflow.adapters.stores import memory
from stepflow.archive import Archive
from stepflow.catalog import registry
from stepflow.compiler.pipelines import check_rule_file
from stepflow.compiler.workshop import Workshop
from stepflow.errors import StepflowError
from stepflow.model import Message, Outcome, Request
from stepflow.plan import Plan, Rule
from stepflow.runtime.drivers import drive, new_id
from stepflow.runtime.extract import Declined, Task, understand
from stepflow.runtime.interpreter import interpret
from stepflow.runtime.journal import Journal
from stepflow.runtime.record import Keys, draft_record
from stepflow.runtime.segment import NotSegmentable, cut
from stepflow.runtime.verify import examine
from stepflow.version import VERSION

RULES = Path(__file__).parents[1] / "rules"
TRUSTED = {"verified", "fallback"}
BARE = Workshop({}, {}, {})
Asked = str | Request | Callable[[], str | Request]


@cache
def shipped(name: str) -> Rule:
    """The rule of `rules/<name>.yaml`, compiled."""
    rule, problems = check_rule_file(str(RULES / f"{name}.yaml"), registry(), VERSION)
    assert rule is not None, problems
    return rule


def request_of(prompt: str | Request, system: str | None = None, tools: Sequence[object] = ()) -> Request:
    """A prompt as a request; one that is a request already stays as it is."""
    if isinstance(prompt, Request):
        return prompt
    messages = [Message("user", prompt)] if system is None else [Message("system", system), Message("user", prompt)]
    return Request(tuple(messages), {"tools": list(tools)} if tools else {})


def new_archive() -> Archive:
    """An empty store."""
    return Archive(memory.build(memory.Options(), BARE), hashing.build(hashing.Options(), BARE), ExactIndex)


@dataclass(frozen=True, slots=True)
class World:
    """A rule and a store that fills as it is asked."""

    name: str
    archive: Archive = field(default_factory=new_archive)

    def ask(self, prompt: str | Request, *replies: str) -> Outcome | None:
        """The outcome of a whole run; None when it ends in an error, with nothing served."""
        rule = shipped(self.name)
        plan = Plan("test", str(RULES), (rule,), {}, rule.verifying)
        backend = scripted.build(scripted.Options(replies=list(replies)), BARE)
        try:
            return drive(interpret(plan, request_of(prompt), Journal()), self.archive, backend)
        except StepflowError:
            return None

    def store(self, prompt: str | Request, answer: str) -> bool:
        """Put an answer into the store, right or wrong; whether prompt and answer could be read."""
        task = read(self.name, prompt)
        if task is None:
            return False
        try:
            examination = examine(task, cut(task.rule, answer))
        except NotSegmentable:
            return False
        keys = Keys(task, {}, f"stored {prompt}")
        record = draft_record(
            task, examination, keys=keys, origin="model", final="verified", model="scripted", usage=None
        )
        self.archive.save(replace(record, id=new_id()))
        return True

    def trusted(self, prompt: str | Request, replies: Sequence[str]) -> str | None:
        """The answer served as verified or as the rule's own; None when there is none that claims to be right."""
        outcome = self.ask(prompt, *replies)
        return outcome.answer if outcome is not None and outcome.final in TRUSTED else None


def runs(name: str, prompt: Asked, replies: Iterable[str], calls: int) -> Iterator[Outcome | None]:
    """Runs on empty stores in which the model says each reply in turn: what is not trusted is followed by the next.

    A run makes `calls` calls at most. A `prompt` that is called may give another wording for each run.
    """
    left = list(replies)
    while left:
        said = (left + left[-1:] * calls)[:calls]
        outcome = World(name).ask(prompt() if callable(prompt) else prompt, *said)
        yield outcome
        left = left[calls if outcome is None else outcome.calls :]


def trusted_answers(name: str, prompt: Asked, replies: Iterable[str], calls: int) -> Iterator[str]:
    """The answers of such runs that are served as verified or as the rule's own."""
    return (run.answer for run in runs(name, prompt, replies, calls) if run is not None and run.final in TRUSTED)


def read(name: str, prompt: str | Request) -> Task | None:
    """The prompt as the rule reads it, None when it is not the rule's."""
    try:
        return understand(shipped(name), request_of(prompt))
    except Declined:
        return None
