"""`stepflow lint`: everything that can be found without running."""

from __future__ import annotations

from collections.abc import Sequence

import click

from stepflow.source import Diagnostic


@click.command(short_help="Check rule and pipeline files.")
@click.argument("paths", nargs=-1)
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    help="How findings are shown.",
)
def command(paths: Sequence[str], strict: bool, output: str) -> int:
    """Check rule and pipeline files (default: rules/ and pipelines/).

    Findings go to stdout, the count to stderr. Exit code 1 when there are errors, or warnings with --strict.
    """
    from stepflow.cli.findings import FORMATS
    from stepflow.cli.locate import yaml_files
    from stepflow.cli.render import plural, show_diagnostics

    files = yaml_files(paths)
    findings = lint_files(files)
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    if output == "text":
        show_diagnostics(findings, err=False)
    elif said := FORMATS[output](findings):
        click.echo(said)
    counts = f"{plural(len(files), 'file')}: {plural(errors, 'error')}, {plural(warnings, 'warning')}"
    click.secho(counts, fg="red" if errors else "yellow" if warnings else "green", err=True)
    return 1 if errors or (strict and warnings) else 0


def lint_files(files: Sequence[str]) -> list[Diagnostic]:
    """Every problem of every file, in order of place, each once."""
    from stepflow.catalog import registry
    from stepflow.compiler.gathering import one_look
    from stepflow.compiler.pipelines import check_file
    from stepflow.version import VERSION

    with one_look():
        findings = [finding for file in files for finding in check_file(file, registry(), VERSION)]
    return sorted(dict.fromkeys(findings), key=lambda finding: finding.sort_key)
