"""`stepflow test`: the tests that live in rules and pipelines, offline."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stepflow.cli.suites import Tested
    from stepflow.plan import Rule
    from stepflow.protocols import Backend
    from stepflow.testing import TestResult

POLL_S = 0.5


@click.command(short_help="Run the tests of rules and pipelines, offline.")
@click.argument("paths", nargs=-1)
@click.option("-k", "only", metavar="TEXT", help="Only tests with this text in their file or name.")
@click.option("-v", "--verbose", is_flag=True, help="Show passing tests too.")
@click.option("--coverage", is_flag=True, help="Say which parts of the rules no test has exercised.")
@click.option("--vary", is_flag=True, help="Change prompts and right answers; say what goes unnoticed.")
@click.option("--fail-under", type=click.IntRange(0, 100), metavar="PERCENT", help="Fail below this coverage.")
@click.option(
    "--format", "output", type=click.Choice(["text", "junit", "json"]), default="text", help="How results are shown."
)
@click.option("--record", is_flag=True, help="Ask the real model where a test has no replies, and write them into it.")
@click.option("-p", "--pipeline", metavar="FILE", help="The pipeline whose model --record asks.")
@click.option("-j", "--jobs", type=click.IntRange(1), metavar="N", help="Processes; by default, one for each core.")
@click.option("--watch", is_flag=True, help="Run again whenever a file changes, until Ctrl-C.")
def command(
    paths: Sequence[str],
    only: str | None,
    verbose: bool,
    coverage: bool,
    vary: bool,
    fail_under: int | None,
    output: str,
    record: bool,
    pipeline: str | None,
    watch: bool,
    jobs: int | None,
) -> int:
    """Run the tests of rule, pack and pipeline files (default: rules/ and pipelines/) with scripted replies.

    Exit code 1 when a test fails or the coverage is too low, 2 when a file is invalid or no test is found.
    """
    from stepflow.cli.locate import yaml_files
    from stepflow.cli.suites import run
    from stepflow.errors import UsageError

    if record:
        _record(yaml_files(paths), only, pipeline)

    def once() -> int:
        tested = run(yaml_files(paths), only, jobs, varied=vary)
        if not tested.problems and not tested.results:
            among = f" with {only!r} in file or name" if only else f" in {', '.join(yaml_files(paths))}"
            raise UsageError(f"no test found{among}")
        return _report(tested, verbose, output, coverage or fail_under is not None, fail_under)

    return _watch(once, paths) if watch else once()


def run_file(path: str, only: str | None = None) -> Sequence[TestResult]:
    """The results of a file's tests. Raises `ConfigError` when the file is invalid."""
    from stepflow.cli.suites import run
    from stepflow.errors import ConfigError

    tested = run([path], only, jobs=1)
    if tested.problems:
        raise ConfigError(tested.problems)
    return tested.results


def _report(tested: Tested, verbose: bool, output: str, measured: bool, least: int | None) -> int:
    """Show what the tests gave; the exit code. Raises `ConfigError` for files that are invalid."""
    from stepflow.cli import reports
    from stepflow.coverage import percent
    from stepflow.errors import ConfigError

    results, coverages = tested.results, tested.coverages
    total = percent(coverages)
    if output == "junit":
        click.echo(reports.as_junit(results))
    elif output == "json":
        click.echo(reports.as_json(results, coverages if measured else None, total, tested.variations))
    elif results:
        reports.show(results, verbose)
        if measured:
            reports.show_coverage(coverages, total)
        reports.show_variations(tested.variations)
    if tested.problems:
        raise ConfigError(sorted(dict.fromkeys(tested.problems), key=lambda problem: problem.sort_key))
    if least is not None and total < least:
        click.secho(f"the coverage is {total} %, below the {least} % that are asked for", fg="red", err=True)
        return 1
    return 1 if reports.counts(results)[1] else 0


# --- recording --------------------------------------------------------------------------------------------------------


def _record(files: Sequence[str], only: str | None, pipeline: str | None) -> None:
    """Ask the pipeline's model for the replies that tests lack, and write them into their files."""
    from stepflow.catalog import registry
    from stepflow.cli.locate import pipeline_path
    from stepflow.cli.suites import rule_of
    from stepflow.compiler.gathering import kind_of
    from stepflow.compiler.pipelines import compile_pipeline
    from stepflow.config.yaml_nodes import read_file
    from stepflow.version import VERSION

    backend = compile_pipeline(pipeline_path(pipeline), registry(), VERSION).backend
    try:
        for file in files:
            if kind_of(read_file(file)) in {"rule", ""}:
                _record_rule(rule_of(file), file, only, backend)
    finally:
        backend.close()


def _record_rule(rule: Rule, path: str, only: str | None, backend: Backend) -> None:
    from stepflow import recording
    from stepflow.cli.suites import chosen
    from stepflow.config.yaml_nodes import read_file
    from stepflow.testing import is_run, run_rule_test

    for test in reversed(rule.tests):  # from the end, so that the places of the others stay
        if not is_run(test.spec) or "model" in test.spec.model_fields_set or not chosen(only, path, test.name):
            continue
        recorder = recording.Recorder(backend)
        run_rule_test(rule, test.spec, backend=recorder)
        if not recorder.replies:
            continue
        file, line = test.where.rsplit(":", 1)
        document = read_file(file)
        place = next(
            index
            for index, written in enumerate(document.data["tests"])
            if document.locate(("tests", index)).line == int(line) and written.get("prompt") == test.spec.prompt
        )
        recording.write(file, recording.with_replies(document.source, document, ("tests", place), recorder.replies))
        click.echo(f"recorded {len(recorder.replies)} of the model's replies at {test.where}", err=True)


# --- watching ---------------------------------------------------------------------------------------------------------


def _watch(once: Callable[[], int], paths: Sequence[str]) -> int:
    """Run, and again at each change of a file, until Ctrl-C; the last exit code."""
    from stepflow.cli.main import failed

    code = 0
    try:
        while True:
            before = _state(paths)
            try:
                code = once()
            except Exception as error:
                code = failed(error)
            click.echo("watching; Ctrl-C ends", err=True)
            while _state(paths) == before:
                time.sleep(POLL_S)
            click.echo(err=True)
    except KeyboardInterrupt:
        return code


def _state(paths: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Modification time and size of the files under test, and of those that they name."""
    from stepflow.cli.locate import yaml_files
    from stepflow.config.references import closure
    from stepflow.errors import UsageError

    try:
        files = closure(yaml_files(paths))
    except UsageError:
        return {}
    found = {}
    for file in files:
        try:
            status = Path(file).stat()
        except OSError:
            continue
        found[file] = status.st_mtime_ns, status.st_size
    return found
