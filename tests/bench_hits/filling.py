"""A store with so many records, filled fast: a few that were really answered, among many that only look like them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import stepflow
from stepflow.adapters.stores.disk import DiskStore
from stepflow.engine import Pipeline
from stepflow.fingerprint import fingerprint
from stepflow.model import Record, Request
from stepflow.protocols import LogEntry
from stepflow.runtime.record import request_key

ROOT = Path(__file__).resolve().parents[2]
GENUINE = 100
SOLUTION = """\
1. Start with the equation {a}x + {b} = {c}.
2. Subtract {b} from both sides: {a}x + {b} - {b} = {c} - {b}
3. Simplify the left side: {a}x = {c} - {b}
4. Simplify the right side: {a}x = {d}
5. Divide both sides by {a}: {a}x / {a} = {d} / {a}
6. Simplify the left side: x = {d} / {a}
7. Simplify the right side: x = {x}
8. The solution is x = {x}"""
TOPICS = (
    "the length of a fence", "the price of a ticket", "the age of a bridge", "the speed of a train",
    "the weight of a parcel", "the height of a tower", "the cost of a repair", "the width of a river",
)  # fmt: skip


def equation(number: int) -> dict[str, int]:
    """The coefficients of the genuine task of this number."""
    a, b, x = 2 + number % 9, 1 + number, 3 + number % 17
    return {"a": a, "b": b, "x": x, "d": a * x, "c": a * x + b}


def asked(number: int) -> str:
    """How the genuine task was asked."""
    return "Solve {a}x + {b} = {c} for x.".format(**equation(number))


def reworded(number: int, way: int) -> str:
    """The same task in other words: no prompt that was stored."""
    wording = (
        "Please solve {a}x + {b} = {c} for x.",
        "Could you solve {a}x + {b} = {c} for x, please?",
        "Can you help me to solve {a}x + {b} = {c} for x?",
        "Kindly solve for x: {a}x + {b} = {c}",
    )[way % 4]
    return wording.format(**equation(number)) + " " * (1 + way // 4)


def pipeline(
    folder: Path, *, like: bool, index: str, traces: int = 0, store: Mapping[str, Any] | None = None
) -> Pipeline:
    """The shipped rules on a store in this folder, or on another; with `like`, records are found by likeness alone."""
    return stepflow.load(described(folder, like=like, index=index, traces=traces, store=store))


def described(folder: Path, *, like: bool, index: str, traces: int, store: Mapping[str, Any] | None) -> str:
    """The path of that pipeline's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pipeline.yaml"
    path.write_text(
        json.dumps(
            {
                "stepflow": 1,
                "kind": "pipeline",
                "id": "hits",
                "rules": [str(ROOT / "rules" / "*.yaml")],
                "backend": {"type": "scripted", "replies": [SOLUTION.format(**equation(n)) for n in range(GENUINE)]},
                "store": store or {"path": str(folder / "store"), "size_limit": "64GiB"},
                "retrieve": {"skeleton": not like, "index": index},
                "trace": {"dir": str(folder / "traces"), "keep": traces},
            }
        )
    )
    return str(path)


def fill(opened: Pipeline, count: int) -> list[str]:
    """Bring the store to `count` records; the prompts that have an exact answer now, in no order."""
    genuine = [opened.run(asked(number)) for number in range(GENUINE)]
    assert all(outcome.final == "verified" for outcome in genuine), "the shipped rule refuses the benchmark's answers"
    first = opened.archive.get(genuine[0].record or "")
    prompts = [asked(number) for number in range(GENUINE)]
    store = opened.archive._store
    for chunk in _chunks(_fillers(first, opened.plan.sources, count - GENUINE), 5000):
        prompts += [record.prompt for record in chunk[:200]]
        _write_at_once(opened, store, chunk)
    random.Random(1).shuffle(prompts)
    return prompts


def _fillers(like: Record, sources: str, count: int) -> Iterator[Record]:
    choose = random.Random(count)
    for number in range(count):
        a, b, c = choose.randrange(2, 99), choose.randrange(1000, 99999), choose.randrange(100000, 999999)
        words = " ".join(choose.sample(TOPICS, 2))
        prompt = f"Solve {a}y + {b} = {c} for y, which is {words} in case {number}."
        yield replace(
            like,
            id=f"{number:011x}filler",
            prompt=prompt,
            skeleton=fingerprint("skeleton", number),
            signature=fingerprint("signature", number),
            request_key=request_key(sources, Request.of(prompt)),
        )


def _write_at_once(opened: Pipeline, store: object, records: list[Record]) -> None:
    """What `Archive.save` does for each, in one transaction for all: a million would take an hour."""
    written: list[tuple[dict[str, str], LogEntry]] = []

    class Collecting:
        def write(self, values: dict[str, str], entry: LogEntry) -> int:
            written.append((values, entry))
            return 0

    archive = opened.archive
    archive._store = Collecting()  # type: ignore[assignment]
    try:
        for record in records:
            archive.save(record)
    finally:
        archive._store = store  # type: ignore[assignment]
    if not isinstance(store, DiskStore):
        for values, entry in written:
            store.write(values, entry)  # type: ignore[attr-defined]
        return
    store._cache.write({key: value for values, _ in written for key, value in values.items()})
    store._log.extend([entry for _, entry in written])


def _chunks(records: Iterator[Record], size: int) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    for record in records:
        chunk.append(record)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
