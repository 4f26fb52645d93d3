"""ASGI by hand, for the route where every microsecond is paid at each hit: headers that matter, a body, a reply."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from stepflow.server.control import HEADERS
from stepflow.server.refusals import Refused
from stepflow.server.settings import Settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Pairs = list[tuple[bytes, bytes]]

GONE = 499
"""The status that nobody reads, because the client has gone; nginx' number."""

JSON = (b"content-type", b"application/json")

_WISHES = frozenset(name.encode() for name in HEADERS)
_READ = frozenset({b"host", b"authorization", b"content-type", b"content-length"}) | _WISHES


class ClientGone(Exception):
    """The client went before its request was whole."""


@dataclass(slots=True)
class Head:
    """What the headers of a request say that matters here; `wishes` are those of stepflow's own, as they came."""

    said: dict[bytes, bytes]
    wishes: tuple[tuple[bytes, bytes], ...]

    def get(self, name: bytes) -> str:
        """A header's value, empty when it is not there."""
        value = self.said.get(name)
        return value.decode("latin-1") if value else ""


def head_of(scope: Scope) -> Head:
    """The headers that matter. Raises `Refused` where one is given twice: who stands between may go by the other."""
    said: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _READ:
            if name in said:
                raise Refused(400, f"the header `{name.decode()}` is given twice", "duplicate_header")
            said[name] = value
    return Head(said, tuple([(name, said[name]) for name in said if name in _WISHES]))


async def read_body(head: Head, receive: Receive, settings: Settings) -> bytes:
    """The whole body of JSON. Raises `Refused` when it is none, too large or too slow, and `ClientGone`."""
    if not _is_json(head.said.get(b"content-type", b"")):
        raise Refused(415, "send JSON, with the header `content-type: application/json`", "not_json")
    said = head.said.get(b"content-length", b"")
    if said.isdigit() and int(said[:20]) > settings.body_bytes:
        raise _too_large(settings.body_bytes)
    reading = _read(receive, settings.body_bytes).__await__()
    try:
        waits_for = next(reading)
    except StopIteration as whole:  # it was there already, as most are: no timer is needed, and it would cost as much
        body: bytes = whole.value
        return body
    try:
        async with Limited(settings.body_time):
            return await _Begun(reading, waits_for)
    except TimeoutError:
        raise Refused(408, f"the body did not come within {settings.body_time:g} s", "slow_body") from None


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        more = message.get("more_body", False)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
    return b"".join(parts)


class _Begun:
    """What is under way already and `waits_for` something, awaited to its end."""

    def __init__(self, doing: Generator[Any, Any, bytes], waits_for: Any) -> None:
        self._doing = doing
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, bytes]:
        waits_for = self._waits_for
        while True:
            try:
                try:
                    said = yield waits_for
                except BaseException as error:
                    waits_for = self._doing.throw(error)
                else:
                    waits_for = self._doing.send(said)
            except StopIteration as done:
                body: bytes = done.value
                return body


@dataclass(slots=True)
class Reply:
    """A whole reply; its length is added to its headers. It is an ASGI application."""

    status: int
    headers: Pairs
    body: bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        headers = [*self.headers, (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def refusal_reply(refusal: Refused) -> Reply:
    """A refusal in OpenAI's form."""
    retry = [] if refusal.retry_after is None else [(b"retry-after", str(refusal.retry_after).encode())]
    return Reply(refusal.status, [*retry, JSON], as_json(refusal.body))


class Limited:
    """`asyncio.timeout` cut down to what is needed here: it costs a fifth."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._late = False

    async def __aenter__(self) -> None:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._cancel)

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._timer.cancel()
        if self._late and self._task is not None and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise TimeoutError

    def _cancel(self) -> None:
        self._late = True
        if self._task is not None:
            self._task.cancel()


def as_json(body: Any) -> bytes:
    """JSON, whatever is in it."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str)
    return text.encode("utf-8", "backslashreplace")


@lru_cache(64)
def _is_json(content_type: bytes) -> bool:
    return content_type.partition(b";")[0].strip().lower() == b"application/json"


def _too_large(limit: int) -> Refused:
    return Refused(413, f"the body is larger than {limit:,} bytes", "body_too_large")
