"""What a hit costs, beside what it cannot cost less: `make bench-hits`, and `make bench-compare` for an older run.

Every figure stands beside a floor that was measured in the same run on the same machine: what a plain dictionary on
disk costs (SHA-256 of the prompt and one `diskcache` get), or a Python process that imports the same three libraries.
Read the ratios; the microseconds are this machine's, and what else it was doing.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import diskcache

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench_hits import stores
from bench_hits.filling import GENUINE, asked, fill, pipeline, reworded
from bench_hits.timing import as_installed, concurrently, timed

from stepflow.records import encode_record

Figures = dict[str, dict[str, float]]

TARGETS = {
    "exact hit": (10, "floor"),
    "adding a record": (3, "floor set"),
    "cold exact hit": (2.5, "cold floor"),
}
NEXT_PROCESS = """
import resource, sys, time
begun = time.perf_counter()
import stepflow
pipeline = stepflow.load(sys.argv[1])
loaded = time.perf_counter()
assert pipeline.run(sys.argv[2]).outcome == "reuse"
answered = time.perf_counter()
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(loaded - begun, answered - loaded, time.time() - float(sys.argv[3]), memory)
"""
COLD_FLOOR = """
import sys, click, yaml, diskcache
print(diskcache.Cache(sys.argv[1]).get(sys.argv[2])[:1])
"""


def warm(folder: Path, size: int, threads: int = 4) -> Iterator[tuple[str, dict[str, float]]]:
    """The figures of one process and a store of `size` records."""
    opened = pipeline(folder, like=False, index="auto")
    prompts = fill(opened, size)
    text = encode_record(opened.archive.get(opened.run(prompts[0]).record or ""))

    bare = diskcache.Cache(str(folder / "bare"))
    with bare.transact():
        for prompt in prompts:
            bare.set(hashlib.sha256(prompt.encode()).hexdigest(), text)
    stored = itertools.cycle(prompts)
    yield "floor", timed(lambda: bare.get(hashlib.sha256(next(stored).encode()).hexdigest()), 3000)

    def exact() -> None:
        assert opened.run(next(stored)).outcome == "exact"

    timed(exact, 20)
    yield "exact hit", timed(exact, 3000)
    together = concurrently(exact, threads, 500)
    yield f"exact hit, {threads} threads", together
    yield f"exact hit, {threads} threads, passed for each", {"p50": together["each"]}
    fresh = itertools.count()
    yield "floor set", timed(lambda: bare.set(f"new {next(fresh)}", text), 500)
    like = opened.archive.get(opened.run(asked(0)).record or "")
    others = iter([_another(like, next(fresh)) for _ in range(500)])
    yield "adding a record", timed(lambda: opened.archive.save(next(others)), 500)
    ways = itertools.count()

    def reuse() -> None:
        number = next(ways)
        outcome = opened.run(reworded(number % GENUINE, number // GENUINE))
        assert (outcome.outcome, outcome.kept) == ("reuse", 8), outcome

    timed(reuse, 20)
    yield "reuse by signature", timed(reuse, 300)
    opened.close()
    alike = pipeline(folder, like=True, index="auto")

    def reuse_alike() -> None:
        number = next(ways)
        outcome = alike.run(reworded(number % GENUINE, number // GENUINE))
        assert (outcome.outcome, outcome.kept) == ("reuse", 8), outcome

    begun = time.perf_counter()
    alike.archive._search(like.namespace, alike.archive._embedder.embed(asked(0)), 5, [])
    yield "first look by likeness", {"p50": time.perf_counter() - begun}
    _await_index(alike, like.namespace)
    timed(reuse_alike, 20)
    yield "reuse by likeness", timed(reuse_alike, 300)
    vectors = itertools.cycle([alike.archive._embedder.embed(reworded(n, 0)) for n in range(GENUINE)])
    yield "search alone", timed(lambda: alike.archive._search(like.namespace, next(vectors), 5, []), 500)
    alike.close()
    yield from _next_process(folder, [reworded(1, next(ways)) for _ in range(2)])


def _next_process(folder: Path, prompts: list[str]) -> Iterator[tuple[str, dict[str, float]]]:
    """A process on this store, from its start to its first answer; all but the last only compile the modules."""
    with as_installed(folder) as environment:
        for prompt in prompts:
            command = [sys.executable, "-c", NEXT_PROCESS, str(folder / "pipeline.yaml"), prompt, repr(time.time())]
            said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    loaded, answered, whole, kilobytes = map(float, said.split())
    yield "next process: to load", {"p50": loaded}
    yield "next process: first reuse, once loaded", {"p50": answered}
    yield "next process: start to first answer", {"p50": whole}
    yield "memory of that process", {"p50": kilobytes / 1024}


def traced(folder: Path) -> dict[str, float]:
    """An exact hit that is written down as well, as pipelines do by default."""
    opened = pipeline(folder, like=False, index="auto", traces=200)
    opened.run(asked(0))
    figures = timed(lambda: opened.run(asked(0)), 500)
    opened.close()
    return figures


def cold(folder: Path, times: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Whole processes: the least one that reads a row, an exact hit, a verified one."""
    opened = pipeline(folder, like=False, index="auto")
    fill(opened, GENUINE)
    opened.close()
    bare = diskcache.Cache(str(folder / "bare"))
    bare.set("key", "x" * 2000)
    bare.close()
    command = [sys.executable, "-m", "stepflow", "run", "-p", str(folder / "pipeline.yaml")]
    with as_installed(folder) as environment:

        def process(*arguments: str) -> None:
            subprocess.run(arguments, check=True, capture_output=True, env=environment)

        ways = itertools.count(1000)
        actions: dict[str, Callable[[], None]] = {
            "cold floor": lambda: process(sys.executable, "-c", COLD_FLOOR, str(folder / "bare"), "key"),
            "cold exact hit": lambda: process(*command, asked(0)),
            "cold verified hit": lambda: process(*command, reworded(0, next(ways))),
        }
        for action in actions.values():
            action()
        taken: dict[str, list[float]] = {name: [] for name in actions}
        for _ in range(times):  # in turn, so that all of them meet the same moods of the machine
            for name, action in actions.items():
                taken[name].append(timed(action, 1)["p50"])
    for name, seconds in taken.items():
        yield name, {"p50": sorted(seconds)[times // 2], "p99": max(seconds)}


def _another(record: Any, number: int) -> Any:
    return replace(record, id=f"{number:011x}added", request_key=f"added {number}", signature=f"added {number}")


def _await_index(opened: Any, namespace: str) -> None:
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


def table(figures: Figures) -> str:
    """The figures with their ratios."""
    lines = [f"{'':<34}{'p50':>12}{'p99':>12}   ratio"]
    for name, figure in figures.items():
        if name.startswith("memory"):
            lines.append(f"{name:<34}{figure['p50']:>9.0f} MiB")
            continue
        p99 = f"{figure['p99'] * 1e6:>9.0f} µs" if "p99" in figure else ""
        lines.append(f"{name:<34}{figure['p50'] * 1e6:>9.0f} µs{p99:>12}   {_ratio(figures, name)}".rstrip())
    return "\n".join(lines)


def ratios(figures: Figures) -> dict[str, float]:
    """Each target's ratio, by its name and size."""
    found = {}
    for name in figures:
        what, _, size = name.partition(" @ ")
        if what in TARGETS:
            floor = TARGETS[what][1] + (f" @ {size}" if size else "")
            found[name] = figures[name]["p50"] / figures[floor]["p50"]
    by_size = {int(name.rpartition(" ")[2].replace(",", "")): name for name in figures if "reuse by likeness" in name}
    for size, name in by_size.items():
        if 10_000 in by_size and size > 10_000:
            found[name] = figures[name]["p50"] / figures[by_size[10_000]]["p50"]
    return found


def _ratio(figures: Figures, name: str) -> str:
    found = ratios(figures).get(name)
    if found is None:
        return ""
    what = name.partition(" @ ")[0]
    target, floor = TARGETS.get(what, (3, "10,000 records"))
    return f"{found:.1f} × {floor} (target {target}){'' if found <= target else ' MISSED'}"


def compare(old: Figures, new: Figures, tolerance: float) -> tuple[str, bool]:
    """How each ratio has moved since an older run, and whether none has grown by more than the tolerance."""
    before, now = ratios(old), ratios(new)
    lines, fine = [f"{'':<34}{'before':>9}{'now':>9}"], True
    for name in (name for name in now if name in before):
        worse = now[name] > before[name] * (1 + tolerance)
        fine = fine and not worse
        lines.append(f"{name:<34}{before[name]:>9.2f}{now[name]:>9.2f}{'   WORSE' if worse else ''}")
    return "\n".join(lines), fine


def beside_redis(options: argparse.Namespace) -> int:
    """The hits of a Redis store beside those of a folder."""
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, options.sizes.split(",")):
            figures = dict(stores.side_by_side(Path(folder) / str(size), size, 3, options.cold))
            print(f"{size:,} records\n{stores.table(figures)}")
    return 0


def main() -> int:
    """Measure, print, save; with `--against`, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000", help="records in the store")
    parser.add_argument("--cold", type=int, default=15, help="processes of each kind; 0 leaves them out")
    parser.add_argument("--save", default="build/bench-hits.json")
    parser.add_argument("--against", help="an older run's file: exit code 1 when a ratio has grown")
    parser.add_argument("--tolerance", type=float, default=0.3)
    parser.add_argument("--store", choices=["diskcache", "redis"], default="diskcache", help="redis: beside the folder")
    options = parser.parse_args()
    if options.store == "redis":
        return beside_redis(options)
    figures: Figures = {}

    def note(name: str, figure: dict[str, float]) -> None:
        figures[name] = figure
        print(f"  {name}", file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, options.sizes.split(",")):
            for name, figure in warm(Path(folder) / str(size), size):
                note(f"{name} @ {size:,}", figure)
        note("exact hit with a trace", traced(Path(folder) / "traced"))
        if options.cold:
            for name, figure in cold(Path(folder) / "cold", options.cold):
                note(name, figure)
    print(table(figures))
    older = json.loads(Path(options.against).read_text()) if options.against else None
    Path(options.save).parent.mkdir(parents=True, exist_ok=True)
    Path(options.save).write_text(json.dumps(figures, indent=1))
    if older is None:
        return 0
    text, fine = compare(older, figures, options.tolerance)
    print(text)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
