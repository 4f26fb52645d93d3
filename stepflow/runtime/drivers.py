"""Two thin loops that play the world for the interpreter: one synchronous, one asynchronous."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from stepflow.errors import StoreError
from stepflow.model import Answered, Outcome, Record
from stepflow.protocols import Backend, Completion, Nomination
from stepflow.runtime.effects import (
    Effect,
    Generate,
    Generated,
    Join,
    Link,
    Looked,
    Lookup,
    Nominate,
    Reply,
    Save,
    Saved,
    Wait,
)
from stepflow.runtime.interpreter import Interpretation

_random = random.Random()  # seeded by the system, whatever a program around does with `random`
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


class Records(Protocol):
    """The records as the drivers need them (`stepflow.archive.Archive`)."""

    def lookup(self, request_key: str) -> tuple[Answered | None, tuple[str, ...]]:
        """What the record of exactly this request says, and notes about unreadable rows."""

    def nominate(
        self,
        namespace: str,
        signature: str,
        skeleton: str,
        prompt: str,
        top_k: int,
        min_similarity: float | None,
        *,
        by_hash: bool = True,
    ) -> Nomination:
        """Candidates for a prompt."""

    def save(self, record: Record) -> None:
        """Store a record that has its id."""

    def link(self, request_key: str, record_id: str) -> None:
        """Let a request find an existing record."""


class Boarding(Protocol):
    """How a run gets past others of the same request (`stepflow.runtime.flight.Flight`)."""

    def board(self, join: Join) -> Looked | Wait:
        """What came of waiting, or how long to wait before asking again."""


Ask = Callable[[Generate], Awaitable[Completion]]
"""Stands between a run and its model: it may wait, ask another way, or raise to leave the run."""


def drive(
    interpretation: Interpretation, records: Records, backend: Backend, flight: Boarding | None = None
) -> Outcome:
    """Run to the end, blocking. Without a `flight` nobody is waited for."""
    started = time.perf_counter()
    reply: Reply | None = None
    try:
        while True:
            reached = _to_the_model(interpretation, records, reply)
            if isinstance(reached, Outcome):
                return _timed(reached, started)
            if isinstance(reached, Join):
                boarded = _board(flight, reached)
                while isinstance(boarded, Wait):
                    _wait(boarded)
                    boarded = _board(flight, reached)
                reply = boarded
                continue
            begun = time.perf_counter()
            completion = backend.complete(reached.call)
            reply = Generated(completion, time.perf_counter() - begun)
    finally:
        interpretation.close()


async def adrive(
    interpretation: Interpretation,
    records: Records,
    backend: Backend,
    *,
    flight: Boarding | None = None,
    ask: Ask | None = None,
    exact_at_once: bool = False,
) -> Outcome:
    """Run to the end without blocking the event loop: the model is awaited, all else is done in a thread.

    `ask` takes the place of the backend. With `exact_at_once` an exact hit is served from the loop itself, which is
    right for a store that answers in microseconds: the way to a thread and back costs more.
    """
    import asyncio  # 30 ms, which an exact hit from the command line does not need

    started = time.perf_counter()
    try:
        reached, reply = _at_once(interpretation, records) if exact_at_once else (None, None)
        while True:
            if reached is None:
                reached = await asyncio.to_thread(_to_the_model, interpretation, records, reply)
            if isinstance(reached, Outcome):
                return _timed(reached, started)
            if isinstance(reached, Join):
                boarded = await asyncio.to_thread(_board, flight, reached)
                while isinstance(boarded, Wait):
                    await _await(boarded)
                    boarded = await asyncio.to_thread(_board, flight, reached)
                reached, reply = None, boarded
                continue
            begun = time.perf_counter()
            completion = await (backend.acomplete(reached.call) if ask is None else ask(reached))
            reached, reply = None, Generated(completion, time.perf_counter() - begun)
    finally:
        with contextlib.suppress(ValueError):  # when cancelled, the thread may still be inside; it ends by itself
            interpretation.close()


def _board(flight: Boarding | None, join: Join) -> Looked | Wait:
    return Looked(None) if flight is None else flight.board(join)


def _wait(wait: Wait) -> None:
    if wait.over is None:
        time.sleep(wait.seconds)
    else:
        with contextlib.suppress(TimeoutError):
            wait.over.result(wait.seconds)


async def _await(wait: Wait) -> None:
    import asyncio

    if wait.over is None:
        await asyncio.sleep(wait.seconds)
    else:
        over = asyncio.wrap_future(wait.over)
        try:
            await asyncio.wait((over,), timeout=wait.seconds)
        finally:
            over.cancel()


def _to_the_model(interpretation: Interpretation, records: Records, reply: Reply | None) -> Generate | Join | Outcome:
    """Go on until the model is needed (or another run that asks it), or to the end."""
    try:
        while True:
            effect = next(interpretation) if reply is None else interpretation.send(reply)
            if isinstance(effect, Generate | Join):
                return effect
            reply = perform(effect, records)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


def _at_once(interpretation: Interpretation, records: Records) -> tuple[Outcome | Generate | Join | None, Reply | None]:
    """The first look into the store, and the end of the run when it found the answer."""
    effect = next(interpretation)
    if isinstance(effect, Generate | Join):
        return effect, None
    reply = perform(effect, records)
    found = isinstance(reply, Looked) and reply.answered is not None
    return (_to_the_model(interpretation, records, reply), None) if found else (None, reply)


def perform(effect: Effect, records: Records) -> Reply:
    """Do one store effect. A store that cannot be used costs a model call, never an answer.

    A trouble that lasts is told once; after that the journal only says what was not stored for it.
    """
    try:
        return _perform(effect, records)
    except StoreError as error:
        notes = () if error.told else (f"the store cannot be used: {error}",)
        if isinstance(effect, Lookup):
            return Looked(None, notes)
        if isinstance(effect, Nominate):
            return Nomination(notes=notes)
        return Saved(None, f"not stored: {error}")


def _perform(effect: Effect, records: Records) -> Reply:
    if isinstance(effect, Lookup):
        return Looked(*records.lookup(effect.request_key))
    if isinstance(effect, Join):  # who performs effects one by one waits for nobody
        return Looked(None)
    if isinstance(effect, Nominate):
        return records.nominate(
            effect.namespace,
            effect.signature,
            effect.skeleton,
            effect.prompt,
            effect.top_k,
            effect.min_similarity,
            by_hash=effect.by_hash,
        )
    if isinstance(effect, Save):
        record = replace(effect.record, id=new_id(), created_at=time.time())
        records.save(record)
        return Saved(record.id)
    if isinstance(effect, Link):
        records.link(effect.request_key, effect.record_id)
        return Saved(effect.record_id)
    raise TypeError(f"{type(effect).__name__} is not a store effect")


def new_id() -> str:
    """A new id that sorts by time: milliseconds in hexadecimal, and six random digits. It is no secret."""
    return f"{int(time.time() * 1000):011x}{_random.getrandbits(24):06x}"


def _timed(outcome: Outcome, started: float) -> Outcome:
    """The outcome with the time that it took: nobody has seen it yet, and a copy costs a twentieth of an exact hit."""
    object.__setattr__(outcome, "seconds", time.perf_counter() - started)
    return outcome
