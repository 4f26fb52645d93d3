"""A server on a free loopback port, with a scripted model behind it; and a provider that speaks OpenAI's protocol."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from flowkit import COUNT, write_pipeline

from stepflow.errors import BackendError
from stepflow.protocols import Call, Completion
from stepflow.server.connections import Connection
from stepflow.server.houses import House
from stepflow.server.running import served
from stepflow.server.service import Service
from stepflow.server.settings import Settings
from stepflow.server.tenants import Keys, hash_of

RIGHT = "1\n2\n3"


class Model:
    """A model that knows answers by the last message, and can be made to wait or to fail."""

    model = "kit/model"
    identity: Mapping[str, Any] = {"model": "kit/model"}

    def __init__(self, **answers: str) -> None:
        self.answers: dict[str, Any] = dict(answers)
        self.calls: list[Call] = []
        self.failures: list[Exception] = []
        self.seconds = 0.0
        self.cancelled = 0
        self.inside = self.most_inside = 0
        self.free = threading.Event()
        """Cleared, it keeps every call waiting until it is set."""
        self.free.set()
        self.closed = False

    def complete(self, call: Call) -> Completion:
        raise AssertionError("the server asks asynchronously")

    async def acomplete(self, call: Call) -> Completion:
        from stepflow.model import Usage

        self.calls.append(call)
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            await asyncio.sleep(self.seconds)
            while not self.free.is_set():
                await asyncio.sleep(0.005)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.inside -= 1
        if self.failures:
            raise self.failures.pop(0)
        prompt = call.messages[-1].content
        answer = self.answers.get(prompt, self.answers.get("*", f"echo: {prompt}"))
        if isinstance(answer, Exception):
            raise answer
        return Completion(answer, Usage(7, len(answer.split())), "stop", "kit-1")

    def close(self) -> None:
        self.closed = True


TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
TOOL_REPLY = {
    "id": "up-9", "model": "up", "created": 7,
    "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": None, "reasoning_content": "hm",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}],
    }}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 2}},
}  # fmt: skip


class Relaying(Model):
    """A model that streams word by word, and passes on whatever it is asked. Not free, it waits behind the first."""

    def __init__(self, words: str = "one two three", breaks_after: int = 99) -> None:
        super().__init__(**{"count to 3": RIGHT})
        self.words, self.breaks_after = words.split(), breaks_after
        self.bodies: list[Mapping[str, Any]] = []
        self.ended = 0
        self.reply: dict[str, Any] = {}

    async def arelay(self, body: Mapping[str, Any], timeout_s: float | None = None) -> Mapping[str, Any]:
        self.bodies.append(body)
        return self.reply

    async def astream(
        self, body: Mapping[str, Any], timeout_s: float | None = None
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        self.bodies.append(body)
        try:
            for number, word in enumerate(self.words):
                if number == self.breaks_after:
                    raise BackendError("the line broke")
                while number == 1 and not self.free.is_set():
                    await asyncio.sleep(0.005)
                yield {
                    "id": "up-1",
                    "model": "up",
                    "choices": [{"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}],
                }
            yield {"id": "up-1", "model": "up", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
            yield {"id": "up-1", "model": "up", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}
        finally:
            self.ended += 1


class Calling(Relaying):
    """A model that replies with these, one after the other."""

    def __init__(self, *replies: Mapping[str, Any]) -> None:
        super().__init__()
        self.replies = list(replies)

    async def arelay(self, body: Mapping[str, Any], timeout_s: float | None = None) -> Mapping[str, Any]:
        self.bodies.append(body)
        return self.replies.pop(0)


def counting(*lasts: int) -> Model:
    """A model that can count."""
    model = Model()
    for last in lasts or (3, 4, 5):
        model.answers[f"count to {last}"] = "\n".join(map(str, range(1, last + 1)))
    return model


class Running:
    """A server under test."""

    def __init__(self, service: Service, url: str) -> None:
        self.service = service
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=20, trust_env=False)

    @property
    def house(self) -> House:
        return self.service.houses[0]

    @property
    def model(self) -> Any:
        return self.house.current.pipeline.backend

    @model.setter
    def model(self, model: Any) -> None:
        self.house.current.pipeline.backend = model

    def chat(
        self, prompt: Any = "count to 3", *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
        body = {"model": "kit", "messages": messages, **more}
        return self.client.post("/v1/chat/completions", json=body, headers=dict(headers or {}))

    def post(self, raw: bytes, path: str = "/v1/chat/completions", **headers: str) -> httpx.Response:
        kind = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.client.post(path, content=raw, headers=kind)


@contextmanager
def running(
    folder: Path, *rules: str, model: Any = None, keys: Keys | None = None, **settings: Any
) -> Iterator[Running]:
    """A server of one pipeline of these rules."""
    pipeline = settings.pop("pipeline", {})
    path = settings.pop("path", None) or write_pipeline(folder, *(rules or (COUNT,)), **pipeline)
    chosen = Settings(**{"pipelines": (path,), "reload": 0, "log": "none", **settings})
    service = Service(chosen, [House(each) for each in chosen.pipelines], keys)
    if model is not None:
        service.houses[0].current.pipeline.backend = model
    with listening(service) as url:
        server = Running(service, url)
        with server.client:
            yield server


class Hasty:
    """asyncio as uvicorn sees it here: it would look ten times a second whether it shall stop, and looks a hundred."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 10)


uvicorn.server.asyncio = Hasty()


@contextmanager
def listening(service: Service) -> Iterator[str]:
    """The address of a server that runs in a thread, and is stopped as a signal would stop it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            served(service), loop="uvloop", http=Connection, ws="none", log_level="critical", access_log=False,
            timeout_graceful_shutdown=5,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [free]}, daemon=True)
        free.listen(128)
        thread.start()
        port = free.getsockname()[1]
        deadline = time.monotonic() + 10
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(15)


def eventually(happened: Callable[[], Any], seconds: float = 15.0) -> bool:
    """Whether it happens; the time is only how long a failing test takes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(0.02)
    return False


@contextmanager
def leaving(server: Running, **more: Any) -> Iterator[None]:
    """A client that asks, and hangs up where this ends, whether it was answered or not."""
    body = json.dumps({"model": "kit", "messages": [{"role": "user", "content": "count to 3"}], **more}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=20) as client:
        client.sendall(f"{head}content-type: application/json\r\n\r\n".encode() + body)
        yield


def keyring(**tenants: str) -> Keys:
    """Keys: tenant name to key; the tenant `boss` is an admin."""
    return Keys(
        (f"{hash_of(key)} {tenant}{' admin' if tenant == 'boss' else ''}" for tenant, key in tenants.items()),
        needed=True,
    )


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def events(response: httpx.Response) -> list[Any]:
    """The data of a stream's events, parsed; '[DONE]' as it is."""
    lines = [line.removeprefix("data: ") for line in response.text.split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def comments(response: httpx.Response) -> list[str]:
    return [line for line in response.text.split("\n") if line.startswith(":")]


def streamed_text(response: httpx.Response) -> str:
    parts = [event["choices"] for event in events(response) if event != "[DONE]"]
    return "".join(choice["delta"].get("content") or "" for choices in parts for choice in choices)
