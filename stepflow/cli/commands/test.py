"""`stepflow test`: the tests that live in rules and pipelines, offline."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stepflow.source import Diagnostic
    from stepflow.testing import TestResult


@click.command(short_help="Run the tests of rules and pipelines, offline.")
@click.argument("paths", nargs=-1)
@click.option("-k", "only", metavar="TEXT", help="Only tests with this text in their file or name.")
@click.option("-v", "--verbose", is_flag=True, help="Show passing tests too.")
def command(paths: Sequence[str], only: str | None, verbose: bool) -> int:
    """Run the tests of rule and pipeline files (default: rules/ and pipelines/) with scripted replies.

    Exit code 1 when a test fails, 2 when a file is invalid or no test is found.
    """
    from stepflow.cli.locate import yaml_files
    from stepflow.errors import ConfigError, UsageError

    files = yaml_files(paths)
    results: list[TestResult] = []
    problems: list[Diagnostic] = []
    for file in files:
        try:
            for result in run_file(file, only):
                _show(result, verbose)
                results.append(result)
        except ConfigError as error:
            problems += error.diagnostics
    if results:
        _summary(results)
    if problems:
        raise ConfigError(sorted(dict.fromkeys(problems), key=lambda problem: problem.sort_key))
    if not results:
        raise UsageError("no test found" + (f" with {only!r} in file or name" if only else f" in {', '.join(files)}"))
    return 1 if any(not result.passed and not result.todo for result in results) else 0


def run_file(path: str, only: str | None = None) -> Iterator[TestResult]:
    """The results of a file's tests. Raises `ConfigError` when the file is invalid."""
    from stepflow.catalog import registry
    from stepflow.compiler.pipelines import check_rule_file, compile_pipeline, kind_of
    from stepflow.config.yaml_nodes import read_file
    from stepflow.errors import ConfigError
    from stepflow.testing import TestResult, run_rule_test, run_turns
    from stepflow.version import VERSION

    if kind_of(read_file(path)) == "pipeline":
        plan = compile_pipeline(path, registry(), VERSION).plan
        for test in plan.tests:
            if _chosen(only, path, test.name):
                yield TestResult(test.name, test.where, run_turns(plan, test.spec.turns), test.spec.todo)
        return
    rule, problems = check_rule_file(path, registry(), VERSION)
    if rule is None:
        raise ConfigError([problem for problem in problems if problem.severity == "error"])
    for test in rule.tests:
        if _chosen(only, path, test.name):
            yield TestResult(test.name, test.where, run_rule_test(rule, test.spec), test.spec.todo)


def _summary(results: Sequence[TestResult]) -> None:
    failed = sum(not result.passed and not result.todo for result in results)
    todo = sum(result.todo for result in results)
    said = f"{len(results) - failed - todo} passed, {failed} failed" + (f", {todo} to do" if todo else "")
    click.secho(said, fg="red" if failed else "green")


def _chosen(only: str | None, path: str, name: str) -> bool:
    return only is None or only.casefold() in f"{path} {name}".casefold()


def _show(result: TestResult, verbose: bool) -> None:
    if result.passed and result.todo:
        click.secho(f"✓ {result.where}  {result.name}: passes now, so `todo: true` can go", fg="yellow")
    elif result.passed:
        if verbose:
            click.secho(f"✓ {result.where}  {result.name}", fg="green")
    elif result.todo:
        click.secho(f"… {result.where}  {result.name}: a known gap", fg="yellow")
    else:
        click.secho(f"✗ {result.where}  {result.name}", fg="red", bold=True)
        for failure in result.failures:
            click.echo(textwrap.indent(failure, "    "))
