"""What may stand in a rule and a pipeline file: one strict model per mapping.

Fields typed `Any` hold components (a bare word, or a map with `type:`): the compiler looks the type up first and then
checks the map against that plug's own options, so that a message speaks of one type only.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from stepflow.config.units import Duration, Size
from stepflow.model import Final, OnFail, Origin, OutcomeName, Scope
from stepflow.notation import ExpressionText, NameRef, RegexText, TableName, TemplateText
from stepflow.options import Options
from stepflow.plan import OPTIONAL_STAGES, STAGES, FallbackType, Find, Guard, PatchScope, Source

_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
_ID = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"

Identifier = Annotated[str, Field(pattern=_ID)]


def _names(mapping: dict[str, Any]) -> dict[str, Any]:
    import re

    for name in mapping:
        if not re.match(_NAME, name):
            raise ValueError(f"{name!r} cannot be a name: use letters, digits and underscores, a letter first")
    return mapping


NameMap = Annotated[dict[str, Any], AfterValidator(_names)]
ExpressionMap = Annotated[dict[str, Any], AfterValidator(_names)]


class ConstraintCommon(Options):
    """Keys of every constraint, beside its reader's own."""

    convert: str | None = Field(None, alias="as", description="Convert what was found: text, number, list, equation …")
    find: Find = Field("first", description="Which match counts; `only` declines when there are different ones")
    source: Source = Field("user", alias="from", description="Which text is read: the last user message, system, all")
    default: Any = Field(None, description="The value when nothing is found")
    optional: bool = Field(False, description="Whether the rule still owns a prompt without it")
    via: TableName | None = Field(None, description="A table that maps synonyms to one word")
    split: str | None = Field(None, description="Split at this pattern into a list; empty parts are left out")
    strip: str = Field("", description="Characters taken off both ends of the text and of each list item")


class FieldCommon(Options):
    """Keys of every item under `parse:`."""

    field: Annotated[str, Field(pattern=_NAME, description="The field's name: `step.<field>` in expressions")]
    convert: str | None = Field(None, alias="as", description="Convert what was found")
    find: Find = Field("first", description="Which match in the step counts")
    default: Any = Field(None, description="The value when nothing is found")
    optional: bool = Field(False, description="Whether a step may lack it; else such a step fails")
    via: TableName | None = Field(None, description="A table that maps synonyms to one word")
    split: str | None = Field(None, description="Split at this pattern into a list; empty parts are left out")
    strip: str = Field("", description="Characters taken off both ends")


class AnswerCommon(Options):
    """Keys of `answer:`."""

    convert: str | None = Field(None, alias="as", description="Convert what was found")
    pick: Literal["first", "last", "only"] = Field("last", description="Which match in the answer is the final one")
    via: TableName | None = Field(None, description="A table that maps synonyms to one word")
    split: str | None = Field(None, description="Split at this pattern into a list; empty parts are left out")
    strip: str = Field("", description="Characters taken off both ends")


class VerifyCommon(Options):
    """Keys of every verifier."""

    id: Identifier | None = Field(None, description="Its name in traces and messages; default: its type")
    scope: Scope = Field("output", description="What it looks at: each step, or the answer as a whole")
    when: ExpressionText | None = Field(None, description="Only then it has something to say")
    on_fail: OnFail = Field("patch", description="What a failure leads to")
    message: TemplateText | None = Field(None, description="The reason shown and sent to the model; may name `reason`")
    enabled: bool = Field(True, description="`false` switches it off")


class ConditionCommon(Options):
    """Keys of every condition (`match`, `unless`, `skip_when`)."""

    id: Identifier | None = Field(None, description="Its name in traces; default: its type")


class RewriteCommon(Options):
    """Keys of every rewriter."""

    id: Identifier | None = Field(None, description="Its name in traces; default: its type")
    when: ExpressionText | None = Field(None, description="Only for failing steps for which this holds")


class ReuseSpec(Options):
    """When the answer to another prompt may be considered."""

    min_similarity: float | None = Field(None, ge=0, le=1, description="Least similarity; default: the embedder's")
    top_k: int | None = Field(None, ge=1, le=100, description="How many candidates are considered")
    guard: Guard = Field("same_words", description="What must agree outside the constraints")
    ignore: list[str] = Field(default_factory=list, description="Words that do not change what is asked")
    ignore_matching: list[RegexText] = Field(
        default_factory=list, description="Patterns of phrases that do not change it either"
    )
    skip_when: list[Any] = Field(
        default_factory=list,
        description="Conditions under which reuse is not attempted; one that cannot be decided counts",
    )


