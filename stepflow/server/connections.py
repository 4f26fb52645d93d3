"""Connections that do not come to the point: uvicorn bounds neither the size of a request's head nor its time.

Where a request's line and headers do not come to their end in time, or grow too large, the connection is closed.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 10.0
"""Seconds for the line and the headers of a request from its first byte; of the first one, since it connected."""
HEAD_BYTES = 65_536
"""How much a head may grow beyond the read in which it began."""


class Connection(HttpToolsProtocol):
    """One client's. A timer of each connection looks now and then: one of each request would cost as much as a hit."""

    _head_since: float | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It is open."""
        super().connection_made(transport)
        self._head_since = self.loop.time()
        self._look = self.loop.call_later(HEAD_S, self._close_when_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._look.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._head_since, self._head_bytes = self.loop.time(), 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head_since = None
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Some bytes. They are all of a head where one was under way before them, and is still."""
        since = self._head_since
        super().data_received(data)
        if since is not None and self._head_since is since:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def _close_when_late(self) -> None:
        if self._head_since is not None and self.loop.time() - self._head_since >= HEAD_S:
            self.transport.close()
        else:
            self._look = self.loop.call_later(HEAD_S, self._close_when_late)
