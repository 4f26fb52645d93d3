"""How long something takes: again and again, side by side, in processes of their own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench_hits.filling import ROOT


def timed(action: Callable[[], Any], times: int, setup: Callable[[], Any] = lambda: None) -> dict[str, float]:
    """Median and 99th percentile in seconds."""
    taken = []
    for _ in range(times):
        setup()
        begun = time.perf_counter()
        action()
        taken.append(time.perf_counter() - begun)
    return _spread(taken)


def _spread(taken: list[float]) -> dict[str, float]:
    taken.sort()
    return {"p50": taken[len(taken) // 2], "p99": taken[int(len(taken) * 0.99)]}


def concurrently(action: Callable[[], None], threads: int, times: int) -> dict[str, float]:
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