class PromptingSpec(Options):
    """What is asked of the model, and with which schema."""

    prompt: TemplateText | None = Field(None, description="The message sent instead of the user's own")
    response_format_from: NameRef | None = Field(None, description="A name whose value is a JSON Schema for the reply")
    response_format: ExpressionText | None = Field(
        None, description="The same as an expression over all that the prompt may name"
    )

    @model_validator(mode="after")
    def _one_response_format(self) -> PromptingSpec:
        if self.response_format_from is not None and self.response_format is not None:
            raise ValueError("give either `response_format` or `response_format_from`, not both")
        return self


class PatchSpec(PromptingSpec):
    """How a failing region of a cached answer is regenerated."""

    scope: PatchScope = Field("from_first_failure", description="Which steps are regenerated")
    max_calls: int = Field(1, ge=1, le=5, description="Model calls at most")
    frame: TemplateText | None = Field(
        None, description="What the reply is put into, where less was asked for than steps"
    )
    enabled: bool = Field(True, description="`false`: a failing candidate is refused, never patched")


class RepairSpec(PromptingSpec):
    """How a wrong answer is sent back to the model."""

    max_attempts: int = Field(1, ge=0, le=10, description="Model calls at most")


class FallbackSpec(Options):
    """The deterministic end when no answer passes."""

    type: FallbackType = Field("none", description="`template` gives its text, `error` ends with exit code 1")
    text: TemplateText | None = Field(None, description="The answer, for `template`")

    @model_validator(mode="after")
    def _text_belongs_to_template(self) -> FallbackSpec:
        if (self.type == "template") != (self.text is not None):
            raise ValueError("`type: template` needs `text:`, and the other types take none")
        return self


class RuleSpec(Options):
    """One task type. Keys follow the run; only `id`, `match` and `verify` are required."""

    stepflow: Literal[1] = Field(description="Version of the language; write `stepflow: 1`")
    kind: Literal["rule"] = Field(description="What this file is; write `kind: rule`")
    id: Identifier = Field(description="The rule's name")
    title: str = Field("", description="One line for people")
    extends: str | None = Field(None, description="The id or file of one rule whose parts this one takes over")
    overrides: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Inherited list items by id, with keys given anew, or `enabled: false`"
    )
    priority: int = Field(0, description="Rules with a higher one are asked first")
    match: list[Any] = Field(min_length=1, description="Any of these makes the prompt this rule's")
    unless: list[Any] = Field(
        default_factory=list,
        description="Any of these makes it not this rule's after all; so does one that cannot be decided",
    )
    grammars: Annotated[dict[str, str], AfterValidator(_names)] = Field(
        default_factory=dict, description="Lark grammars by name, or `{from: …}`: built in, a file, a pack"
    )
    tables: Annotated[dict[str, dict[str, Any]], AfterValidator(_names)] = Field(
        default_factory=dict, description="Look-up tables by name, or `{file: …}`: CSV or YAML"
    )
    constraints: NameMap = Field(default_factory=dict, description="What a prompt fixes, by name")
    let: ExpressionMap = Field(default_factory=dict, description="Values that follow from the constraints")
    segment: Any = Field("whole", description="How an answer falls into steps")
    parse: list[Any] = Field(default_factory=list, description="What is read in each step")
    answer: Any = Field(None, description="Where the final answer stands")
    verify: list[Any] = Field(min_length=1, description="What makes a step and an answer right")
    reuse: ReuseSpec = Field(default_factory=lambda: ReuseSpec.model_validate({}), description="When to consider reuse")
    rewrite: list[Any] = Field(default_factory=list, description="Rewriters of failing steps, without a model call")
    generate: PromptingSpec = Field(
        default_factory=lambda: PromptingSpec.model_validate({}), description="What is asked for a full answer"
    )
    reply: Literal["text", "tool_call"] = Field(
        "text", description="`tool_call`: owns requests that offer tools; the call, as JSON, is the answer"
    )
    stream: Literal["whole", "steps"] = Field(
        "whole", description="`steps`: a streamed answer is sent step by step, each as soon as it is verified"
    )
    patch: PatchSpec = Field(
        default_factory=lambda: PatchSpec.model_validate({}), description="How a failing region is regenerated"
    )
    repair: RepairSpec = Field(
        default_factory=lambda: RepairSpec.model_validate({}), description="How a wrong answer is sent back"
    )
    fallback: FallbackSpec = Field(
        default_factory=lambda: FallbackSpec.model_validate({}), description="The deterministic end"
    )
    tests: list[Any] = Field(default_factory=list, description="Tests, run offline by `stepflow test`")


