"""What is passed through: the backend's own reply, and its own chunks as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from stepflow.model import Outcome, Usage
from stepflow.server.recent import Entry
from stepflow.server.wire import usage_of

_KEPT_CHARS = 65_536
Ended = Callable[[Outcome, BaseException | None], None]
Chunks = AsyncGenerator[Mapping[str, Any], None]


def passed_through(entry: Entry, reply: Mapping[str, Any]) -> Outcome:
    """The outcome of a reply that was passed on as it came."""
    texts = [(choice.get("message") or {}).get("content") or "" for choice in reply.get("choices", ())]
    return _outcome(entry, texts[0] if texts else "", usage_of(reply))


def _outcome(entry: Entry, text: str, usage: Usage) -> Outcome:
    journal = tuple(entry.journal.events)
    return Outcome(text, "passthrough", "unverified", "model", calls=1, usage=usage, journal=journal)


def in_chunks(reply: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A whole reply as the chunks of a stream, for a backend that does not stream."""
    choices = reply["choices"]
    starts = [{"index": each["index"], "delta": each["message"], "finish_reason": None} for each in choices]
    ends = [{"index": each["index"], "delta": {}, "finish_reason": each["finish_reason"]} for each in choices]
    head = {"model": reply.get("model", "")}
    return [{**head, "choices": starts}, {**head, "choices": ends}, {**head, "choices": [], "usage": reply["usage"]}]


class Relayed:
    """A stream of the backend's own chunks. It holds the request's place and pipeline until it is closed."""

    def __init__(self, entry: Entry, deadline: float, first: Mapping[str, Any] | None, rest: Chunks) -> None:
        self.entry = entry
        self.usage = Usage()
        self._deadline = deadline
        self._first = first
        self._rest = rest
        self._texts: list[str] = []
        self._length = 0
        self._error: BaseException | None = None
        self._finished = False
        self._stack = AsyncExitStack()
        self._ended: Ended | None = None

    @classmethod
    async def begun(cls, entry: Entry, deadline: float, chunks: Chunks) -> Relayed:
        """The stream, once its first chunk is there: until then a failure is an error with a status of its own."""
        try:
            first = await anext(chunks, None)
        except BaseException:
            await chunks.aclose()
            raise
        return cls(entry, deadline, first, chunks)

    def hold(self, stack: AsyncExitStack, ended: Ended) -> None:
        """Take over what is to be released at the end, and who is to be told of it."""
        self._stack, self._ended = stack, ended

    @property
    def outcome(self) -> Outcome:
        """What is known of it by now."""
        return _outcome(self.entry, "".join(self._texts), self.usage)

    async def chunks(self) -> AsyncIterator[Mapping[str, Any]]:
        """The chunks as they come. Raises `BackendError` and `TimeoutError`."""
        try:
            chunk = self._first
            while chunk is not None:
                self._note(chunk)
                yield chunk
                async with asyncio.timeout_at(self._deadline):
                    chunk = await anext(self._rest, None)
            self._finished = True
        except Exception as error:
            self._error = error
            raise

    async def aclose(self) -> None:
        """Cancel the call when it still runs, release everything, and tell how it ended. Idempotent."""
        await self._rest.aclose()
        await self._stack.aclose()
        if self._ended is not None:
            ended, self._ended = self._ended, None
            ended(self.outcome, self._error or (None if self._finished else asyncio.CancelledError()))

    def _note(self, chunk: Mapping[str, Any]) -> None:
        self.usage += usage_of(chunk)
        for choice in chunk.get("choices", ()):
            text = (choice.get("delta") or {}).get("content") or ""
            if choice.get("index", 0) == 0 and self._length < _KEPT_CHARS:
                self._texts.append(text)
                self._length += len(text)
