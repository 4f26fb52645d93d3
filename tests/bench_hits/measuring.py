"""The figures of one store with so many records: in one process, and of processes as a whole.

Not by pytest-benchmark; docs/design/0010 says why.
"""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import diskcache
from bench_hits.filling import GENUINE, asked, described, fill, pipeline, reworded
from bench_hits.timing import Figure, as_installed, concurrently, in_turn, timed

from stepflow.engine import Pipeline
from stepflow.model import Record
from stepflow.records import encode_record

THREADS = 4
NEXT_PROCESS = """
import resource, sys, time
import stepflow
pipeline = stepflow.load(sys.argv[1])
loaded = time.perf_counter()
assert pipeline.run(sys.argv[2]).outcome == "reuse"
answered = time.perf_counter()
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(time.time() - float(sys.argv[3]), answered - loaded, memory)
"""
COLD_FLOOR = """
import sys, click, yaml, diskcache
print(diskcache.Cache(sys.argv[1]).get(sys.argv[2])[:1])
"""


def in_one_process(folder: Path, size: int) -> Iterator[tuple[str, Figure]]:
    """The figures of a process on a store that is brought to `size` records, and of one that comes after it."""
    opened = pipeline(folder, like=False, index="auto")
    prompts = fill(opened, size)
    ways = itertools.count()
    yield from _exact_and_written(folder, opened, prompts)
    yield "verified reuse of 8 steps, found by hash", _reuse(opened, ways)
    opened.close()
    yield from _by_likeness(folder, ways)
    yield from _next_process(folder, [reworded(1, next(ways)) for _ in range(4)])


def _exact_and_written(folder: Path, opened: Pipeline, prompts: list[str]) -> Iterator[tuple[str, Figure]]:
    like = opened.archive.get(opened.run(asked(0)).record or "")
    text = encode_record(like)
    bare = diskcache.Cache(str(folder / "bare"))
    with bare.transact():
        for prompt in prompts:
            bare.set(hashlib.sha256(prompt.encode()).hexdigest(), text)
    stored, fresh = itertools.cycle(prompts), itertools.count()
    others = iter([_another(like, number) for number in range(600)])

    def exact() -> None:
        assert opened.run(next(stored)).outcome == "exact"

    yield from in_turn(
        {
            "floor: SHA-256 and a get": lambda: bare.get(hashlib.sha256(next(stored).encode()).hexdigest()),
            "exact hit": exact,
        },
        3000,
    )
    together = concurrently(exact, THREADS, 500)
    yield f"exact hits from {THREADS} threads: each call", together
    yield "the same: time passed for each", {"p50": together["each"]}
    yield from in_turn(
        {
            "floor: a set": lambda: bare.set(f"new {next(fresh)}", text),
            "adding a record": lambda: opened.archive.save(next(others)),
        },
        500,
    )
    bare.close()


def _reuse(opened: Pipeline, ways: Iterator[int]) -> Figure:
    def reuse() -> None:
        number = next(ways)
        outcome = opened.run(reworded(number % GENUINE, number // GENUINE))
        assert (outcome.outcome, outcome.kept) == ("reuse", 8), outcome

    timed(reuse, 20)
    return timed(reuse, 300)


def _by_likeness(folder: Path, ways: Iterator[int]) -> Iterator[tuple[str, Figure]]:
    alike = pipeline(folder, like=True, index="auto")
    archive = alike.archive
    namespace = next(archive.records()).namespace
    begun = time.perf_counter()
    archive._search(namespace, archive._embedder.embed(asked(0)), 5, [])
    first = time.perf_counter() - begun
    _await_index(alike, namespace)
    yield "verified reuse of 8 steps, found by likeness", _reuse(alike, ways)
    vectors = itertools.cycle([archive._embedder.embed(reworded(n, 0)) for n in range(GENUINE)])
    yield "of that the search", timed(lambda: archive._search(namespace, next(vectors), 5, []), 500)
    yield "the first search of a process", {"p50": first}
    alike.close()


def _next_process(folder: Path, prompts: list[str]) -> Iterator[tuple[str, Figure]]:
    """Processes on this store, one after the other, each from its start to its first answer; the first compiles."""
    said = []
    with as_installed(folder) as environment:
        for prompt in prompts:
            command = [sys.executable, "-c", NEXT_PROCESS, str(folder / "pipeline.yaml"), prompt, repr(time.time())]
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
            said.append([float(number) for number in done.stdout.split()])
    whole, loaded, memory = (sorted(column)[(len(said) - 1) // 2] for column in zip(*said[1:], strict=True))
    yield "next process, from its start to its first reuse", {"p50": whole}
    yield "of that, once the rules are loaded", {"p50": loaded}
    yield "memory of that process, mapped files included", {"p50": memory * 1024}


def processes(folder: Path, times: int) -> Iterator[tuple[str, Figure]]:
    """Whole processes on a filled store: the least one that reads a row, an exact hit, a verified one; a trace, too."""
    with as_installed(folder) as environment:
        yield from _traced(folder)
        path = described(folder, like=False, index="auto", traces=0, store=None)

        def process(*arguments: str) -> None:
            subprocess.run(arguments, check=True, capture_output=True, env=environment)

        ways = itertools.count(10_000)
        key = hashlib.sha256(asked(0).encode()).hexdigest()
        command = [sys.executable, "-m", "stepflow", "run", "-p", path]
        yield from in_turn(
            {
                "floor: a Python that reads one row": lambda: process(
                    sys.executable, "-c", COLD_FLOOR, str(folder / "bare"), key
                ),
                "stepflow run, exact hit": lambda: process(*command, asked(0)),
                "stepflow run, verified reuse": lambda: process(*command, reworded(0, next(ways))),
            },
            times,
            block=1,
        )


def _traced(folder: Path) -> Iterator[tuple[str, Figure]]:
    opened = pipeline(folder, like=False, index="auto", traces=200)
    opened.run(asked(0))
    yield "exact hit that also writes its trace", timed(lambda: opened.run(asked(0)), 500)
    opened.close()


def _another(record: Record, number: int) -> Record:
    return replace(record, id=f"{number:011x}added", request_key=f"added {number}", signature=f"added {number}")


def _await_index(opened: Pipeline, namespace: str) -> None:
    """Until the log is read and all clusters are drawn: each drawing may leave enough for another."""
    archive = opened.archive
    while True:
        archive._search(namespace, archive._embedder.embed(asked(0)), 5, [])
        feeder, builder = archive._feeders.get(namespace), getattr(archive._indexes[namespace], "_builder", None)
        waited = [thread for thread in (feeder, builder) if thread is not None and thread.is_alive()]
        for thread in waited:
            thread.join()
        if not waited:
            return
