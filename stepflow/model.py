"""The frozen nouns that travel through a run: Request, Constraint, Step, Record, Verdict, Outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Origin = Literal["model", "patch", "repair", "rewrite", "fallback"]
"""Who wrote an answer or a step: the model at once, a patch or repair call, a rewriter, or the rule's fallback."""

OutcomeName = Literal["exact", "reuse", "rewrite", "patch", "skip_reuse", "miss", "passthrough"]
Final = Literal["verified", "fallback", "unverified"]
Scope = Literal["step", "output"]
OnFail = Literal["patch", "append", "drop", "repair", "skip_reuse", "fallback", "warn"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: the conversation, the parameters that can change the answer, the tenant, a forced rule."""

    messages: tuple[Message, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tenant: str = ""
    rule: str | None = None

    @classmethod
    def of(cls, prompt: str, **parameters: Any) -> Request:
        """A request of one user message."""
        return cls((Message("user", prompt),), parameters)

    @property
    def prompt(self) -> str:
        """The last user message: the only text that constraints come from by default. Empty when there is none."""
        return next((message.content for message in reversed(self.messages) if message.role == "user"), "")

    @property
    def system(self) -> str:
        """All system messages, joined by newlines."""
        return "\n".join(message.content for message in self.messages if message.role == "system")


@dataclass(frozen=True, slots=True)
class Constraint:
    """One thing that a prompt fixes, and where in the prompt it stands ([start, end) character offsets)."""

    name: str
    value: Any
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One ordered piece of an answer. `text` and `separator` of all steps, joined, are the answer to the byte.

    `fields` holds what the rule's parsers read in the text; `rest` is the text that no parser has read.
    `index` counts from 1.
    """

    index: int
    text: str
    separator: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    rest: str = ""
    origin: Origin = "model"


@dataclass(frozen=True, slots=True)
class Record:
    """A stored answer: what was asked, what it fixed, the steps with their parsed fields, and where it came from.

    `namespace` is the identity of everything outside the prompt (earlier turns, system prompt, parameters, tenant,
    model, rule and how that rule reads); records never cross it. `skeleton` is the prompt with its constraint values
    masked, hashed; `signature` hashes the constraint values (and the words, where the rule guards them). `words` are
    the content words outside the constraints, in order. `verified_under` is the fingerprint of everything that decided
    that the answer is right. `tenant` says in words whose it is; the namespace is what keeps tenants apart.
    `tags` are those of the pipeline that wrote it: names by which records are listed and deleted.
    `value` is the final answer as the rule's `answer` read it, None when it reads none.
    """

    id: str
    rule: str
    namespace: str
    skeleton: str
    signature: str
    request_key: str
    prompt: str
    constraints: Mapping[str, Any]
    let: Mapping[str, Any]
    words: tuple[str, ...]
    steps: tuple[Step, ...]
    origin: Origin
    final: Final
    verified_under: str
    model: str
    created_at: float
    usage: Usage | None = None
    tenant: str = ""
    value: Any = None
    tags: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """The stored answer, to the byte."""
        return "".join(step.text + step.separator for step in self.steps)


@dataclass(frozen=True, slots=True)
class Answered:
    """What exactly the same request is served of a record, without what only verification reads.

    `steps` counts the steps that make the `answer`; everything else is the record's.
    """

    id: str
    rule: str
    request_key: str
    answer: str
    steps: int
    origin: Origin
    constraints: Mapping[str, Any]
    let: Mapping[str, Any]
    value: Any
    usage: Usage | None
    created_at: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one verifier says of a step (or of the whole, when `step` is None), and why. `where` is file:line.

    `in_code` says that the reason speaks in the rule's own terms, as only its author understands them.
    """

    check: str
    scope: Scope
    step: int | None
    passed: bool
    reason: str = ""
    on_fail: OnFail = "patch"
    where: str = ""
    in_code: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the backend says it spent."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def total(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.prompt_tokens + other.prompt_tokens, self.completion_tokens + other.completion_tokens)

    def __sub__(self, other: Usage) -> Usage:
        """What is left of these tokens when others were spent: never below 0."""
        return Usage(
            max(self.prompt_tokens - other.prompt_tokens, 0), max(self.completion_tokens - other.completion_tokens, 0)
        )


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a run's journal: the stage, a sentence, and the data behind it (plain JSON)."""

    stage: str
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer served and how it came about.

    `kept`, `patched`, `rewritten` count steps; `calls` counts model calls; `usage` their tokens; `saved` the tokens
    that the reused record had cost, less what was spent now; `seconds` is wall time. `record` is the id of the record
    served or written, None when nothing was stored; `reused` that of the record whose steps went into the answer.
    `shadow` is what a shadowed run would have come to, in place of the model's answer that was passed through.
    """

    answer: str
    outcome: OutcomeName
    final: Final
    origin: Origin
    rule: str | None = None
    record: str | None = None
    reused: str | None = None
    skip_reason: str = ""
    kept: int = 0
    patched: int = 0
    rewritten: int = 0
    failed_steps: tuple[int, ...] = ()
    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    saved: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    constraints: Mapping[str, Any] = field(default_factory=dict)
    let: Mapping[str, Any] = field(default_factory=dict)
    value: Any = None
    verdicts: tuple[Verdict, ...] = ()
    journal: tuple[Event, ...] = ()
    trace: str = ""
    shadow: str = ""
