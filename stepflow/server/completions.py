"""POST /v1/chat/completions and /v1/completions. A plain ASGI application: hits are paid for by the microsecond.

What is ready is sent at once (`hot`); everything else goes the long way through the service, and an exact hit that came
that way is made ready for the next time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from stepflow.server import wire
from stepflow.server.asgi import (
    GONE,
    JSON,
    App,
    ClientGone,
    Head,
    Pairs,
    Receive,
    Reply,
    Scope,
    Send,
    as_json,
    head_of,
    read_body,
    refusal_reply,
)
from stepflow.server.events import STREAM_HEADERS, Answering, EventStream, ended, told, while_connected
from stepflow.server.growing import Growing
from stepflow.server.hot import Hot, Key, Template, key_of
from stepflow.server.relayed import Relayed
from stepflow.server.service import Served, Service
from stepflow.server.wire import Ask, Envelope, Form

_READERS: Mapping[Form, Callable[[Mapping[str, Any], Mapping[str, str]], Ask]] = {
    "chat": wire.read_chat,
    "text": wire.read_text,
}

_LARGE = 32_768
"""Bodies of more bytes are read in a thread: a megabyte of brackets takes a second, in which every hit would wait."""


class Completions:
    """The application for one form of completions."""

    def __init__(self, service: Service, form: Form) -> None:
        self._service = service
        self._form = form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever comes of it."""
        try:
            response = await self._respond(scope, receive)
        except ClientGone:
            response = Reply(GONE, [], b"")
        except Exception as error:
            response = refusal_reply(self._service.ledger.refusal(error))
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> App:
        service, began = self._service, time.perf_counter()
        head = head_of(scope)
        tenant = service.admitted(head.get(b"host"), head.get(b"authorization"))
        body = await read_body(head, receive, service.settings)
        key = key_of(tenant.name, self._form, head.wishes, body)
        hot = service.hot.get(key)
        if hot is not None:
            return Reply(200, *hot.template.filled(service.ledger.served(hot, began), int(time.time())))
        large = len(body) > _LARGE
        ask = await asyncio.to_thread(self._asked, head, body) if large else self._asked(head, body)
        if not ask.stream:
            return await self._whole(ask, asyncio.ensure_future(service.answer(ask, tenant)), key, receive)
        growing = Growing()
        return await self._stream(ask, asyncio.ensure_future(service.answer(ask, tenant, growing)), key, growing)

    def _asked(self, head: Head, body: bytes) -> Ask:
        wishes = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.wishes}
        return _READERS[self._form](wire.read_json(body), wishes)

    async def _whole(self, ask: Ask, answering: Answering, key: Key, receive: Receive) -> Reply:
        try:
            if not await while_connected(receive, answering):
                raise ClientGone
            result = answering.result()
        finally:
            if not answering.done():
                await ended(answering)
        assert isinstance(result, Served)
        self._keep(ask, key, result)
        return Reply(200, *_whole(self._envelope(ask, result), result))

    async def _stream(self, ask: Ask, answering: Answering, key: Key, growing: Growing) -> EventStream:
        """Errors that come soon get their own status, and hits their headers; a long wait is filled with comments.

        The first step that may be sent ends the waiting for more to say in the headers.
        """
        settings = self._service.settings
        try:
            await growing.moved(answering, settings.hold_headers)
        except asyncio.CancelledError:
            await ended(answering)
            raise
        headers: Mapping[str, str] = said_of(self._envelope(ask, growing))
        if answering.done():
            result = answering.result()
            headers = said_of(self._envelope(ask, result))
            if isinstance(result, Served):
                self._keep(ask, key, result)
        enveloped, refusal = partial(self._envelope, ask), self._service.ledger.refusal
        return EventStream(ask, answering, growing, enveloped, settings.keep_alive, headers, refusal)

    def _envelope(self, ask: Ask, result: Served | Relayed | Growing) -> Envelope:
        """What heads a reply; of one that only grows, nothing but its id is known."""
        if isinstance(result, Growing):
            return Envelope(result.trace, int(time.time()), self._service.model_of(ask), result.about, ask.form)
        said = wire.about(result.outcome, result.entry.id, result.entry.shadow)
        calls, reasoning = (result.calls, result.reasoning) if isinstance(result, Served) else ((), "")
        model = self._service.model_of(ask)
        return Envelope(result.entry.id, int(time.time()), model, said, ask.form, calls, reasoning)

    def _keep(self, ask: Ask, key: Key, result: Served) -> None:
        """Make an exact hit ready for the next time."""
        if result.base is None:
            return

        def write(id_: str, at: int) -> tuple[Pairs, bytes]:
            said = wire.about(result.outcome, id_)
            envelope = Envelope(id_, at, self._service.model_of(ask), said, ask.form, result.calls)
            return _streamed(envelope, result, ask) if ask.stream else _whole(envelope, result)

        self._service.hot.keep(key, Hot(result.base, result.outcome, Template(write)))


def _whole(envelope: Envelope, served: Served) -> tuple[Pairs, bytes]:
    if served.reply is None:
        body = wire.whole_reply(envelope, served.outcome)
    else:
        body = wire.relayed_reply(envelope, served.reply)
    return [*_pairs(said_of(envelope)), JSON], as_json(body)


def _streamed(envelope: Envelope, served: Served, ask: Ask) -> tuple[Pairs, bytes]:
    """A whole stream in one piece."""
    events = told(envelope, served, include_usage=ask.include_usage)
    return _pairs({**STREAM_HEADERS, **said_of(envelope)}), b"".join(events)


def _pairs(headers: Mapping[str, str]) -> Pairs:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def said_of(envelope: Envelope) -> dict[str, str]:
    """The account of an answer as headers: printable ASCII only, whatever a name may hold."""
    said = {f"x-stepflow-{name.replace('_', '-')}": _printable(str(value)) for name, value in envelope.about.items()}
    return {**said, "x-request-id": envelope.id}


def _printable(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if " " <= char <= "~" else "?" for char in text)
