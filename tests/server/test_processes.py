"""Servers that are processes of their own, on one store: of the same requests at once, one asks the model."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from flowkit import COUNT, write_pipeline
from processkit import Child
from rediskit import KINDS, Server
from serverkit import RIGHT, streamed_text

from stepflow.runtime.flight import LEASE_S

SERVE = """
import sys
from pathlib import Path
from serverkit import counting, running

class Counting(type(counting())):
    async def acomplete(self, call):
        print("call", flush=True)
        return await super().acomplete(call)

model = Counting(**counting().answers)
model.seconds = float(sys.argv[2])
with running(Path(sys.argv[1]).parent, path=sys.argv[1], model=model) as server:
    server.house.current.pipeline._keeper.lease_s = float(sys.argv[3])
    print(server.url, flush=True)
    sys.stdin.readline()
"""


class Away:
    """One server process."""

    def __init__(self, path: str, seconds: float, lease_s: float) -> None:
        self.child = Child(SERVE, path, seconds, lease_s)
        self.url = ""

    def chat(self, temperature: int, stream: bool = False, timeout: float = 30) -> str:
        """The answer to one request; those of another temperature share no records."""
        messages = [{"role": "user", "content": "count to 3"}]
        body = {"model": "kit", "messages": messages, "temperature": temperature, "stream": stream}
        reply = httpx.post(f"{self.url}/v1/chat/completions", json=body, timeout=timeout, trust_env=False)
        return streamed_text(reply) if stream else str(reply.json()["choices"][0]["message"]["content"])


@pytest.fixture(params=["diskcache", "redis"])
def serve(
    request: pytest.FixtureRequest, tmp_path: Path, redis_servers: Callable[[str], Server]
) -> Iterator[Callable[..., list[Away]]]:
    if request.param == "diskcache":
        store: dict[str, Any] = {"path": str(tmp_path / "cache")}
    else:
        store = {"type": "redis", "url": redis_servers(KINDS[0]).url}
    path = write_pipeline(tmp_path, COUNT, store=store)
    started: list[Away] = []

    def serve(*seconds: float, lease_s: float = LEASE_S) -> list[Away]:
        started.extend(Away(path, each, lease_s) for each in seconds)
        for each in started:
            each.url = str(each.child.line())
        return started

    yield serve
    for each in started:
        each.child.kill()


def calls(servers: list[Away]) -> int:
    return sum(each.child.end().count("call") for each in servers)


def test_twenty_identical_misses_in_two_processes_make_one_call(serve: Callable[..., list[Away]]) -> None:
    servers = serve(1.0, 1.0)
    with ThreadPoolExecutor(20) as pool:
        whole = list(pool.map(lambda number: servers[number % 2].chat(0), range(20)))
        streamed = list(pool.map(lambda number: servers[number % 2].chat(1, stream=True), range(20)))
    assert Counter(whole) == Counter(streamed) == {RIGHT: 20}
    assert calls(servers) == 2


def test_a_leader_that_is_cancelled_or_killed_lets_a_follower_in_another_process_go_on(
    serve: Callable[..., list[Away]],
) -> None:
    slow, fast = serve(30.0, 0.1, lease_s=2.0)
    with ThreadPoolExecutor(1) as pool:
        gone = pool.submit(slow.chat, 0, timeout=1.5)
        assert slow.child.line() == "call"
        assert fast.chat(0) == RIGHT
        with pytest.raises(httpx.TimeoutException):
            gone.result()
        lost = pool.submit(slow.chat, 1)
        assert slow.child.line() == "call"
        slow.child.kill()
        began = time.monotonic()
        assert fast.chat(1) == RIGHT
        assert time.monotonic() - began < 10
        with pytest.raises(httpx.TransportError):
            lost.result()
    assert calls([fast]) == 2
