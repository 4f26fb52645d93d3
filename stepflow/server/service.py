"""Requests to outcomes: which pipeline, whose records, at whose turn, and what becomes of requests that are alike.

An exact hit never leaves the event loop. Everything else runs in a thread until it needs the model, and only there are
there limits: a hit waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from stepflow.adapters.backends.relaying import body_of, completion_of, plain_call, reply_of
from stepflow.engine import check_request
from stepflow.model import Event, Outcome, Request
from stepflow.plan import Plan
from stepflow.protocols import Completion, Relay
from stepflow.runtime.drivers import Records, adrive, new_id
from stepflow.runtime.effects import Generate
from stepflow.runtime.flight import fly
from stepflow.runtime.interpreter import interpret
from stepflow.runtime.journal import Journal
from stepflow.runtime.record import request_key
from stepflow.runtime.shadow import Unanswered, foresee
from stepflow.server.board import Board, Figures
from stepflow.server.gate import Gate
from stepflow.server.growing import Growing, written
from stepflow.server.hot import Base, HotAnswers
from stepflow.server.houses import House, Loaded
from stepflow.server.ledger import Ledger
from stepflow.server.recent import Entry
from stepflow.server.refusals import Refused
from stepflow.server.relayed import Relayed, in_chunks, passed_through
from stepflow.server.settings import Settings
from stepflow.server.spans import Span
from stepflow.server.tenants import Keys, Tenant, read_keys, refuse_foreign
from stepflow.server.views import NotOlder
from stepflow.server.wire import Ask, usage_json
from stepflow.toolcalls import calls_of, text_of


class _NotOwned(Exception):
    """No rule owns the prompt: the request is passed on as it is."""


class _Answered(Exception):
    """The shared records answer it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Served:
    """A whole answer: an outcome, and the backend's own reply where that is served, so that nothing of it is lost.

    `calls` are names and arguments of the functions that the answer calls, where it is no text; `reasoning` is what the
    model thought aloud in the last call of this request.
    An exact hit that may be served again without looking further says on what `base`.
    """

    entry: Entry
    outcome: Outcome
    reply: Mapping[str, Any] | None = None
    base: Base | None = None
    calls: tuple[tuple[str, str], ...] = ()
    reasoning: str = ""


@dataclass(slots=True, eq=False)
class Job:
    """One request on its way. `key` is its identity; `asked` is set once the model is about to be asked.

    `growing` takes what may be sent before the answer is whole; `reply` is the last one that may be more than a text.
    """

    ask: Ask
    request: Request
    tenant: Tenant
    house: House
    loaded: Loaded
    plan: Plan
    records: Records
    entry: Entry
    key: str
    deadline: float
    growing: Growing | None = None
    asked: bool = False
    reply: Mapping[str, Any] | None = None
    reasoning: str = ""
    span: Span = field(default_factory=Span)


