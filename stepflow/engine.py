"""The façade: load a pipeline, answer requests, close.

with stepflow.load("pipelines/default.yaml") as pipeline:
    outcome = pipeline.run("Solve 2x + 3 = 11 for x.")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stepflow import traces
from stepflow.archive import Archive
from stepflow.catalog import registry
from stepflow.compiler.pipelines import Compiled, compile_pipeline
from stepflow.compiler.workshop import Workshop
from stepflow.config.problems import validate
from stepflow.config.schema import StoreSpec
from stepflow.config.sources import PipelineFile
from stepflow.errors import BackendError, ConfigError, StepflowError, UsageError
from stepflow.model import Message, Outcome, Request
from stepflow.plan import Plan
from stepflow.protocols import Backend, Call, Completion, Embedder, Store
from stepflow.runtime.drivers import adrive, drive, new_id
from stepflow.runtime.extract import claim
from stepflow.runtime.flight import Flight, Keeper, fly
from stepflow.runtime.interpreter import Interpretation, interpret
from stepflow.runtime.journal import Journal
from stepflow.runtime.segment import NotSegmentable, cut
from stepflow.runtime.shadow import shadowed
from stepflow.runtime.verify import examine
from stepflow.source import Diagnostic
from stepflow.version import VERSION

Prompt = str | Request | Sequence[Message]


def load(path: str, overrides: Mapping[str, Any] | None = None) -> Pipeline:
    """The pipeline of a YAML file, ready to answer.

    `overrides` replace settings of the file, e.g. `{"backend": {"model": "openai/gpt-4o-mini"}}`. Raises `ConfigError`
    with every problem of every file, `UsageError` when the file is not there, `StoreError` when its store cannot open.
    """
    compiled = compile_pipeline(path, registry(), VERSION, overrides)
    retrieve = compiled.spec.retrieve
    return Pipeline(compiled, open_archive(compiled.spec.store, retrieve.embedder, retrieve.index))


def open_archive(store: StoreSpec, embedder: str = "hashing", index: str = "auto") -> Archive:
    """The records of a store. Raises `StoreError`, and `UsageError` for an index whose library is not installed."""
    from stepflow.adapters.indexes.choosing import chosen

    embed = _build_embedder(embedder)
    opened = _build_store(store)
    try:
        return Archive(opened, embed, chosen(index, opened.folder))
    except UsageError:
        opened.close()
        raise


def store_of(path: str) -> StoreSpec:
    """What a pipeline file says of its store; its rules are not looked at, so that they may be broken."""
    document = PipelineFile(path).document
    data = document.data.get("store", {}) if isinstance(document.data, dict) else {}
    spec, problems = validate(StoreSpec, data, document, ("store",), breadcrumb="pipeline › store", noun="a store")
    if problems:
        raise ConfigError(problems)
    assert isinstance(spec, StoreSpec)
    return spec


class Pipeline:
    """A loaded pipeline. Safe for several threads; use it as a context manager, or close it."""

    def __init__(self, compiled: Compiled, archive: Archive) -> None:
        self.plan: Plan = compiled.plan
        self.warnings: tuple[Diagnostic, ...] = compiled.problems
        self.archive = archive
        self.backend: Backend = compiled.backend
        self._keeper = Keeper() if compiled.spec.store.single_flight else None

    def run(self, prompt: Prompt, *, shadow: bool = False, **options: Any) -> Outcome:
        """Answer one request, blocking.

        Options: `system` (text), `rule` (force one by id), `tenant`, `parameters` (a map of what the model is given),
        `allow_model` (False fails instead of calling). With `shadow` the model's answer is served and nothing stored;
        the outcome's `shadow` says what would have come. Raises `BackendError`, `UnverifiedAnswer`, `UsageError`.
        """
        request, backend = self._request(prompt, **options)
        journal, flight = Journal(), None if shadow or isinstance(backend, NoModel) else self.flight()
        try:
            outcome = drive(self._flow(request, journal, flight, shadow), self.archive, backend, flight)
        except StepflowError as error:
            self._note_failure(request, journal, error)
            raise
        finally:
            if flight is not None:
                flight.land()
        return self._noted(request, outcome)

    async def arun(self, prompt: Prompt, *, shadow: bool = False, **options: Any) -> Outcome:
        """The same without blocking the event loop."""
        request, backend = self._request(prompt, **options)
        journal, flight = Journal(), None if shadow or isinstance(backend, NoModel) else self.flight()
        try:
            outcome = await adrive(self._flow(request, journal, flight, shadow), self.archive, backend, flight=flight)
        except StepflowError as error:
            self._note_failure(request, journal, error)
            raise
        finally:
            if flight is not None:
                await flight.aland()
        return self._noted(request, outcome)

    def accepts(self, prompt: Prompt, answer: str, **options: Any) -> bool | None:
        """Whether the rule that owns the prompt would verify this answer; None when no rule owns it. Asks no model."""
        request, _ = self._request(prompt, **options)
        task = claim(self.plan, request, Journal())
        if task is None:
            return None
        try:
            return examine(task, cut(task.rule, answer)).passed
        except NotSegmentable:
            return False

    def flight(self) -> Flight | None:
        """The way of one run past others of the same request; None when the pipeline wants none (`single_flight`)."""
        return None if self._keeper is None else Flight(self.archive, self._keeper)

    def close(self) -> None:
        """Close the store and the backend. Idempotent."""
        try:
            self.archive.close()
        finally:
            self.backend.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _request(
        self,
        prompt: Prompt,
        *,
        system: str | None = None,
        rule: str | None = None,
        tenant: str = "",
        parameters: Mapping[str, Any] | None = None,
        allow_model: bool = True,
    ) -> tuple[Request, Backend]:
        request = make_request(prompt, system=system, rule=rule, tenant=tenant, parameters=parameters)
        check_request(self.plan, request)
        return request, self.backend if allow_model else NoModel(self.backend)

    def _flow(self, request: Request, journal: Journal, flight: Flight | None, shadow: bool) -> Interpretation:
        if shadow:
            return shadowed(self.plan, request, journal)
        return (interpret if flight is None else fly)(self.plan, request, journal)

    def _noted(self, request: Request, outcome: Outcome) -> Outcome:
        if self.plan.trace_dir is None:
            return outcome
        trace_id = new_id()
        traces.write(
            self.plan.trace_dir, self.plan.trace_keep, trace_id, traces.describe(request, outcome, self.plan.path)
        )
        return replace(outcome, trace=trace_id)

    def _note_failure(self, request: Request, journal: Journal, error: StepflowError) -> None:
        if self.plan.trace_dir is None:
            return
        trace = {
            "pipeline": self.plan.path,
            "prompt": request.prompt,
            "error": str(error),
            "journal": [traces.event_json(event) for event in journal.events],
        }
        traces.write(self.plan.trace_dir, self.plan.trace_keep, new_id(), trace)


def check_request(plan: Plan, request: Request) -> None:
    """Raise `UsageError` when the request names a rule that is not there, or holds what is no text."""
    known = [each.id for each in plan.rules]
    if request.rule is not None and request.rule not in known:
        raise UsageError(f"there is no rule {request.rule!r} in {plan.path}; there are: {', '.join(known)}")
    _refuse_broken_text(request)


def _refuse_broken_text(request: Request) -> None:
    """Raise when a message cannot be written as UTF-8: bytes that were no text, or half of a character pair."""
    for message in request.messages:
        try:
            message.content.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UsageError(
                f"the {message.role} message is not UTF-8 text: character {error.start + 1} is none"
            ) from None


class NoModel:
    """A backend that refuses: what `--no-model` puts in the place of the real one."""

    def __init__(self, backend: Backend) -> None:
        self.model = backend.model
        self.identity = backend.identity

    def complete(self, call: Call) -> Completion:
        """Raise: no model may be asked."""
        raise BackendError(
            "this prompt needs a model call, and --no-model forbids it: nothing stored answers it verified"
        )

    async def acomplete(self, call: Call) -> Completion:
        """Raise: no model may be asked."""
        return self.complete(call)

    def close(self) -> None:
        """Nothing is open."""


def make_request(
    prompt: Prompt,
    *,
    system: str | None = None,
    rule: str | None = None,
    tenant: str = "",
    parameters: Mapping[str, Any] | None = None,
) -> Request:
    """A request from a text, a conversation, or a request as it is. Raises `UsageError` for options beside the last."""
    if isinstance(prompt, Request):
        given = {"system": system, "rule": rule, "tenant": tenant or None, "parameters": parameters}
        for name, value in given.items():
            if value is not None:
                raise UsageError(f"`{name}` stands in the request already; give it there")
        return prompt
    messages = (Message("user", prompt),) if isinstance(prompt, str) else tuple(prompt)
    if system is not None:
        messages = (Message("system", system), *messages)
    return Request(messages, dict(parameters or {}), tenant, rule)


def _build_store(spec: StoreSpec) -> Store:
    plug = registry().get("store", spec.type)
    values = {name: value for name, value in spec if name in plug.Options.model_fields}
    for name, field in plug.Options.model_fields.items():
        if field.is_required() and values[name] is None:
            raise UsageError(f"store {spec.type!r} needs {name!r}; `stepflow describe store/{spec.type}` tells of it")
    options = plug.Options(**values)
    store: Store = plug.build(options, Workshop({}, {}, {}))
    return store


def _build_embedder(name: str) -> Embedder:
    plug = registry().get("embedder", name)
    embedder: Embedder = plug.build(plug.Options(), Workshop({}, {}, {}))
    return embedder