class RetrieveSpec(Options):
    """How candidates are looked for."""

    embedder: str = Field("hashing", description="The embedder's name")
    index: Literal["auto", "exact", "faiss"] = Field(
        "auto", description="How the nearest are found: one by one, or by faiss where there are many; auto if installed"
    )
    top_k: int = Field(5, ge=1, le=100, description="Candidates considered at most")
    min_similarity: float | None = Field(None, ge=0, le=1, description="Least similarity; default: the embedder's")
    skeleton: bool = Field(True, description="Look for equal signatures and skeletons before similarity")


class RouteSpec(Options):
    """What happens to a prompt that no rule owns."""

    no_match: Literal["passthrough", "error"] = Field("passthrough", description="Ask the model as it is, or refuse")


class LimitsSpec(Options):
    """Bounds of one request."""

    model_calls: int = Field(6, ge=0, le=100, description="Model calls at most")
    wall_time: Duration = Field(120.0, description="Time in model calls at most")
    prompt_chars: int = Field(20_000, ge=1, le=1_000_000, description="Longer prompts are passed through")


class TraceSpec(Options):
    """Where runs are written down."""

    dir: str = Field(".stepflow/traces", description="The folder, relative to the working directory")
    keep: int = Field(200, ge=0, description="How many traces are kept; 0 writes none")


class StoreSpec(Options):
    """The store: where records live."""

    type: str = Field("diskcache", description="The store's name")
    path: str = Field(".stepflow/cache", description="The folder, relative to the working directory")
    url: SecretStr | None = Field(None, description="The server's address, maybe with user and password")
    prefix: str = Field("stepflow", pattern=r"^[A-Za-z0-9_.-]+$", description="What the keys on a server begin with")
    size_limit: Size = Field(1 << 30, description="Size at which the records go that save least")
    expire: Duration | None = Field(None, description="Age at which a record goes; never renewed by a hit")
    tags: list[Annotated[str, Field(min_length=1)]] = Field([], description="Names that the records written get")
    single_flight: bool = Field(True, description="Of the same requests at once, one asks the model, the others wait")


def _ordered(stages: list[str]) -> list[str]:
    unknown = [stage for stage in stages if stage not in STAGES]
    if unknown:
        from stepflow.config.problems import nearest

        near = nearest(unknown[0], STAGES)
        raise ValueError(f"{unknown[0]!r} is not a stage" + (f"; did you mean {near!r}?" if near else ""))
    if stages != [stage for stage in STAGES if stage in stages]:
        raise ValueError(f"stages run in this order: {', '.join(STAGES)}")
    missing = [stage for stage in STAGES if stage not in stages and stage not in OPTIONAL_STAGES]
    if missing:
        raise ValueError(f"{', '.join(missing)} cannot be left out: without it nothing is verified")
    return stages


class PipelineSpec(Options):
    """Rules, backend, store, stages and limits."""

    stepflow: Literal[1] = Field(description="Version of the language; write `stepflow: 1`")
    kind: Literal["pipeline"] = Field(description="What this file is; write `kind: pipeline`")
    id: Identifier = Field(description="The pipeline's name")
    title: str = Field("", description="One line for people")
    rules: list[Any] = Field(default_factory=list, description="Files, patterns of files, or rules written here")
    backend: Any = Field(description="The model")
    store: StoreSpec = Field(default_factory=lambda: StoreSpec.model_validate({}), description="Where records live")
    retrieve: RetrieveSpec = Field(
        default_factory=lambda: RetrieveSpec.model_validate({}), description="How candidates are looked for"
    )
    route: RouteSpec = Field(default_factory=lambda: RouteSpec.model_validate({}), description="Prompts of no rule")
    stages: Annotated[list[str], AfterValidator(_ordered)] = Field(
        default_factory=lambda: [*map(str, STAGES)], description="Stages that run, in this order"
    )
    limits: LimitsSpec = Field(default_factory=lambda: LimitsSpec.model_validate({}), description="Bounds of a request")
    on_unverified: Literal["return", "error"] = Field("return", description="What happens when nothing passes")
    trace: TraceSpec = Field(default_factory=lambda: TraceSpec.model_validate({}), description="Where runs are noted")
    tests: list[Any] = Field(default_factory=list, description="Tests of several turns")


