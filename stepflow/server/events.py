"""Server-sent events: an answer as a stream of chunks, with comments while it is not there yet."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from stepflow.model import Outcome
from stepflow.server.refusals import refused
from stepflow.server.relayed import Relayed
from stepflow.server.service import Served
from stepflow.server.wire import Ask, Envelope, about, chunks, relayed_chunk

Answering = asyncio.Task[Served | Relayed]
Enveloped = Callable[[Served | Relayed], Envelope]

STREAM_HEADERS = {
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    "content-type": "text/event-stream; charset=utf-8",
}
DONE = b"data: [DONE]\n\n"
WAITING = b": not verified yet\n\n"


def data(event: Mapping[str, Any]) -> bytes:
    """One event."""
    return b"data: " + json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def comment(said: Mapping[str, Any]) -> bytes:
    """A line that clients skip and people read."""
    return b": stepflow " + json.dumps(said, ensure_ascii=True).encode() + b"\n\n"


def told(envelope: Envelope, outcome: Outcome, *, include_usage: bool) -> Iterator[bytes]:
    """The events of an answer that is there, from the first to the last."""
    for chunk in chunks(envelope, outcome, include_usage=include_usage):
        yield data(chunk)
    yield comment(envelope.about)
    yield DONE


class EventStream:
    """The response that streams an answer, ready or not. Whatever happens to the client, the answering is ended."""

    def __init__(
        self, ask: Ask, answering: Answering, enveloped: Enveloped, keep_alive: float, headers: Mapping[str, str]
    ) -> None:
        self._ask = ask
        self._answering = answering
        self._enveloped = enveloped
        self._keep_alive = keep_alive
        self._headers = {**STREAM_HEADERS, **headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        response = StreamingResponse(self._events(), headers=self._headers)
        try:
            await response(scope, receive, send)
        finally:
            await ended(self._answering)

    async def _events(self) -> AsyncIterator[bytes]:
        try:
            while not self._answering.done():
                await asyncio.wait({self._answering}, timeout=self._keep_alive)
                if not self._answering.done():
                    yield WAITING
            result = self._answering.result()
            envelope = self._enveloped(result)
            if isinstance(result, Relayed):
                async for event in self._passed_through(result, envelope):
                    yield event
                yield comment(about(result.outcome, result.entry.id, result.entry.shadow))
                yield DONE
            else:
                for event in told(envelope, result.outcome, include_usage=self._ask.include_usage):
                    yield event
        except Exception as error:
            yield data(refused(error).body)  # the status is long sent; clients raise on an event that holds an error

    async def _passed_through(self, relayed: Relayed, envelope: Envelope) -> AsyncIterator[bytes]:
        first = True
        try:
            async for chunk in relayed.chunks():
                only_usage = not chunk.get("choices")
                if only_usage and not (self._ask.include_usage and chunk.get("usage")):
                    continue
                yield data(relayed_chunk(envelope, chunk, first=first))
                first = False
        finally:
            await relayed.aclose()  # before the last event: whoever has read it finds the request accounted for


async def ended(answering: Answering) -> None:
    """Cancel what still runs; close what was begun."""
    if not answering.done():
        answering.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        result = await answering
        if isinstance(result, Relayed):
            await result.aclose()


async def while_connected(receive: Callable[[], Awaitable[Any]], answering: Answering) -> bool:
    """Wait for the answer; False when the client goes before it is there."""
    await asyncio.sleep(0)
    if answering.done():  # an exact hit: nobody needs to watch the client
        return True
    watching = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
        return answering.done()
    finally:
        watching.cancel()


async def _gone(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
