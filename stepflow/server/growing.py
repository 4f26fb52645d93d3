"""`stream: steps`: an answer that is sent step by step, each as soon as it is verified, while the model writes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from stepflow.adapters.backends.relaying import body_of, named
from stepflow.errors import BackendError, TimedOut
from stepflow.model import Outcome, Usage
from stepflow.protocols import Call, Completion, Relay
from stepflow.runtime.effects import Watch
from stepflow.server.wire import usage_of

_SHARE = 9
"""After each look at a reply so many times its duration without one: all looks together take a tenth of the time."""


class Growing:
    """The beginning of an answer, on its way to the client before the rest is there.

    `trace` is the request's id; `taken` is how many characters are sent. For one thread: the event loop's.
    """

    def __init__(self) -> None:
        self.trace = ""
        self.taken = 0
        self._ready = ""
        self._news = asyncio.Event()

    @property
    def about(self) -> dict[str, str]:
        """What can be said of it by now."""
        return {"trace": self.trace} if self.trace else {}

    def hand_on(self, text: str) -> None:
        """Let this be sent next. It cannot be taken back."""
        self._ready += text
        self._news.set()

    async def parts(self, answering: asyncio.Future[Any], pause: float) -> AsyncIterator[str]:
        """What is to be sent, as it comes, until the answering has ended; empty texts in pauses of so many seconds."""
        while not answering.done():
            await self.moved(answering, pause)
            if not answering.done():
                self._news.clear()
                taken, self.taken = self.taken, len(self._ready)
                yield self._ready[taken:]

    async def moved(self, answering: asyncio.Future[Any], timeout: float) -> None:
        """Wait until there is something to send, the answering has ended, or `timeout` seconds are over."""
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({answering, news}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()

    def rest(self, outcome: Outcome) -> str:
        """What is left of the answer. Raises `BackendError` when it does not begin with what was sent."""
        sent = self._ready[: self.taken]
        if not outcome.answer.startswith(sent):
            raise BackendError("the answer does not begin with the steps that were sent already; ask again")
        return outcome.answer[self.taken :]


async def written(backend: Relay, model: str, call: Call, watch: Watch, growing: Growing) -> Completion:
    """The model's reply, whose steps are handed on as they are verified. Raises `BackendError`.

    A reply that ends without saying that it does has been torn off.
    """
    reading = _Reading(watch, growing)
    looking = asyncio.ensure_future(reading.look())
    try:
        async with (
            asyncio.timeout(call.timeout_s),
            aclosing(backend.astream(body_of(call), call.timeout_s)) as chunks,
        ):
            async for chunk in chunks:
                reading.add(chunk)
        reading.end()
        await looking  # from here on nobody else may touch the watch
    except TimeoutError as error:
        raise TimedOut(f"{model} did not end its answer within {call.timeout_s:g} s") from error
    finally:
        looking.cancel()
    if not reading.finish_reason:
        raise BackendError(f"{model} broke off in the middle of its answer; ask again")
    return Completion(reading.text, reading.usage, reading.finish_reason, reading.model or model, reading.reasoning)


class _Reading:
    """A reply while it comes: read on the loop, looked at in a thread."""

    def __init__(self, watch: Watch, growing: Growing) -> None:
        self.text = ""
        self.usage = Usage()
        self.finish_reason = ""
        self.reasoning = ""
        self.model = ""
        self._watch = watch
        self._growing = growing
        self._grown = asyncio.Event()
        self._ended = False

    def add(self, chunk: Mapping[str, Any]) -> None:
        """Read a chunk."""
        self.usage += usage_of(chunk)
        self.model = named(chunk.get("model"), self.model)
        for choice in chunk.get("choices", ()):
            if choice.get("index", 0) == 0:
                delta = choice.get("delta") or {}
                self.text += delta.get("content") or ""
                self.reasoning += delta.get("reasoning_content") or ""
                self.finish_reason = choice.get("finish_reason") or self.finish_reason
                self._grown.set()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._grown.set()

    async def look(self) -> None:
        """Hand on what is ready, again and again; the last look is at all of it, so that no haste changes an answer."""
        ended = False
        while not ended:
            await self._grown.wait()
            self._grown.clear()
            ended, began = self._ended, time.perf_counter()
            ready = await asyncio.to_thread(self._watch.ready, self.text)
            if ready:
                self._growing.hand_on(ready)
            if not self._ended:
                await asyncio.sleep(_SHARE * (time.perf_counter() - began))
