"""Several processes on one store, killed at random, for a while: `make stress`. Exit code 1 when anything is not right.

Two rounds. In the first nothing may go: every record whose id a process was given must be there at the end. In the
second the store is too small, records expire after seconds and are deleted, the log is pruned, and clusters are drawn
over and over. In both, whoever serves an answer is checked by arithmetic that shares no code with stepflow; an
exception, an answer that was not stored, or a finding of `check` counts as a failure.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import stepflow
from stepflow.adapters.indexes import growing
from stepflow.engine import Pipeline
from stepflow.protocols import Call, Completion

ROOT = Path(__file__).resolve().parents[2]
RULE = {
    "stepflow": 1,
    "kind": "rule",
    "id": "sums",
    "match": [{"type": "regex", "pattern": r"\bAdd \d+ and \d+"}],
    "constraints": {
        "first": {"type": "regex", "pattern": r"Add (?P<value>\d+)", "as": "integer"},
        "second": {"type": "regex", "pattern": r"Add \d+ and (?P<value>\d+)", "as": "integer"},
    },
    "segment": "lines",
    "answer": {"type": "regex", "pattern": r"= (?P<value>\d+)", "as": "integer"},
    "verify": [
        {"id": "start", "type": "expr", "assert": "('Start with ' ~ first ~ ' and ' ~ second ~ '.') in steps[0].text"},
        {"id": "sum", "type": "expr", "assert": "answer.value == first + second", "on_fail": "repair"},
        {"id": "stale", "type": "no_stale_values"},
    ],
    "reuse": {"guard": "none", "top_k": 2},
    "repair": {"max_attempts": 2, "prompt": "Wrong. Add {{ first }} and {{ second }}"},
    "fallback": {
        "type": "template",
        "text": "Start with {{ first }} and {{ second }}.\nTogether = {{ first + second }}",
    },
}
WORDINGS = ("{}, please.", "Hello! {}", "I need help: {}", "{} for me", "Now {}", "{}", "{}", "Quick: {}!")
CALM = {"store": {"size_limit": "4GiB"}, "tasks": 100_000}
HARSH = {"store": {"size_limit": "2MiB", "expire": "15s"}, "tasks": 20_000}
HARSH_BYTES = 2 * 2**20


class Arithmetic:
    """A model that is right, wrong, or silly, in known shares."""

    def __init__(self, like: Any) -> None:
        self.model, self.identity, self._random = like.model, like.identity, random.Random()

    def complete(self, call: Call) -> Completion:
        """Some answer."""
        found = re.search(r"Add (\d+) and (\d+)", call.messages[-1].content)
        first, second = map(int, found.groups()) if found else (0, 0)
        start = f"Start with {first} and {second}." + " Then go on." * self._random.randrange(300)
        right = f"{start}\nTogether {first} + {second} = {first + second}"
        wrong = f"{start}\nTogether = {first + second + 1}"
        return Completion(self._random.choices([right, wrong, "I cannot do that.", ""], [90, 6, 3, 1])[0])

    async def acomplete(self, call: Call) -> Completion:
        """Some answer."""
        return self.complete(call)

    def close(self) -> None:
        """Nothing to free."""


def opened(folder: Path) -> Pipeline:
    """The pipeline of the round in this folder."""
    pipeline = stepflow.load(str(folder / "pipeline.yaml"))
    pipeline.backend = Arithmetic(pipeline.backend)
    return pipeline


# --- a process under stress -------------------------------------------------------------------------------------------


def work(folder: Path, seed: int) -> None:
    """Ask until killed; a line for each thing that happened, written before the next begins."""
    choose, round_ = random.Random(seed), json.loads((folder / "round.json").read_text())
    growing.THRESHOLD = 300
    pipeline = opened(folder)
    report = os.open(folder / f"{seed}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(**what: Any) -> None:
        os.write(report, json.dumps(what).encode() + b"\n")

    while True:
        try:
            _one(pipeline, choose, round_, note)
        except Exception as error:
            note(failure=f"{type(error).__name__}: {error}")


def _one(pipeline: Pipeline, choose: random.Random, round_: dict[str, Any], note: Any) -> None:
    if round_["harsh"] and choose.random() < 0.02:
        begun = time.perf_counter()
        kind = choose.choice(["delete", "delete", "delete", "prune", "stats"])
        if kind == "delete":
            for record in [each for each, _ in zip(pipeline.archive.records(), range(3), strict=False)]:
                pipeline.archive.delete(record.id)
        else:
            getattr(pipeline.archive, kind)()
        note(outcome=kind, seconds=time.perf_counter() - begun)
        return
    number = int(choose.paretovariate(0.3)) % round_["tasks"]
    first, second = number % 317 + 11, number // 3 + 5
    prompt = choose.choice(WORDINGS).format(f"Add {first} and {second}")
    begun = time.perf_counter()
    outcome = pipeline.run(prompt)
    seconds = time.perf_counter() - begun
    if outcome.final == "unverified" or not _right(outcome.answer, first, second):
        note(failure=f"WRONG {outcome.final} {outcome.outcome} to {prompt!r}: {outcome.answer!r}")
    for event in outcome.journal:
        if any(word in event.message for word in ("not stored", "cannot be used", "could not be", "damaged")):
            note(failure=f"{event.stage}: {event.message}")
    note(outcome=outcome.outcome, seconds=seconds, record=outcome.record, wrote=outcome.outcome in WRITES)


WRITES = frozenset({"miss", "skip_reuse", "patch", "rewrite"})


def _right(answer: str, first: int, second: int) -> bool:
    numbers = [int(digits) for digits in re.findall(r"\d+", answer)]
    return numbers[:2] == [first, second] and numbers[-1] == first + second


# --- the round --------------------------------------------------------------------------------------------------------


def play(folder: Path, *, harsh: bool, processes: int, seconds: float) -> list[str]:
    """One round; prints what happened, and returns what was not right."""
    settings = HARSH if harsh else CALM
    folder.mkdir()
    description = {
        "stepflow": 1,
        "kind": "pipeline",
        "id": "stress",
        "rules": [RULE],
        "backend": {"type": "scripted", "replies": []},
        "store": {"path": str(folder / "store"), **settings["store"]},
        "trace": {"dir": str(folder / "traces"), "keep": 20},
    }
    (folder / "pipeline.yaml").write_text(json.dumps(description))
    (folder / "round.json").write_text(json.dumps({"harsh": harsh, "tasks": settings["tasks"]}))
    choose, seeds = random.Random(7), iter(range(10**6))
    workers = [_started(folder, next(seeds)) for _ in range(processes)]
    deadline = time.monotonic() + seconds
    kills = 0
    try:
        while time.monotonic() < deadline:
            time.sleep(min(choose.uniform(1, 4), max(0.0, deadline - time.monotonic())))
            victim = choose.randrange(processes)
            workers[victim].kill()
            workers[victim].wait()
            kills += 1
            workers[victim] = _started(folder, next(seeds))
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return _judged(folder, harsh, kills)


def _started(folder: Path, seed: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, "--worker", str(seed), str(folder)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})


def _judged(folder: Path, harsh: bool, kills: int) -> list[str]:
    taken: dict[str, list[float]] = defaultdict(list)
    failures: list[str] = []
    acknowledged: set[str] = set()
    for line in _lines(folder):
        if "failure" in line:
            failures.append(line["failure"])
            continue
        taken[line["outcome"]].append(line["seconds"])
        if line.get("wrote") and line["record"]:
            acknowledged.add(line["record"])
    pipeline = opened(folder)
    store = pipeline.archive._store
    findings = list(pipeline.archive.check())
    lost = sorted(id_ for id_ in acknowledged if store.get(f"record:{id_}") is None)
    figures = pipeline.archive.stats()
    values = os.path.getsize(folder / "store" / "values" / "cache.db")
    pipeline.close()
    total = sum(map(len, taken.values()))
    print(f"\n{'harsh' if harsh else 'calm'} round: {total:,} requests, {kills} processes killed with -9")
    print(f"  {'':<12}{'times':>9}{'p50':>12}{'p99':>12}{'p99.9':>12}{'longest':>12}")
    for outcome, seconds in sorted(taken.items(), key=lambda each: -len(each[1])):
        seconds.sort()
        shown = [seconds[int(len(seconds) * share)] for share in (0.5, 0.99, 0.999)] + [seconds[-1]]
        print(f"  {outcome:<12}{len(seconds):>9,}" + "".join(f"{each * 1000:>9.1f} ms" for each in shown))
    print(f"  {len(acknowledged):,} records acknowledged, {figures['records']:,} there at the end, {values:,} bytes")
    print(f"  {len(failures)} failures, {len(findings)} findings of the audit", end="")
    print("" if harsh else f", {len(lost)} acknowledged records lost")
    for text, times in Counter(failures).most_common(10):
        print(f"    {times} × {text}")
    problems = [*failures, *findings, *(() if harsh else lost)]
    if harsh and values > 1.2 * HARSH_BYTES:
        problems.append(f"the size limit was passed: {values:,} bytes")
    for finding in findings[:10]:
        print(f"    {finding}")
    return problems


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            with contextlib.suppress(ValueError):  # a line that its process did not live to finish
                yield json.loads(line)


def main() -> int:
    """Both rounds, or the life of one worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--worker", nargs=2, metavar=("SEED", "FOLDER"))
    options = parser.parse_args()
    if options.worker:
        work(Path(options.worker[1]), int(options.worker[0]))
    half = options.seconds / 2
    with tempfile.TemporaryDirectory() as folder:
        problems = [
            problem
            for harsh in (False, True)
            for problem in play(
                Path(folder) / ("harsh" if harsh else "calm"), harsh=harsh, processes=options.processes, seconds=half
            )
        ]
    print("\nall is right" if not problems else f"\n{len(problems)} things are not right")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
