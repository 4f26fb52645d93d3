"""A client that costs less than the server: prepared bytes out, the end of a reply found in the bytes that come back.

Each connection has one request under way at a time, as `wrk` does it. No JSON is read and no header but two.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_HEAD_ENDS = b"\r\n\r\n"
_CHUNKS_END = b"0\r\n\r\n"


@dataclass(slots=True)
class Load:
    """What came of a load. `seconds` are wall time; `latencies` are seconds too, in the order of the replies."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    last: bytes = b""
    bad: bytes = b""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def at(self, share: float) -> float:
        """The latency that this share of the requests kept below, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def post(body: object, *headers: str, path: str = "/v1/chat/completions") -> bytes:
    """A POST of JSON, as bytes."""
    text = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json", *headers]
    return "\r\n".join([*lines, f"content-length: {len(text)}", "", ""]).encode() + text


class _Connection(asyncio.Protocol):
    """One request after the other until there are none left, or the time is over."""

    def __init__(self, requests: Iterator[bytes], load: Load, until: float) -> None:
        self.over = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._load = load
        self._until = until
        self._reply = bytearray()
        self._began = 0.0
        self._whole = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._reply += data
        if self._whole == 0:
            head = self._reply.find(_HEAD_ENDS)
            if head < 0:
                return
            length = _LENGTH.search(self._reply, 0, head + 2)
            self._whole = head + 4 + int(length[1]) if length else -1
        if len(self._reply) == self._whole or (self._whole < 0 and self._reply.endswith(_CHUNKS_END)):
            self._load.latencies.append(time.perf_counter() - self._began)
            if not self._reply.startswith(b"HTTP/1.1 200"):
                self._load.bad = bytes(self._reply)
            self._load.last = bytes(self._reply)
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(error or ConnectionError(f"the server hung up: {bytes(self._reply[:300])!r}"))

    def _next(self) -> None:
        request = next(self._requests, None) if time.perf_counter() < self._until else None
        if request is None:
            self.over.set_result(None)
            self._transport.close()
            return
        self._reply.clear()
        self._whole = 0
        self._began = time.perf_counter()
        self._transport.write(request)  # type: ignore[attr-defined]


async def load(
    port: int, requests: list[bytes], *, connections: int = 8, seconds: float = 600.0, count: int | None = None
) -> Load:
    """Send the requests round and round for some seconds, or so many of them."""
    result, loop, began = Load(), asyncio.get_running_loop(), time.perf_counter()
    queue = (request for _, request in zip(range(count), cycle(requests), strict=False)) if count else cycle(requests)
    made = [
        await loop.create_connection(lambda: _Connection(queue, result, began + seconds), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.over for _, protocol in made))
    result.seconds = time.perf_counter() - began
    return result
