"""Server-sent events: an answer as a stream of chunks, with comments while it is not there yet."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from stepflow.model import Outcome
from stepflow.server.asgi import as_json
from stepflow.server.growing import Growing
from stepflow.server.refusals import Refused
from stepflow.server.relayed import Relayed, in_chunks
from stepflow.server.service import Served
from stepflow.server.wire import Ask, Envelope, about, called, closing, opening, passages, relayed_chunk, thinking

Answering = asyncio.Task[Served | Relayed]
Enveloped = Callable[[Served | Relayed | Growing], Envelope]

STREAM_HEADERS = {
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    "content-type": "text/event-stream; charset=utf-8",
}
DONE = b"data: [DONE]\n\n"
WAITING = b": not verified yet\n\n"


def data(event: Mapping[str, Any]) -> bytes:
    """One event."""
    return b"data: " + as_json(event) + b"\n\n"


def comment(said: Mapping[str, Any]) -> bytes:
    """A line that clients skip and people read."""
    return b": stepflow " + json.dumps(said, ensure_ascii=True).encode() + b"\n\n"


def told(envelope: Envelope, served: Served, *, include_usage: bool) -> Iterator[bytes]:
    """The events of an answer that is there, from the first to the last."""
    outcome = served.outcome
    if served.reply is not None:
        yield from _to_the_end(envelope, _as_it_came(envelope, served.reply, include_usage=include_usage))
        return
    text = called(envelope) if envelope.calls else passages(envelope, outcome.answer)
    last = closing(envelope, outcome.usage if include_usage else None)
    yield from _to_the_end(envelope, (opening(envelope), *text, *last))


def _as_it_came(envelope: Envelope, reply: Mapping[str, Any], *, include_usage: bool) -> Iterator[dict[str, Any]]:
    """The chunks of a reply that is served with everything in it."""
    for number, chunk in enumerate(in_chunks(reply)):
        if chunk["choices"] or include_usage:
            yield relayed_chunk(envelope, chunk, first=number == 0)


def continued(
    begun: Envelope, envelope: Envelope, rest: str, outcome: Outcome, *, include_usage: bool
) -> Iterator[bytes]:
    """The events of what is left of an answer whose beginning was sent, and what could not be said of it then."""
    whole = replace(begun, about=envelope.about, reasoning=envelope.reasoning)
    last = closing(whole, outcome.usage if include_usage else None, said=True)
    return _to_the_end(whole, (*thinking(whole), *passages(whole, rest), *last))


def _to_the_end(envelope: Envelope, chunks: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for chunk in chunks:
        yield data(chunk)
    yield comment(envelope.about)
    yield DONE


class EventStream:
    """The response that streams an answer, ready or not. Whatever happens to the client, the answering is ended.

    What `growing` holds is sent at once; the answer must then begin with it. `refusal` notes an error, and says what
    the client is told of it.
    """

    def __init__(
        self,
        ask: Ask,
        answering: Answering,
        growing: Growing,
        enveloped: Enveloped,
        keep_alive: float,
        headers: Mapping[str, str],
        refusal: Callable[[Exception], Refused],
    ) -> None:
        self._ask = ask
        self._answering = answering
        self._growing = growing
        self._enveloped = enveloped
        self._keep_alive = keep_alive
        self._headers = {**STREAM_HEADERS, **headers}
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        response = StreamingResponse(self._events(), headers=self._headers)
        try:
            await response(scope, receive, send)
        finally:
            await ended(self._answering)

    async def _events(self) -> AsyncIterator[bytes]:
        begun: Envelope | None = None
        try:
            async for part in self._growing.parts(self._answering, self._keep_alive):
                if not part:
                    yield WAITING
                    continue
                if begun is None:
                    begun = self._enveloped(self._growing)
                    yield data(opening(begun))
                for chunk in passages(begun, part):
                    yield data(chunk)
            async for event in self._ending(self._answering.result(), begun):
                yield event
        except Exception as error:
            yield data(self._refusal(error).body)  # the status is long sent; clients raise on an event like this

    async def _ending(self, result: Served | Relayed, begun: Envelope | None) -> AsyncIterator[bytes]:
        envelope = self._enveloped(result)
        if begun is not None:
            assert isinstance(result, Served)  # only what a rule owns has steps
            rest = self._growing.rest(result.outcome)
            for event in continued(begun, envelope, rest, result.outcome, include_usage=self._ask.include_usage):
                yield event
        elif isinstance(result, Relayed):
            async for event in self._passed_through(result, envelope):
                yield event
            yield comment(about(result.outcome, result.entry.id, result.entry.shadow))
            yield DONE
        else:
            for event in told(envelope, result, include_usage=self._ask.include_usage):
                yield event

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
