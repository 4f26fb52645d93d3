"""`stepflow run --batch`: a file of prompts in, a file of answers out, resumed where an earlier run stopped.

Input: one JSON value a line, a text or a map with `prompt` (or `messages`) and optionally `id`, `system`, `rule`,
`tenant`, `parameters`. Output: one JSON object a line with `index` (line number from 0), `key` (fingerprint of the
input line), the account, and `answer`; or `error` and `exit_code`. Lines come in the order in which they are finished.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from stepflow import traces
from stepflow.engine import Pipeline, load, make_request
from stepflow.errors import StepflowError, UsageError
from stepflow.fingerprint import fingerprint
from stepflow.model import Message, Request

FIELDS = frozenset({"id", "prompt", "messages", "system", "rule", "tenant", "parameters"})


@dataclass(frozen=True, slots=True)
class Item:
    """One line of input."""

    index: int
    key: str
    request: Request
    id: Any = None


@dataclass(slots=True)
class Tally:
    """What the finished lines add up to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    finals: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    tokens: int = 0
    seconds: list[float] = field(default_factory=list)
    worst: int = 0

    def add(self, line: Mapping[str, Any]) -> None:
        """Count one output line."""
        if "error" in line:
            self.outcomes["error"] += 1
            self.worst = max(self.worst, int(line["exit_code"]))
            return
        self.outcomes[line["outcome"]] += 1
        self.finals[line["final"]] += 1
        self.calls += line["calls"]
        self.tokens += line["prompt_tokens"] + line["completion_tokens"]
        self.seconds.append(line["milliseconds"] / 1000)
        if line["final"] == "unverified" and line["rule"] is not None:
            self.worst = max(self.worst, 1)


def run_batch(
    path: str,
    overrides: Mapping[str, Any],
    source: str,
    target: str | None,
    jobs: int,
    defaults: Mapping[str, Any],
    *,
    allow_model: bool,
) -> int:
    """Answer every line of `source` into `target`; the exit code. What `target` holds already is not asked again."""
    items = read_items(source, defaults)
    if target is None:
        raise UsageError("say where the answers go: -o OUT.jsonl")
    done = finished(Path(target))
    left = [item for item in items if done.get(item.index, {}).get("key") != item.key]
    tally = Tally()
    for item in items:
        if item not in left:
            tally.add(done[item.index])
    if len(left) < len(items):
        click.echo(f"{len(items) - len(left)} of {len(items)} lines are answered already", err=True)
    started = time.perf_counter()
    with load(path, overrides) as pipeline, open(target, "a", encoding="utf-8") as out:
        _work(pipeline, left, jobs, out, tally, allow_model)
    _summary(tally, len(items), time.perf_counter() - started)
    return tally.worst


def read_items(source: str, defaults: Mapping[str, Any]) -> list[Item]:
    """The lines of a batch file. Raises `UsageError` naming the line that is wrong."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} cannot be read: {error}") from error
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        raise UsageError(f"{source} holds no prompt")
    return [_item(source, number, index, line, defaults) for index, (number, line) in enumerate(lines)]


def _item(source: str, number: int, index: int, line: str, defaults: Mapping[str, Any]) -> Item:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise UsageError(f"{source}:{number}: not JSON: {error}") from error
    data = {"prompt": data} if isinstance(data, str) else data
    unknown = sorted(set(data) - FIELDS) if isinstance(data, dict) else []
    if not isinstance(data, dict) or unknown or ("prompt" in data) == ("messages" in data):
        what = (
            f"unknown field {unknown[0]!r}"
            if unknown
            else "a text, or a map with either `prompt` or `messages`, is expected"
        )
        raise UsageError(f"{source}:{number}: {what}; fields: {', '.join(sorted(FIELDS))}")
    try:
        prompt: Any = data.get("prompt")
        if prompt is None:
            prompt = [Message(str(turn["role"]), str(turn["content"])) for turn in data["messages"]]
        elif not isinstance(prompt, str):
            raise TypeError("`prompt` is not a text")
        settings = {**defaults, **{key: data[key] for key in ("system", "rule", "tenant", "parameters") if key in data}}
        request = make_request(prompt, **settings)
    except (TypeError, KeyError) as error:
        raise UsageError(f"{source}:{number}: {error}") from error
    return Item(index, fingerprint(data, dict(defaults)), request, data.get("id"))


def finished(target: Path) -> dict[int, dict[str, Any]]:
    """The answered lines of an output file, by index. A last line that was cut off is removed; errors do not count."""
    if not target.exists():
        return {}
    raw = target.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        with target.open("r+b") as file:
            file.truncate(len(whole))
    lines: dict[int, dict[str, Any]] = {}
    for number, line in enumerate(whole.decode("utf-8").splitlines(), start=1):
        try:
            data = json.loads(line)
            if "error" not in data:
                lines[int(data["index"])] = data
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{target}:{number}: this is not an output of a batch; name another file with -o"
            ) from error
    return lines


def _work(pipeline: Pipeline, items: list[Item], jobs: int, out: Any, tally: Tally, allow_model: bool) -> None:
    """Answer the items, `jobs` at a time; each line is on disk before the next is counted."""
    with ThreadPoolExecutor(jobs) as pool, _progress(len(items)) as advance:
        waiting: set[Future[dict[str, Any]]] = set()
        queue = iter(items)
        try:
            while True:
                for item in _take(queue, jobs - len(waiting)):
                    waiting.add(pool.submit(_answer, pipeline, item, allow_model))
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    line = future.result()
                    out.write(json.dumps(line, ensure_ascii=False) + "\n")
                    out.flush()
                    os.fsync(out.fileno())
                    tally.add(line)
                    advance()
        except KeyboardInterrupt:
            click.echo("interrupted: run the same command again to go on where this stopped", err=True)
            raise


def _take(queue: Any, count: int) -> Iterable[Item]:
    from itertools import islice

    return islice(queue, max(count, 0))


def _answer(pipeline: Pipeline, item: Item, allow_model: bool) -> dict[str, Any]:
    head = {"index": item.index, "key": item.key, **({"id": item.id} if item.id is not None else {})}
    try:
        outcome = pipeline.run(item.request, allow_model=allow_model)
    except StepflowError as error:
        return {**head, "error": str(error), "exit_code": error.exit_code}
    return {**head, **traces.summary(outcome), "answer": outcome.answer, "trace": outcome.trace or None}


class _progress:
    """A progress bar on a terminal's stderr; nothing elsewhere."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._bar: Any = None

    def __enter__(self) -> Any:
        if not sys.stderr.isatty():
            return lambda: None
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        self._bar = Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True))
        self._bar.start()
        task = self._bar.add_task("", total=self._total)
        return lambda: self._bar.advance(task)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _summary(tally: Tally, total: int, elapsed: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{total} prompts in {elapsed:.1f} s", title_justify="left")
    table.add_column("outcome")
    table.add_column("prompts", justify="right")
    table.add_column("share", justify="right")
    for name, count in tally.outcomes.most_common():
        table.add_row(name, str(count), f"{count / total:.0%}")
    console = Console(stderr=True)
    console.print(table)
    finals = ", ".join(f"{count} {name}" for name, count in tally.finals.most_common())
    middle = sorted(tally.seconds)[len(tally.seconds) // 2] if tally.seconds else 0.0
    console.print(f"{finals or 'none answered'} · {tally.calls} calls · {tally.tokens} tokens · median {middle:.3f} s")
