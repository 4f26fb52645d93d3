"""How long something takes: again and again, side by side, in processes of their own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench_hits.filling import ROOT

Figure = dict[str, float]
"""Seconds: `p50`, and where they mean something `p99`. For memory, bytes."""


def timed(action: Callable[[], Any], times: int) -> Figure:
    """Median and 99th percentile in seconds."""
    return _spread(_seconds(action, times))


def in_turn(actions: Mapping[str, Callable[[], Any]], times: int, *, block: int = 50) -> Iterator[tuple[str, Figure]]:
    """The same for each of several actions, a block of each in turn: all of them meet the same moods of the machine.

    Each is done once before. Blocks of one let them push each other out of the processor's caches.
    """
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for action in actions.values():
        action()
    for _ in range(0, times, block):
        for name, action in actions.items():
            taken[name] += _seconds(action, block)
    for name, seconds in taken.items():
        yield name, _spread(seconds)


def _seconds(action: Callable[[], Any], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        action()
        taken.append(time.perf_counter() - begun)
    return taken


def _spread(taken: list[float]) -> Figure:
    taken.sort()
    return {"p50": taken[len(taken) // 2], "p99": taken[int(len(taken) * 0.99)]}


def concurrently(action: Callable[[], None], threads: int, times: int) -> Figure:
    """Seconds of a call when so many threads make them side by side; `each` is the time passed for each of all."""
    taken: list[float] = []

    def work() -> None:
        for _ in range(times):
            begun = time.perf_counter()
            action()
            taken.append(time.perf_counter() - begun)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    begun = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    passed = time.perf_counter() - begun
    return {**_spread(taken), "each": passed / (threads * times)}


@contextmanager
def as_installed(folder: Path) -> Iterator[dict[str, str]]:
    """An environment in which modules are compiled once, as in every ordinary installation."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    yield environment | {"PYTHONPYCACHEPREFIX": str(folder / "pycache"), "PYTHONPATH": str(ROOT)}
