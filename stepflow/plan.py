"""A pipeline compiled: frozen, names resolved, patterns and templates built. The runtime sees nothing else.

`where` fields hold `file:line` of the YAML that a part came from, for journals and messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stepflow.model import OnFail, Scope
from stepflow.notation import Expression, Pattern, Template
from stepflow.protocols import Condition, Converter, Reader, Rewriter, Segmenter, Verifier

Find = Literal["first", "last", "only", "all"]
Source = Literal["user", "system", "conversation"]
Guard = Literal["same_words", "none"]
PatchScope = Literal["from_first_failure", "failing_region", "failing_step", "whole"]
FallbackType = Literal["template", "error", "none"]
Streamed = Literal["whole", "steps"]
Replied = Literal["text", "tool_call"]
Stage = Literal[
    "extract", "exact", "retrieve", "gate", "verify", "rewrite", "patch", "generate", "repair", "fallback",
    "integrity", "record",
]  # fmt: skip
STAGES: tuple[Stage, ...] = (
    "extract", "exact", "retrieve", "gate", "verify", "rewrite", "patch", "generate", "repair", "fallback",
    "integrity", "record",
)  # fmt: skip
ENGINE_CHECKS = frozenset({"parse", "answer", "segment", "complete", "unchecked", "reply"})
"""What the engine itself checks of every answer, under these names."""
OPTIONAL_STAGES: frozenset[str] = frozenset({"exact", "retrieve", "rewrite", "patch", "repair", "fallback", "record"})
"""Stages that a pipeline may leave out. The others are what makes an answer verified."""


@dataclass(frozen=True, slots=True)
class Default:
    """A value to take when nothing was found (its own class, so that `default: null` differs from none given)."""

    value: Any


@dataclass(frozen=True, slots=True)
class Reading:
    """How one named value is read from a text: a constraint of a prompt, a field of a step, the answer."""

    name: str
    reader: Reader
    convert: Converter
    find: Find = "first"
    split: Pattern | None = None
    strip: str = ""
    via: Mapping[str, Any] | None = None
    optional: bool = False
    default: Default | None = None
    source: Source = "user"
    where: str = ""


@dataclass(frozen=True, slots=True)
class Derivation:
    """A `let` value: a name and the expression that gives it."""

    name: str
    expression: Expression
    where: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One verifier of the chain. `reads` are the constraints that its verdict rests on, directly or through `let`."""

    id: str
    scope: Scope
    verifier: Verifier
    on_fail: OnFail = "patch"
    reads: frozenset[str] = frozenset()
    when: Expression | None = None
    message: Template | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One `skip_when` (or `match`, `unless`) condition; `name` is the reason shown when it holds."""

    name: str
    condition: Condition
    where: str = ""


@dataclass(frozen=True, slots=True)
class Reuse:
    """When a record of another prompt may be considered."""

    guard: Guard = "same_words"
    ignore: frozenset[str] = frozenset()
    ignore_matching: tuple[Pattern, ...] = ()
    min_similarity: float | None = None
    top_k: int | None = None
    skip_when: tuple[Refusal, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class Prompting:
    """What is asked of the model in one situation. `template` None sends the user's own message.

    `schema` gives the JSON Schema of the reply, or something else when there is none.
    """

    template: Template | None = None
    schema: Expression | None = None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One rewriter of the chain."""

    id: str
    rewriter: Rewriter
    when: Expression | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    """How a failing region is regenerated. `frame` writes steps around a reply that is less than that."""

    scope: PatchScope
    max_calls: int
    prompting: Prompting
    frame: Template | None = None


@dataclass(frozen=True, slots=True)
class Repair:
    """How often, and how, a wrong answer is sent back."""

    max_attempts: int
    prompting: Prompting


@dataclass(frozen=True, slots=True)
class Fallback:
    """The deterministic end: a template's text, an error, or nothing."""

    type: FallbackType
    template: Template | None = None


@dataclass(frozen=True, slots=True)
class DeclaredTest:
    """A test from a file, checked but not run: its name, its place, and what was written."""

    name: str
    where: str
    spec: Any


@dataclass(frozen=True, slots=True)
class Rule:
    """One task type, compiled.

    `reading` is the fingerprint of everything that decides how prompts and answers are read; records never cross it.
    `verifying` is the fingerprint of the whole rule. `unguarded` are constraints that nothing checks, `compared` those
    that a `skip_when` condition compares with the cached ones.
    """

    id: str
    title: str
    path: str
    priority: int
    match: tuple[Refusal, ...]
    unless: tuple[Refusal, ...]
    constraints: tuple[Reading, ...]
    let: tuple[Derivation, ...]
    tables: Mapping[str, Mapping[str, Any]]
    segmenter: Segmenter
    parse: tuple[Reading, ...]
    answer: Reading | None
    checks: tuple[Check, ...]
    reuse: Reuse
    rewrite: tuple[Rewrite, ...]
    generate: Prompting
    patch: Patch | None
    repair: Repair | None
    fallback: Fallback
    unguarded: tuple[str, ...]
    compared: frozenset[str]
    reading: str
    verifying: str
    stream: Streamed = "whole"
    reply: Replied = "text"
    tests: tuple[DeclaredTest, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request. `wall_time_s` counts the seconds spent in model calls."""

    model_calls: int = 6
    wall_time_s: float = 120.0
    prompt_chars: int = 20_000


@dataclass(frozen=True, slots=True)
class Retrieve:
    """How candidates are looked for. `min_similarity` None is the embedder's own."""

    top_k: int = 5
    min_similarity: float | None = None
    skeleton: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """A pipeline, compiled. `identity` names model and parameters; `sources` fingerprints all files it came from.

    `tags` are given to the records that it writes.
    """

    id: str
    path: str
    rules: tuple[Rule, ...]
    identity: Mapping[str, Any]
    sources: str
    stages: frozenset[str] = frozenset(STAGES)
    limits: Limits = Limits()
    retrieve: Retrieve = Retrieve()
    no_match: Literal["passthrough", "error"] = "passthrough"
    on_unverified: Literal["return", "error"] = "return"
    tags: tuple[str, ...] = ()
    trace_dir: str | None = None
    trace_keep: int = 200
    tests: tuple[DeclaredTest, ...] = ()
