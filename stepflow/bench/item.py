"""One request of a workload: its prompt, how it differs from its base, who judges answers to it, and who knows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from stepflow.adapters.backends.simulated import Answers
from stepflow.model import Message
from stepflow.protocols import Call

Purpose = Literal["generate", "patch", "repair"]


class Check(Protocol):
    """Judges served answers, independently of rules and engine."""

    def objection(self, answer: str) -> str | None:
        """What speaks against the answer; None when it is right."""


class Expert(Protocol):
    """Knows right and wrong replies to the calls that answering one item can lead to: for simulated models only."""

    def answers(self, call: Call, purpose: Purpose) -> Answers:
        """What a model that is right, and one that is wrong, may reply."""


@dataclass(frozen=True, slots=True)
class Item:
    """One request.

    `kind` names the perturbation ('base' for a base prompt), `level` its strength. `base` is the base prompt that it
    comes from; `changes` says that a constant, a name or a key differs from it, so that its answer does not fit.
    `wants_reuse` is false where it asks for another answer altogether, of which nothing of the base's could be kept.
    """

    messages: tuple[Message, ...]
    task: str = ""
    kind: str = "base"
    level: str = ""
    base: str = ""
    changes: bool = False
    check: Check | None = None
    expert: Expert | None = None
    wants_reuse: bool = True

    @property
    def prompt(self) -> str:
        """The last user message."""
        return next((each.content for each in reversed(self.messages) if each.role == "user"), "")


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked: first the warm-up, whose cost is shown apart, then the requests that count."""

    name: str
    seed: int
    warm_up: Sequence[Item]
    requests: Sequence[Item]


def asked(prompt: str) -> tuple[Message, ...]:
    """A conversation of one user message."""
    return (Message("user", prompt),)
