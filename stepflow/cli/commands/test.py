"""`stepflow test`: the tests that live in rules and pipelines, offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stepflow.testing import TestResult


@click.command()
@click.argument("paths", nargs=-1)
@click.option("-k", "only", metavar="TEXT", help="Only tests with this text in their file or name.")
@click.option("-v", "--verbose", is_flag=True, help="Show passing tests too.")
def command(paths: Sequence[str], only: str | None, verbose: bool) -> int:
    """Run the tests of rule and pipeline files (default: rules/ and pipelines/) with scripted replies.

    Exit code 1 when a test fails, 2 when a file is invalid or no test is found.
    """
    from stepflow.cli.locate import yaml_files
    from stepflow.errors import UsageError

    files = yaml_files(paths)
    results = [result for file in files for result in run_file(file, only)]
    if not results:
        raise UsageError("no test found" + (f" with {only!r} in its name" if only else f" in {', '.join(files)}"))
    for result in results:
        _show(result, verbose)
    failed = sum(not result.passed and not result.todo for result in results)
    todo = sum(result.todo for result in results)
    said = f"{len(results) - failed - todo} passed, {failed} failed" + (f", {todo} to do" if todo else "")
    click.secho(said, fg="red" if failed else "green")
    return 1 if failed else 0


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
            click.echo(f"    {failure}")
