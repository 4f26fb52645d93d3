"""Hits of a Redis store beside those of a folder: a part of `make bench`.

The server is started on loopback, as the tests do it. Two processes stand for two machines: they share nothing else.
Both stores are measured in turn, so that they meet the same moods of the machine.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench_hits.filling import GENUINE, asked, described, fill, pipeline, reworded
from bench_hits.timing import as_installed, concurrently, timed
from processkit import Child
from rediskit import Server

Beside = dict[str, dict[str, float]]
"""Seconds (p50, p99), by store."""

FIRST = itertools.count(20_000, 20_000)
"""Where each process begins to count, so that none asks what another has asked."""

WORK = """
import itertools, sys, time
import stepflow
from bench_hits.filling import GENUINE, asked, reworded
pipeline = stepflow.load(sys.argv[1])
numbers = itertools.count(int(sys.argv[3]))
def exact():
    assert pipeline.run(asked(next(numbers) % GENUINE)).outcome == "exact"
def reuse():
    number = next(numbers)
    assert pipeline.run(reworded(number % GENUINE, number // GENUINE)).outcome == "reuse"
action = {"exact": exact, "reuse": reuse}[sys.argv[2]]
action()
print("ready", flush=True)
sys.stdin.readline()
done, until = 0, time.monotonic() + float(sys.argv[4])
while time.monotonic() < until:
    action()
    done += 1
print(done, flush=True)
"""


def side_by_side(folder: Path, size: int, seconds: float, cold: int) -> Iterator[tuple[str, Beside]]:
    """Each figure for a folder and for a server, with `size` records in both."""
    server = Server().start()
    stores = {"diskcache": None, "redis": {"type": "redis", "url": server.url}}
    try:
        paths = {
            kind: described(folder / kind, like=False, index="auto", traces=0, store=store)
            for kind, store in stores.items()
        }
        yield from _alone(folder, stores, size)
        for what, processes in itertools.product(("exact", "reuse"), (1, 2)):
            rates = {kind: _rate(path, what, processes, seconds) for kind, path in paths.items()}
            yield (
                f"{what}, {processes} process{'es' * (processes > 1)}, one hit",
                {kind: {"p50": 1 / rates[kind]} for kind in rates},
            )
        if cold:
            yield "stepflow run, exact hit", {kind: _cold(folder, path, cold) for kind, path in paths.items()}
    finally:
        server.close()


def _alone(folder: Path, stores: Mapping[str, Any], size: int) -> Iterator[tuple[str, Beside]]:
    opened = {kind: pipeline(folder / kind, like=False, index="auto", store=store) for kind, store in stores.items()}
    stored = {kind: itertools.cycle(fill(each, size)) for kind, each in opened.items()}
    fresh = itertools.count()

    def exact(kind: str) -> None:
        assert opened[kind].run(next(stored[kind])).outcome == "exact"

    def reuse(kind: str) -> None:
        number = next(fresh)
        assert opened[kind].run(reworded(number % GENUINE, number // GENUINE)).outcome == "reuse"

    def add(kind: str) -> None:
        number, archive = next(fresh), opened[kind].archive
        archive.save(replace(like[kind], id=f"{number:011x}added", request_key=f"added {number}"))

    def lease(kind: str) -> None:
        opened[kind].archive.acquire("a request", "me", 10)
        opened[kind].archive.release("a request", "me")

    like = {kind: each.archive.get(each.run(asked(0)).record or "") for kind, each in opened.items()}
    actions: dict[str, tuple[Callable[[str], None], int]] = {
        "exact hit": (exact, 2000),
        "reuse by signature": (reuse, 300),
        "adding a record": (add, 500),
        "a lease, taken and given back": (lease, 500),
    }
    for name, (action, times) in actions.items():
        for kind in opened:
            timed(lambda kind=kind, action=action: action(kind), 20)
        yield name, {kind: timed(lambda kind=kind, action=action: action(kind), times) for kind in opened}
    together = {kind: concurrently(lambda kind=kind: exact(kind), 4, 500)["each"] for kind in opened}
    yield "exact hit, 4 threads", {kind: {"p50": seconds} for kind, seconds in together.items()}
    for each in opened.values():
        each.close()


def _rate(path: str, what: str, processes: int, seconds: float) -> float:
    """Hits a second of so many processes together."""
    working = [Child(WORK, path, what, next(FIRST), seconds) for _ in range(processes)]
    for each in working:
        assert each.line() == "ready"
    for each in working:
        each.say("go")
    return sum(int(each.end(seconds + 60)[-1]) for each in working) / seconds


def _cold(folder: Path, path: str, times: int) -> dict[str, float]:
    command = [sys.executable, "-m", "stepflow", "run", "-p", path, asked(0)]
    with as_installed(folder) as environment:
        return timed(lambda: subprocess.run(command, check=True, capture_output=True, env=environment), times)