class Service:
    """Everything that answers, without a socket. One for each process."""

    def __init__(self, settings: Settings, houses: Sequence[House], keys: Keys | None = None) -> None:
        self.settings = settings
        self.houses = tuple(houses)
        self.keys = keys or Keys()
        self.ledger = Ledger(settings)
        self.gate = Gate(settings.model_calls, settings.waiting, settings.tenant_calls)
        self.board = Board(settings.board)
        self.open = 0
        self.hot = HotAnswers(settings.hot_bytes)

    # --- answering ----------------------------------------------------------------------------------------------------

    async def answer(self, ask: Ask, tenant: Tenant, growing: Growing | None = None) -> Served | Relayed:
        """Answer one request. Raises `Refused` and `StepflowError`; a `Relayed` must be closed by whoever gets it.

        Steps that may be sent before the answer is whole go to `growing`.
        """
        job = self._job(ask, tenant)
        if growing is not None:
            job.growing, growing.trace = growing, job.entry.id
        async with AsyncExitStack() as stack:
            stack.enter_context(job.loaded.used())
            with job.span.current():
                try:
                    async with asyncio.timeout_at(job.deadline):
                        result = await self._answer(job, stack)
                except BaseException as error:
                    self._failed(job, error)
                    raise
                if isinstance(result, Relayed):
                    result.hold(stack.pop_all(), lambda outcome, error: self._ended(job, outcome, error))
                else:
                    self._succeeded(job, result.outcome)
                    result = replace(result, base=_base(job, result.outcome))
        return result

    def admitted(self, host: str, authorization: str) -> Tenant:
        """Whose request it is. Raises `Refused` where the host (without keys) or the key is not one of ours."""
        if not self.keys.needed and not self.settings.open_to_all:
            refuse_foreign(host, self.settings.host)
        tenant = self.keys.tenant(authorization)
        if tenant is None:
            raise Refused(401, "give a valid API key as `Authorization: Bearer …`", "invalid_api_key")
        return tenant

    def model_of(self, ask: Ask) -> str:
        """The name of the model in a reply."""
        return ask.model or self.houses[0].id

    def house(self, ask: Ask) -> House:
        """The pipeline that a request is for. Raises `Refused` when there is none."""
        wanted = ask.control.pipeline
        if wanted is not None:
            found = next((house for house in self.houses if house.id == wanted), None)
        else:
            found = next((house for house in self.houses if house.answers_to(ask.model)), None)
            if found is None and (self.settings.any_model or not ask.model):
                found = self.houses[0]
        if found is None:
            name, names = (wanted or ask.model)[:64], ", ".join(self.models())
            raise Refused(404, f"there is no model {name!r} here; there are: {names}", "model_not_found")
        return found

    def models(self) -> list[str]:
        """What `model` may name: pipelines, and the models behind them."""
        return list(dict.fromkeys([*(each.id for each in self.houses), *(each.model for each in self.houses)]))

    def _job(self, ask: Ask, tenant: Tenant) -> Job:
        control, house = ask.control, self.house(ask)
        loaded = house.current
        space = tenant.space(control.namespace)
        if ask.request is None:
            request = Request((), {}, space)
        else:
            _refuse_unknown(control.rule, loaded.pipeline.plan)
            request = replace(ask.request, tenant=space, rule=control.rule)
            check_request(loaded.pipeline.plan, request)
        archive = loaded.pipeline.archive
        plan = _planned(loaded.pipeline.plan, ask)
        entry = self.ledger.recent.begin(Entry(new_id(), space, house.id, _shown(ask, request)))
        return Job(
            ask,
            request,
            tenant,
            house,
            loaded,
            plan,
            archive if control.max_age is None else NotOlder(archive, control.max_age),
            entry,
            request_key(plan.sources, request),
            asyncio.get_running_loop().time() + self.settings.wall_time,
        )

    async def _answer(self, job: Job, stack: AsyncExitStack) -> Served | Relayed:
        if job.ask.request is None or (job.ask.reason and not _replies_with_calls(job.plan)):
            job.entry.journal.add("extract", f"the request is passed on as it is: {job.ask.reason}")
            return await self._pass_on(job, stack)
        if job.ask.control.shadow:
            job.entry.shadow = await self._foreseen(job)
            self.ledger.tallies.shadowed(job.house.id, job.entry.shadow)
            return await self._pass_on(job, stack)
        try:
            outcome = await self._flow(job)
            own = _own_reply(job, outcome)
            return Served(job.entry, outcome, own, calls=_calls(job, outcome), reasoning=job.reasoning)
        except _NotOwned:
            job.entry.journal.add("extract", "no rule owns the prompt; the model's answer is passed through unchanged")
            return await self._pass_on(job, stack)

    async def _flow(self, job: Job) -> Outcome:
        before = await asyncio.to_thread(job.records.lookup, job.key) if job.ask.control.refresh else (None, ())
        try:
            outcome = await self._drive(job)
        except _Answered as answered:
            return answered.outcome
        old = before[0]
        if old is not None and outcome.record not in (None, old.id) and old.request_key == job.key:
            await asyncio.to_thread(job.loaded.pipeline.archive.delete, old.id)
        return outcome

    async def _drive(self, job: Job) -> Outcome:
        async def ask(effect: Generate) -> Completion:
            completion = await self._ask(job, effect)
            job.reasoning = completion.reasoning
            return completion

        pipeline = job.loaded.pipeline
        flight = (
            pipeline.flight() if job.ask.control.max_age is None else None
        )  # another's record may be too old for it
        run = (interpret if flight is None else fly)(job.plan, job.request, job.entry.journal)
        at_once = job.loaded.exact_at_once and "exact" in job.plan.stages
        try:
            return await adrive(run, job.records, pipeline.backend, flight=flight, ask=ask, exact_at_once=at_once)
        finally:
            if flight is not None:
                await flight.aland()

    async def _ask(self, job: Job, effect: Generate) -> Completion:
        """One model call of a run, when it is its turn."""
        if effect.purpose == "passthrough":
            raise _NotOwned
        if not job.asked:
            await self._look_into_shared(job)
            job.asked = True
        backend, watch, growing = job.loaded.pipeline.backend, effect.watch, job.growing
        async with self._place(job):
            if job.ask.reason and isinstance(backend, Relay):  # it offers tools
                job.reply = await backend.arelay(body_of(effect.call), effect.call.timeout_s)
                return completion_of(job.reply, backend.model)
            plain = effect.call.response_schema is None  # what follows a schema is asked for as a whole
            if watch is not None and growing is not None and plain and isinstance(backend, Relay):
                return await written(backend, backend.model, effect.call, watch, growing)
            return await backend.acomplete(effect.call)

    async def _look_into_shared(self, job: Job) -> None:
        """Raise `_Answered` when the records that all may read answer it."""
        shared = self.settings.shared
        if shared is not None and job.request.tenant != shared and "exact" in job.plan.stages:
            try:
                outcome = await self._from_records(job, replace(job.request, tenant=shared))
            except Unanswered:
                return
            said = Event("retrieve", f"the records of {shared}, which all may read, answer this")
            raise _Answered(replace(outcome, journal=(*job.entry.journal.events, said, *outcome.journal)))

    async def _foreseen(self, job: Job) -> str:
        """What a shadowed request would get."""
        try:
            return (await self._from_records(job, job.request)).outcome
        except Unanswered as unanswered:
            return unanswered.instead

    async def _from_records(self, job: Job, request: Request) -> Outcome:
        """What the records alone answer. Raises `Unanswered`."""
        return await adrive(foresee(job.plan, request, Journal()), job.records, job.loaded.pipeline.backend)

    # --- passing on ---------------------------------------------------------------------------------------------------

    async def _pass_on(self, job: Job, stack: AsyncExitStack) -> Served | Relayed:
        """The backend's own reply, or its own chunks as they come."""
        if job.plan.no_match == "error" and job.ask.reason and not job.ask.control.shadow:
            raise Refused(422, "no rule may own this request, and the pipeline passes nothing through", "not_owned")
        backend = job.loaded.pipeline.backend
        await stack.enter_async_context(self._place(job))
        left = job.deadline - asyncio.get_running_loop().time()
        if job.ask.stream and isinstance(backend, Relay):
            return await Relayed.begun(job.entry, job.deadline, backend.astream(job.ask.body, left))
        if isinstance(backend, Relay):
            reply = await backend.arelay(job.ask.body, left)
        else:
            reply = reply_of(await backend.acomplete(plain_call(job.ask.body, left, backend.model)))
        if job.ask.stream:
            return await Relayed.begun(job.entry, job.deadline, _listed(in_chunks(reply)))
        return Served(job.entry, passed_through(job.entry, reply), reply)

    def _place(self, job: Job) -> Any:
        return self.gate.place(job.tenant.name)

    # --- accounts -----------------------------------------------------------------------------------------------------

    def _ended(self, job: Job, outcome: Outcome, error: BaseException | None) -> None:
        """The end of a stream that was passed on."""
        if error is None:
            self._succeeded(job, outcome)
        else:
            self._failed(job, error)

    def _succeeded(self, job: Job, outcome: Outcome) -> None:
        job.entry.seconds = self._taken(job)
        self.ledger.succeeded(job.entry, job.tenant.name, job.loaded, job.plan, outcome)
        job.span.end(job.entry)

    def _failed(self, job: Job, error: BaseException) -> None:
        job.entry.seconds = self._taken(job)
        self.ledger.failed(job.entry, job.plan, error)
        job.span.end(job.entry)

    def _taken(self, job: Job) -> float:
        """Seconds since the request began."""
        return asyncio.get_running_loop().time() - (job.deadline - self.settings.wall_time)

    # --- looking after ------------------------------------------------------------------------------------------------

    def figures(self) -> Figures:
        """What this process has counted, and what is under way in it."""
        sound = {house.id: not house.problem for house in self.houses}
        return Figures(self.ledger.tallies, self.open, self.gate.inside, sound)

    def reread_keys(self) -> None:
        """Read the keys anew; what cannot be read changes nothing. Raises `UsageError`."""
        self.keys = read_keys(self.settings.keys, needed=self.keys.needed)

    def close(self) -> None:
        """Close all pipelines, once the traces are written. Idempotent."""
        self.ledger.close()
        for house in self.houses:
            house.close()


