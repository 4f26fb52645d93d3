"""`stepflow schema`: JSON Schema of the kinds of file, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click


@click.command()
@click.argument("kind", type=click.Choice(["rule", "pipeline", "pack", "tests"]))
@click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False), help="Write the schema there.")
def command(kind: Literal["rule", "pipeline", "pack", "tests"], output: str | None) -> None:
    """Print the JSON Schema of rule, pipeline, pack or tests files.

    An editor with it completes keys and marks mistakes; `stepflow lint` finds more.
    """
    from stepflow.catalog import registry
    from stepflow.errors import UsageError
    from stepflow.reference.schemas import text

    made = text(kind, registry())
    if output is None:
        click.echo(made, nl=False)
        return
    try:
        Path(output).write_text(made, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from error
    click.echo(f"wrote {output}", err=True)
