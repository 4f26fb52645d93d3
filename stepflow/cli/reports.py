"""Results of tests as text, JSON and JUnit's XML."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from stepflow.coverage import Coverage
    from stepflow.testing import TestResult
    from stepflow.variants import Tally, Variation

_UNWRITABLE = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


def counts(results: Sequence[TestResult]) -> tuple[int, int, int]:
    """How many passed, failed, and are still to do."""
    failed = sum(not result.passed and not result.todo for result in results)
    todo = sum(result.todo for result in results)
    return len(results) - failed - todo, failed, todo


def show(results: Sequence[TestResult], verbose: bool) -> None:
    """Print the results: failures, known gaps, with `verbose` all; and how many."""
    for result in results:
        _show(result, verbose)
    passed, failed, todo = counts(results)
    said = f"{passed} passed, {failed} failed" + (f", {todo} to do" if todo else "")
    click.secho(said, fg="red" if failed else "green")


def show_coverage(coverages: Sequence[Coverage], total: int) -> None:
    """Print for each rule what its tests have not shown."""
    for coverage in coverages:
        shown = len(coverage.parts) - len(coverage.missing)
        click.echo(f"{coverage.path}  {coverage.percent} % ({shown} of {len(coverage.parts)})")
        for part in coverage.missing:
            click.secho(f"    {part.where}  no test shows: {part.name}", fg="yellow")
    click.echo(f"coverage {total} %")


def show_variations(variations: Sequence[Variation]) -> None:
    """Print which changed prompts of each rule are served the stored answer, and which changed answers pass."""
    for one in variations:
        if not one.prompts.tried:
            click.echo(f"{one.path}  no test holds a right answer, so nothing was changed")
            continue
        found = (*one.prompts.found, *one.answers.found)
        width = max((len(f"{each.part}: {each.kind}") for each in found), default=0)
        click.echo(f"{one.path}  {_of(one.prompts)} changed prompts are served the stored answer as it stands")
        _show_unnoticed(one.prompts, width)
        click.echo(f"{one.path}  {_of(one.answers)} changed answers pass")
        _show_unnoticed(one.answers, width)


def _of(tally: Tally) -> str:
    return f"{tally.unnoticed} of {tally.tried}"


def _show_unnoticed(tally: Tally, width: int) -> None:
    for each in tally.found:
        said = f"{each.part}: {each.kind}".ljust(width)
        click.secho(f"    {each.where}  {said}  {each.unnoticed} of {each.tried}, e.g. {each.example!r}", fg="yellow")


def as_json(
    results: Sequence[TestResult],
    coverages: Sequence[Coverage] | None,
    total: int,
    variations: Sequence[Variation] = (),
) -> str:
    """One JSON object: the counts, every test, the coverage when it was measured, and what went unnoticed if asked."""
    passed, failed, todo = counts(results)
    data: dict[str, Any] = {"passed": passed, "failed": failed, "todo": todo}
    data["tests"] = [
        {"name": each.name, "where": each.where, "passed": each.passed, "todo": each.todo, "failures": [*each.failures]}
        for each in results
    ]
    if coverages is not None:
        data["coverage"] = {
            "percent": total,
            "rules": [
                {
                    "rule": each.rule,
                    "file": each.path,
                    "percent": each.percent,
                    "missing": [{"part": part.name, "where": part.where} for part in each.missing],
                }
                for each in coverages
            ],
        }
    if variations:
        data["variations"] = [
            {"rule": each.rule, "file": each.path, "prompts": asdict(each.prompts), "answers": asdict(each.answers)}
            for each in variations
        ]
    return json.dumps(data, ensure_ascii=False, indent=1)


def as_junit(results: Sequence[TestResult]) -> str:
    """JUnit's XML, a suite for each file."""
    suites: dict[str, list[TestResult]] = {}
    for result in results:
        suites.setdefault(result.where.rpartition(":")[0], []).append(result)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for file, inside in suites.items():
        _, failed, todo = counts(inside)
        lines.append(
            f'  <testsuite name={_attribute(file)} tests="{len(inside)}" failures="{failed}" skipped="{todo}">'
        )
        lines += [line for result in inside for line in _case(file, result)]
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"])


def _case(file: str, result: TestResult) -> list[str]:
    from xml.sax.saxutils import escape, quoteattr  # imports half of the network's modules

    line = result.where.rpartition(":")[2]
    head = f"<testcase classname={_attribute(file)} name={_attribute(result.name)} line={quoteattr(line)}"
    if result.todo:
        return [f"    {head}><skipped/></testcase>"]
    if result.passed:
        return [f"    {head}/>"]
    first = _attribute(result.failures[0].splitlines()[0])
    text = escape(_writable("\n".join(result.failures)))
    return [f"    {head}>", f"      <failure message={first}>{text}</failure>", "    </testcase>"]


def _attribute(text: str) -> str:
    from xml.sax.saxutils import quoteattr

    return quoteattr(_writable(text))


def _writable(text: str) -> str:
    """The text without the characters that XML cannot hold in any form."""
    return re.sub(_UNWRITABLE, "\ufffd", text)


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