class CachedTurn(Options):
    """An earlier prompt and its answer, put into the store before a test."""

    prompt: str = Field(description="The earlier prompt")
    output: str = Field(description="The answer that was stored, right or wrong")
    origin: Origin = Field("model", description="Who wrote it")


class ExpectSpec(Options):
    """What a test expects. Unknown keys are errors: a typo must not make a test pass."""

    matched: bool | None = Field(None, description="Whether the rule owns the prompt")
    rule: str | None = Field(None, description="The rule that owns it (pipelines)")
    constraints: dict[str, Any] | None = Field(None, description="Constraint values, those named")
    let: dict[str, Any] | None = Field(None, description="`let` values, those named")
    steps: list[str] | None = Field(None, description="The texts of the answer's steps")
    failed_steps: list[int] | None = Field(None, description="Steps of the candidate, or of `output`, that fail")
    failed_checks: list[str] | None = Field(None, description="Verifiers that fail on the candidate, or on `output`")
    outcome: OutcomeName | None = Field(None, description="How the answer came about")
    final: Final | None = Field(None, description="How far the answer can be trusted")
    origin: Origin | None = Field(None, description="Who wrote the answer")
    skip_reason: str | None = Field(None, description="Why reuse was skipped")
    calls: int | None = Field(None, ge=0, description="Model calls")
    kept: int | None = Field(None, ge=0, description="Steps kept")
    answer: Any = Field(None, description="The final answer's value")
    output: str | None = Field(None, description="The whole text served")
    error: str | None = Field(None, description="Part of the error message")

    @model_validator(mode="after")
    def _expects_something(self) -> ExpectSpec:
        if not self.model_fields_set:
            raise ValueError("a test that expects nothing shows nothing: say what must come out")
        return self


class TestSpec(Options):
    """One test of a rule."""

    __test__ = False

    name: str = Field("", description="What it shows")
    prompt: str = Field(description="The user's message")
    system: str | None = Field(None, description="A system prompt before it")
    tools: list[dict[str, Any]] = Field(
        default_factory=list, description="The tools that it offers, as OpenAI has them"
    )
    cache: list[CachedTurn] = Field(default_factory=list, description="What is in the store before")
    model: list[Any] = Field(default_factory=list, description="The model's replies, in order")
    output: str | None = Field(None, description="An answer to verify, without any run")
    expect: ExpectSpec = Field(description="What must come out")
    todo: bool = Field(False, description="A known gap: reported, does not fail")


class TurnSpec(Options):
    """One request of a pipeline's test."""

    prompt: str = Field(description="The user's message")
    system: str | None = Field(None, description="A system prompt before it")
    model: list[Any] = Field(default_factory=list, description="The model's replies, in order")
    expect: ExpectSpec = Field(description="What must come out")


class PipelineTestSpec(Options):
    """A test of a pipeline: requests one after the other on one empty store."""

    name: str = Field("", description="What it shows")
    turns: list[TurnSpec] = Field(min_length=1, description="The requests, in order")
    todo: bool = Field(False, description="A known gap: reported, does not fail")


class PackSpec(Options):
    """Rules that belong together, with the grammars and tables that they share."""

    stepflow: Literal[1] = Field(description="Version of the language; write `stepflow: 1`")
    kind: Literal["pack"] = Field(description="What this file is; write `kind: pack`")
    id: Identifier = Field(description="The pack's name")
    title: str = Field("", description="One line for people")
    version: str = Field("", description="The pack's own version, a text")
    rules: list[str] = Field(default_factory=list, description="Files and patterns of files, relative to this one")
    grammars: NameMap = Field(default_factory=dict, description="Grammars that rules take with `{from: <this file>}`")
    tables: NameMap = Field(default_factory=dict, description="Tables that rules take with `{from: <this file>}`")


class TestsSpec(Options):
    """Further tests of a rule, in the file `<id>.tests.yaml` beside it."""

    __test__ = False

    stepflow: Literal[1] = Field(description="Version of the language; write `stepflow: 1`")
    kind: Literal["tests"] = Field(description="What this file is; write `kind: tests`")
    tests: list[Any] = Field(min_length=1, description="Tests, as they stand in a rule")
