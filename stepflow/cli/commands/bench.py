"""`stepflow bench`: pipelines side by side on a workload, judged by checkers that share no code with their rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from stepflow.bench.item import Workload
    from stepflow.bench.runner import Simulation


@click.command()
@click.option(
    "-p",
    "--pipeline",
    "pipelines",
    metavar="PIPELINE",
    multiple=True,
    help="none, stepcache, default, or a file; may be given several times. Default: these three.",
)
@click.option(
    "--backend",
    type=click.Choice(["simulated", "pipeline"]),
    default="simulated",
    show_default=True,
    help="A simulated model, or the one that the pipelines name.",
)
@click.option(
    "--mix", default="paper", show_default=True, metavar="MIX", help="paper, harsh, repeat, zipf, or a JSONL file."
)
@click.option("--seeds", default="42,43,44", show_default=True, metavar="N,N", help="One run for each.")
@click.option("--requests", type=click.IntRange(1), metavar="N", help="Requests of a seed at most.")
@click.option("--model", metavar="NAME", help="Another model than the pipelines', with --backend pipeline.")
@click.option("--max-tokens", type=click.IntRange(16), metavar="N", help="Longest reply, with --backend pipeline.")
@click.option(
    "--correctness",
    type=click.FloatRange(0, 1),
    default=0.725,
    show_default=True,
    help="Simulated: share of right replies.",
)
@click.option(
    "--latency",
    type=click.FloatRange(0),
    default=0.4,
    show_default=True,
    help="Simulated: seconds before a reply's first token.",
)
@click.option(
    "--tokens-per-second",
    type=click.FloatRange(0, min_open=True),
    default=33.0,
    show_default=True,
    help="Simulated: speed.",
)
@click.option(
    "--json", "json_file", metavar="FILE", type=click.Path(), help="Write every figure and every request as JSON."
)
@click.option(
    "--html", "html_file", metavar="FILE", type=click.Path(), help="Write a report that opens without a network."
)
def command(
    pipelines: Sequence[str],
    backend: str,
    mix: str,
    seeds: str,
    requests: int | None,
    model: str | None,
    max_tokens: int | None,
    correctness: float,
    latency: float,
    tokens_per_second: float,
    json_file: str | None,
    html_file: str | None,
) -> int:
    """Ask a workload of several pipelines in turn, and compare latency, tokens and correctness.

    `none` is the model alone. Every pipeline begins with an empty store, which is gone at the end. Exit code 1 when an
    answer that was served as verified, or by a fallback, is wrong.
    """
    from rich.console import Console

    from stepflow.adapters.backends.simulated import Speed
    from stepflow.bench import figures, runner, terminal

    console = Console(stderr=True)
    workloads = _workloads(mix, seeds, requests)
    named = _named(pipelines or ("none", "stepcache", "default"))
    simulation: Simulation | None = None
    if backend == "simulated":
        simulation = runner.Simulation(correctness, Speed(latency, tokens_per_second))
    given = {"model": model, "max_tokens": max_tokens}
    settings = {"backend": {name: value for name, value in given.items() if value is not None}}
    total = sum(len(each.warm_up) + len(each.requests) for each in workloads) * len(named)
    with _progress(console, total) as advance:
        rows = runner.run(workloads, named, simulation, settings, advance)
    found = figures.summaries(rows)
    terminal.show(Console(), found, rows)
    facts = _facts(mix, seeds, requests, simulation, "" if simulation else _models(named, settings))
    if json_file:
        data = {"facts": facts, "pipelines": [each.plain() for each in found], "rows": [row.plain() for row in rows]}
        Path(json_file).write_text(json.dumps(data, ensure_ascii=False, indent=1), encoding="utf-8")
    if html_file:
        from stepflow.bench.report import page

        Path(html_file).write_text(page(facts, found, rows), encoding="utf-8")
    return 1 if terminal.wrong_answers(rows) else 0


def _workloads(mix: str, seeds: str, requests: int | None) -> list[Workload]:
    from stepflow.bench.workloads.files import read_workload
    from stepflow.bench.workloads.mixes import MIXES, workload
    from stepflow.errors import UsageError

    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise UsageError(f"--seeds takes whole numbers with commas between them, not {seeds!r}") from None
    if mix in MIXES:
        return [workload(mix, seed, requests) for seed in numbers]
    if not Path(mix).is_file():
        raise UsageError(f"there is no mix and no file {mix!r}; mixes: {', '.join(MIXES)}")
    return [read_workload(mix, seed, requests) for seed in numbers]


def _named(pipelines: Sequence[str]) -> dict[str, str]:
    """Names and files. `none` is the model of the first pipeline named, alone; or of the default one."""
    found: dict[str, str] = {}
    for given in pipelines:
        stem = Path(given).stem
        name = given if given == "none" or stem == "none" or stem in found else stem
        found[name] = "" if name == "none" else _file(given)
    first = next((path for path in found.values() if path), None) or _file("default")
    return {name: path or first for name, path in found.items()}


def _file(name: str) -> str:
    """A pipeline's file: the one of this path, the default one, or one that lies here or ships. Raises `UsageError`."""
    from stepflow.cli.locate import pipeline_path
    from stepflow.config.references import shipped
    from stepflow.errors import UsageError

    if name == "default":
        return pipeline_path(None)
    choices = (Path(name), *(folder / f"{name}.yaml" for folder in (Path("pipelines"), shipped() / "pipelines")))
    path = next((choice for choice in choices if choice.is_file()), None)
    if path is None:
        raise UsageError(f"there is no pipeline {name!r}: name none, default, stepcache, or a file")
    return str(path)


def _models(pipelines: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    """The models that the pipelines' files name, with the settings put into them."""
    from stepflow.catalog import registry
    from stepflow.compiler.pipelines import compile_pipeline
    from stepflow.version import VERSION

    compiled = (compile_pipeline(path, registry(), VERSION, settings) for path in pipelines.values())
    return ", ".join(dict.fromkeys(each.backend.model for each in compiled))


def _progress(console: Any, total: int) -> Any:
    """A context manager around a bar; what it gives is called once for each request."""
    from contextlib import contextmanager

    from rich.progress import Progress

    @contextmanager
    def bar() -> Any:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("asking", total=total)
            yield lambda row: progress.advance(task)

    return bar()


def _facts(mix: str, seeds: str, requests: int | None, simulation: Simulation | None, models: str) -> dict[str, str]:
    """What was measured, with what, on what."""
    import os
    import platform

    from stepflow.version import VERSION

    facts = {"mix": Path(mix).name, "seeds": seeds, "requests a seed": str(requests) if requests else "all"}
    if simulation is not None:
        speed = simulation.speed
        facts["model"] = (
            f"simulated: {simulation.correctness:.1%} right, {speed.latency:g} s + {speed.tokens_per_second:g} tokens/s"
        )
    else:
        facts["model"] = models
    facts["machine"] = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    facts["stepflow"] = VERSION
    return facts