def _base(job: Job, outcome: Outcome) -> Base | None:
    """What an exact hit stands on. None where anything else than this key's record decides."""
    archive = job.loaded.pipeline.archive
    if outcome.outcome != "exact" or job.records is not archive or job.house.current is not job.loaded:
        return None
    seen = archive.sighting(job.key)
    if seen is None or seen.record_id != outcome.record:
        return None
    return Base(job.house, job.loaded, job.tenant.name, job.entry.request, seen)


def _replies_with_calls(plan: Plan) -> bool:
    return any(rule.reply == "tool_call" for rule in plan.rules)


def _own_reply(job: Job, outcome: Outcome) -> Mapping[str, Any] | None:
    """The model's own reply where it is the answer, or where nothing passed: with all that stands beside the text."""
    if job.reply is None:
        return None
    message = job.reply["choices"][0].get("message") or {}
    if outcome.final != "unverified" and text_of(message) != outcome.answer:
        return None
    return {**job.reply, "usage": {**(job.reply.get("usage") or {}), **usage_json(outcome.usage)}}


def _calls(job: Job, outcome: Outcome) -> tuple[tuple[str, str], ...]:
    return calls_of(outcome.answer) if job.ask.reason and outcome.final != "unverified" else ()


def _refuse_unknown(rule: str | None, plan: Plan) -> None:
    known = [each.id for each in plan.rules]
    if rule is not None and rule not in known:
        said = f"there is no rule {rule[:64]!r} in the pipeline {plan.id}; there are: {', '.join(known)}"
        raise Refused(404, said, "rule_not_found", "stepflow.rule")


def _planned(plan: Plan, ask: Ask) -> Plan:
    """The plan as this request wants it: without records, or leaving none."""
    control = ask.control
    without = {"exact", "retrieve"} if control.no_cache or control.refresh else set()
    if control.no_store:
        without.add("record")
    return replace(plan, stages=plan.stages - without) if without else plan


def _shown(ask: Ask, request: Request) -> Request:
    """What the console may show of a request; of one that is more than a text, its latest text of the user."""
    if ask.request is not None:
        return replace(request, parameters={})  # they may be large, and nobody looks at them again
    for message in reversed(ask.body["messages"]):
        content = message.get("content")
        if message["role"] == "user" and content:
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
            return replace(Request.of("\n".join(texts)), tenant=request.tenant)
    return request


async def _listed(chunks: Sequence[Mapping[str, Any]]) -> AsyncGenerator[Mapping[str, Any], None]:
    for chunk in chunks:
        yield chunk
