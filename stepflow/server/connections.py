"""Connections that do not come to the point: uvicorn bounds neither the size of a request's head nor its time.

Where a request's line and headers do not come to their end in time, or grow too large, the connection is closed; so it
is where the client takes nothing of a reply. Headers behind a body (trailers) say nothing, and are dropped: there is no
end to them.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 10.0
"""Seconds for the line and the headers of a request from its first byte; of the first one, since it connected."""
HEAD_BYTES = 65_536
"""How much a head may grow beyond the read in which it began."""

TAKE_S = 30.0
"""Seconds in which a client must take what is ready to be sent, once more of it waits than the system holds for it."""


class _Nowhere(list[tuple[bytes, bytes]]):
    """Takes headers and keeps none."""

    def append(self, header: tuple[bytes, bytes]) -> None:
        """Drop it."""


_TRAILERS = _Nowhere()


class Connection(HttpToolsProtocol):
    """One client's. A timer of each connection looks now and then: one of each request would cost as much as a hit."""

    _head_since: float | None = None
    _head_bytes = 0
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It is open."""
        super().connection_made(transport)
        self._head_since = self.loop.time()
        self._look = self.loop.call_later(HEAD_S, self._close_when_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._look.cancel()
        self._flows()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._head_since, self._head_bytes = self.loop.time(), 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head_since = None
        super().on_headers_complete()
        self.headers = _TRAILERS

    def data_received(self, data: bytes) -> None:
        """Some bytes. They are all of a head where one was under way before them, and is still."""
        since = self._head_since
        super().data_received(data)
        if since is not None and self._head_since is since:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def pause_writing(self) -> None:
        """The client takes no more for now."""
        self._stuck = self.loop.call_later(TAKE_S, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """It has taken what was there."""
        self._flows()
        super().resume_writing()

    def _flows(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _close_when_late(self) -> None:
        if self._head_since is not None and self.loop.time() - self._head_since >= HEAD_S:
            self.transport.close()
        else:
            self._look = self.loop.call_later(HEAD_S, self._close_when_late)
