"""A model that writes piece by piece, and a client that reads what it is sent meanwhile."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx
from serverkit import Model, Running

USAGE = {"prompt_tokens": 5, "completion_tokens": 3}


class Writing(Model):
    """A model that streams these pieces; behind `held_behind` of them it waits until it is let go on.

    What it is asked without a stream it answers from `patches`, in order.
    """

    def __init__(self, *pieces: str, held_behind: int | None = None, patches: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.pieces, self.held_behind, self.patches = pieces, held_behind, list(patches)
        self.finish_reason: str | None = "stop"
        self.breaks: Exception | None = None
        self.go_on = threading.Event()
        self.bodies: list[Mapping[str, Any]] = []
        self.ended = 0

    async def arelay(self, body: Mapping[str, Any], timeout_s: float | None = None) -> Mapping[str, Any]:
        raise AssertionError("nothing is passed on as it is")

    async def acomplete(self, call: Any) -> Any:
        self.answers["*"] = self.patches.pop(0)
        return await super().acomplete(call)

    async def astream(
        self, body: Mapping[str, Any], timeout_s: float | None = None
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        self.bodies.append(body)
        try:
            for number, piece in enumerate(self.pieces):
                if number == self.held_behind:
                    while not self.go_on.is_set():
                        await asyncio.sleep(0.005)
                yield {"model": "up", "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
            if self.breaks is not None:
                raise self.breaks
            if self.finish_reason:
                yield {"model": "up", "choices": [{"index": 0, "delta": {}, "finish_reason": self.finish_reason}]}
            yield {"model": "up", "choices": [], "usage": USAGE}
        finally:
            self.ended += 1


class Reading:
    """A client in the middle of a stream."""

    def __init__(self, reply: httpx.Response) -> None:
        self.reply = reply
        self.events: list[Any] = []
        self.comments: list[str] = []
        self._lines = reply.iter_lines()

    @property
    def text(self) -> str:
        parts = (event["choices"] for event in self.events if "choices" in event)
        return "".join(choice["delta"].get("content") or "" for choices in parts for choice in choices)

    def until(self, text: str) -> None:
        """Read until this is there."""
        while self.text != text:
            self._read(next(self._lines))

    def to_the_end(self) -> None:
        for line in self._lines:
            self._read(line)

    def _read(self, line: str) -> None:
        if line.startswith("data: "):
            self.events.append({} if line.endswith("[DONE]") else json.loads(line.removeprefix("data: ")))
        elif line:
            self.comments.append(line)


def reading(server: Running, prompt: str = "count to 3") -> Any:
    body = {"model": "kit", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    return server.client.stream("POST", "/v1/chat/completions", json=body)
