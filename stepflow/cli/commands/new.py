"""`stepflow new`: a file to begin with."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.group()
def command() -> None:
    """Write a new file that passes `lint` and `test` at once."""


@command.command()
@click.argument("rule_id", metavar="ID")
@click.option("--like", metavar="RULE", help="Copy this shipped rule under the new id.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False), help="Default: rules/ID.yaml.")
def rule(rule_id: str, like: str | None, output: str | None) -> None:
    """Write a rule with a comment on every line, and tests of what it owns and what it refuses.

    An existing file is never overwritten.
    """
    from stepflow.authoring import like_files, new_rule, write_new

    path = Path(output or f"rules/{rule_id}.yaml")
    schema = os.path.relpath("schemas/rule.v1.json", path.parent).replace(os.sep, "/")
    files = {path: new_rule(rule_id, like, schema)}
    if like is not None:
        # What several rules share may be there already, and is left as it is.
        files |= {each: text for each, text in like_files(rule_id, like, path.parent).items() if not _holds(each, text)}
    write_new(files)
    for each in files:
        click.echo(f"wrote {each}")
    click.echo(f"Next: stepflow test {path}", err=True)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
