"""`stepflow test`: the tests that live in rules and pipelines, offline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stepflow.coverage import Coverage
    from stepflow.plan import Rule
    from stepflow.protocols import Backend
    from stepflow.source import Diagnostic
    from stepflow.testing import TestResult

POLL_S = 0.5


@click.command(short_help="Run the tests of rules and pipelines, offline.")
@click.argument("paths", nargs=-1)
@click.option("-k", "only", metavar="TEXT", help="Only tests with this text in their file or name.")
@click.option("-v", "--verbose", is_flag=True, help="Show passing tests too.")
@click.option("--coverage", is_flag=True, help="Say which parts of the rules no test has exercised.")
@click.option("--fail-under", type=click.IntRange(0, 100), metavar="PERCENT", help="Fail below this coverage.")
@click.option(
    "--format", "output", type=click.Choice(["text", "junit", "json"]), default="text", help="How results are shown."
)
@click.option("--record", is_flag=True, help="Ask the real model where a test has no replies, and write them into it.")
@click.option("-p", "--pipeline", metavar="FILE", help="The pipeline whose model --record asks.")
@click.option("--watch", is_flag=True, help="Run again whenever a file changes, until Ctrl-C.")
def command(
    paths: Sequence[str],
    only: str | None,
    verbose: bool,
    coverage: bool,
    fail_under: int | None,
    output: str,
    record: bool,
    pipeline: str | None,
    watch: bool,
) -> int:
    """Run the tests of rule, pack and pipeline files (default: rules/ and pipelines/) with scripted replies.

    Exit code 1 when a test fails or the coverage is too low, 2 when a file is invalid or no test is found.
    """
    from stepflow.cli.locate import yaml_files

    if record:
        _record(yaml_files(paths), only, pipeline)

    def once() -> int:
        run = _run(yaml_files(paths), only)
        return _report(run, verbose, output, coverage or fail_under is not None, fail_under)

    return _watch(once, paths) if watch else once()


def run_file(path: str, only: str | None = None) -> Iterator[TestResult]:
    """The results of a file's tests. Raises `ConfigError` when the file is invalid."""
    run = Run(only)
    run.file(path)
    yield from run.results.values()


@dataclass(slots=True)
class Run:
    """The results of the tests of some files, each test once, and the coverage of their rules."""

    only: str | None = None
    results: dict[str, TestResult] = field(default_factory=dict)
    coverages: dict[str, Coverage] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)

    def file(self, path: str) -> None:
        """Run the tests of a file: of a rule, of a pipeline's turns, of all rules of a pack."""
        from stepflow.compiler.gathering import kind_of
        from stepflow.config.yaml_nodes import read_file

        document = read_file(path)
        kind = kind_of(document)
        if kind == "pipeline":
            self._pipeline(path)
        elif kind == "pack":
            for rule in _rules_of_pack(path):
                self._rule(rule, path)
        elif kind == "tests":
            from stepflow.compiler.declared_tests import tested_rule

            owner = tested_rule(path)
            if owner is not None:  # else `lint` reports it
                self._rule(_rule_of(owner), path)
        else:
            self._rule(_rule_of(path), path)

    def _rule(self, rule: Rule, path: str) -> None:
        from stepflow.coverage import measure
        from stepflow.testing import Evidence, TestResult, run_rule_test

        evidence = Evidence()
        for test in rule.tests:
            if f"{test.where} {test.name}" not in self.results and _chosen(self.only, path, test.name):
                failures = run_rule_test(rule, test.spec, evidence)
                self.results[f"{test.where} {test.name}"] = TestResult(test.name, test.where, failures, test.spec.todo)
        self.coverages.setdefault(rule.path, measure(rule, evidence))

    def _pipeline(self, path: str) -> None:
        from stepflow.catalog import registry
        from stepflow.compiler.pipelines import compile_pipeline
        from stepflow.testing import TestResult, run_turns
        from stepflow.version import VERSION

        plan = compile_pipeline(path, registry(), VERSION).plan
        for test in plan.tests:
            if _chosen(self.only, path, test.name):
                failures = run_turns(plan, test.spec.turns)
                self.results[f"{test.where} {test.name}"] = TestResult(test.name, test.where, failures, test.spec.todo)


def _rule_of(path: str) -> Rule:
    from stepflow.catalog import registry
    from stepflow.compiler.pipelines import compile_rule_file
    from stepflow.version import VERSION

    return compile_rule_file(path, registry(), VERSION)[0]


def _rules_of_pack(path: str) -> Sequence[Rule]:
    from stepflow.catalog import registry
    from stepflow.compiler.pipelines import check_pack
    from stepflow.errors import ConfigError
    from stepflow.version import VERSION

    rules, problems = check_pack(path, registry(), VERSION, thorough=False)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise ConfigError(errors)
    return rules


def _run(files: Sequence[str], only: str | None) -> Run:
    """Run what can be run; the problems of the others are kept. Raises `UsageError` when there is no test at all."""
    from stepflow.compiler.gathering import one_look
    from stepflow.errors import ConfigError, UsageError

    run = Run(only)
    with one_look():
        for file in files:
            try:
                run.file(file)
            except ConfigError as error:
                run.problems += error.diagnostics
    if not run.results and not run.problems:
        raise UsageError("no test found" + (f" with {only!r} in file or name" if only else f" in {', '.join(files)}"))
    return run


def _report(run: Run, verbose: bool, output: str, measured: bool, least: int | None) -> int:
    from stepflow.cli import reports
    from stepflow.coverage import percent
    from stepflow.errors import ConfigError

    results, coverages = list(run.results.values()), list(run.coverages.values())
    total = percent(coverages)
    if output == "junit":
        click.echo(reports.as_junit(results))
    elif output == "json":
        click.echo(reports.as_json(results, coverages if measured else None, total))
    elif results:
        reports.show(results, verbose)
        if measured:
            reports.show_coverage(coverages, total)
    if run.problems:
        raise ConfigError(sorted(dict.fromkeys(run.problems), key=lambda problem: problem.sort_key))
    if least is not None and total < least:
        click.secho(f"the coverage is {total} %, below the {least} % that are asked for", fg="red", err=True)
        return 1
    return 1 if reports.counts(results)[1] else 0


def _chosen(only: str | None, path: str, name: str) -> bool:
    return only is None or only.casefold() in f"{path} {name}".casefold()


# --- recording --------------------------------------------------------------------------------------------------------


def _record(files: Sequence[str], only: str | None, pipeline: str | None) -> None:
    """Ask the pipeline's model for the replies that tests lack, and write them into their files."""
    from stepflow.catalog import registry
    from stepflow.cli.locate import pipeline_path
    from stepflow.compiler.gathering import kind_of
    from stepflow.compiler.pipelines import compile_pipeline
    from stepflow.config.yaml_nodes import read_file
    from stepflow.version import VERSION

    backend = compile_pipeline(pipeline_path(pipeline), registry(), VERSION).backend
    try:
        for file in files:
            if kind_of(read_file(file)) in {"rule", ""}:
                _record_rule(_rule_of(file), file, only, backend)
    finally:
        backend.close()


def _record_rule(rule: Rule, path: str, only: str | None, backend: Backend) -> None:
    from stepflow import recording
    from stepflow.config.yaml_nodes import read_file
    from stepflow.testing import is_run, run_rule_test

    for test in reversed(rule.tests):  # from the end, so that the places of the others stay
        if not is_run(test.spec) or "model" in test.spec.model_fields_set or not _chosen(only, path, test.name):
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
