"""`stepflow run --batch`: a file of prompts in, a file of answers out, resumed where an earlier run stopped.

Input: one JSON value a line, a text or a map with `prompt` (or `messages`) and optionally `id`, `system`, `rule`,
`tenant`, `parameters`; empty lines do not count. Output: one JSON object a line with `index` (from 0), `key`
(fingerprint of the input line and of everything that it is answered with), the account, and `answer`; or `error` and
`exit_code`. Lines come in the order in which they are finished.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import click

from stepflow import traces
from stepflow.cli.batch_input import Item, read_items
from stepflow.cli.render import plural
from stepflow.config.sources import PipelineFile
from stepflow.engine import Pipeline, load
from stepflow.errors import StepflowError, UsageError
from stepflow.fingerprint import fingerprint
from stepflow.version import VERSION


@dataclass(slots=True)
class Tally:
    """What the finished lines add up to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    finals: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    tokens: int = 0
    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    exit_code: int = 0

    def add(self, line: Mapping[str, Any]) -> None:
        """Count one output line. The worst exit code of all lines is the batch's."""
        if "error" in line:
            self.outcomes["error"] += 1
            self.errors[line["error"]] += 1
            self.exit_code = max(self.exit_code, int(line["exit_code"]))
            return
        self.outcomes[f"shadow of {line['shadow']}" if "shadow" in line else line["outcome"]] += 1
        self.finals[line["final"]] += 1
        self.calls += line["calls"]
        self.tokens += line["prompt_tokens"] + line["completion_tokens"]
        self.seconds.append(line["milliseconds"] / 1000)
        if line["final"] == "unverified" and line["rule"] is not None:
            self.exit_code = max(self.exit_code, 1)


def run_batch(
    path: str,
    overrides: Mapping[str, Any],
    source: str,
    target: str | None,
    jobs: int,
    defaults: Mapping[str, Any],
    *,
    allow_model: bool,
    shadow: bool = False,
) -> int:
    """Answer every line of `source` into `target`; the exit code. What `target` holds already is not asked again."""
    if target is None:
        raise UsageError("say where the answers go: -o OUT.jsonl")
    if source != "-" and Path(target).exists() and Path(target).samefile(source):
        raise UsageError(f"{target} holds the prompts; name another file with -o")
    files = PipelineFile(path, overrides).fingerprint(VERSION)
    items = read_items(source, defaults, fingerprint(files, "shadow") if shadow else files)
    started = time.perf_counter()
    tally = Tally()
    with load(path, overrides) as pipeline:
        done = resume(Path(target), {item.index: item.key for item in items})
        left = [item for item in items if item.index not in done]
        for line in done.values():
            tally.add(line)
        if done:
            click.echo(f"{len(done)} of {plural(len(items), 'prompt')} answered already", err=True)
        with open(target, "a", encoding="utf-8", errors="backslashreplace") as out:
            _work(left, jobs, out, tally, lambda item: _answer(pipeline, item, shadow=shadow, allow_model=allow_model))
    _summary(tally, len(items), time.perf_counter() - started)
    return tally.exit_code


def resume(target: Path, keys: Mapping[int, str]) -> dict[int, dict[str, Any]]:
    """The answers that an output file holds, by index. Errors, and a last line that was cut off, are taken out of it.

    Raises `UsageError`, and leaves the file alone, when it holds anything but answers to these prompts.
    """
    if not target.exists():
        return {}
    *lines, cut_off = target.read_text(encoding="utf-8", errors="replace").split("\n")
    if cut_off and not cut_off.startswith('{"index"'[: len(cut_off)]):
        raise UsageError(f"{target}: this is not an output of a batch; name another file with -o")
    kept: dict[int, dict[str, Any]] = {}
    for number, line in enumerate(lines, start=1):
        try:
            data = json.loads(line)
            index, key = int(data["index"]), data["key"]
        except (ValueError, KeyError, TypeError):
            raise UsageError(
                f"{target}:{number}: this is not an output of a batch; name another file with -o"
            ) from None
        if keys.get(index) != key:
            raise UsageError(
                f"{target}:{number}: this answers another prompt, or was made with other files or another model; "
                "name another file with -o"
            )
        if "error" not in data:
            kept[index] = data
    if cut_off or len(kept) < len(lines):
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        draft.write_text("".join(_written(data) for data in kept.values()), encoding="utf-8", errors="backslashreplace")
        draft.replace(target)
    return kept


def _written(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def _work(items: list[Item], jobs: int, out: Any, tally: Tally, answer: Callable[[Item], dict[str, Any]]) -> None:
    """Answer the items, `jobs` at a time; each line is on disk before the next is counted."""
    queue = iter(items)
    waiting: set[Future[dict[str, Any]]] = set()
    with ThreadPoolExecutor(jobs) as pool, _progress(len(items)) as advance:
        try:
            while True:
                waiting |= {pool.submit(answer, item) for item in islice(queue, jobs - len(waiting))}
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    line = future.result()
                    out.write(_written(line))
                    out.flush()
                    os.fsync(out.fileno())
                    tally.add(line)
                    advance()
        except KeyboardInterrupt:
            click.echo("the same command goes on where this stopped; calls under way are waited for", err=True)
            raise


def _answer(pipeline: Pipeline, item: Item, **options: bool) -> dict[str, Any]:
    head = {"index": item.index, "key": item.key, **({"id": item.id} if item.id is not None else {})}
    try:
        outcome = pipeline.run(item.request, **options)
    except StepflowError as error:
        return {**head, "error": str(error), "exit_code": error.exit_code}
    return {**head, **traces.summary(outcome), "answer": outcome.answer, "trace": outcome.trace or None}


@contextmanager
def _progress(total: int) -> Any:
    """A progress bar on a terminal's stderr; nothing elsewhere. Gives what is called after each line."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        advance: Callable[[], None] = lambda: bar.advance(task)  # noqa: E731
        yield advance


def _summary(tally: Tally, total: int, elapsed: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{plural(total, 'prompt')} in {elapsed:.1f} s", title_justify="left")
    table.add_column("outcome")
    table.add_column("prompts", justify="right")
    table.add_column("share", justify="right")
    for name, count in tally.outcomes.most_common():
        table.add_row(name, str(count), f"{count / total:.0%}")
    console = Console(stderr=True, soft_wrap=True)
    console.print(table)
    finals = ", ".join(f"{count} {name}" for name, count in tally.finals.most_common()) or "none answered"
    middle = sorted(tally.seconds)[len(tally.seconds) // 2] if tally.seconds else 0.0
    cost = f"{plural(tally.calls, 'call')} · {plural(tally.tokens, 'token')} · median {middle:.3f} s"
    console.print(f"{finals} · {cost}", highlight=False)
    for error, count in tally.errors.most_common(3):
        console.print(f"{plural(count, 'error')}: {error.splitlines()[0]}", highlight=False, markup=False)
    if tally.errors:
        console.print("the same command asks those again", highlight=False)
