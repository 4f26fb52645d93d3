"""`stepflow init`: a folder to begin with."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False))
@click.option("--rules", metavar="IDS", default="", help="Shipped rules to copy too, by id, with commas between them.")
def command(folder: str, rules: str) -> None:
    """Write a first rule, a pipeline, schemas and editor settings into DIR (default: here).

    Existing files are never overwritten. The result passes `stepflow lint --strict` and `stepflow test` at once.
    """
    from stepflow.authoring import project_files, write_new

    names = [name.strip() for name in rules.split(",") if name.strip()]
    root = Path(folder)
    files = {root / name: text for name, text in project_files(names).items()}
    write_new(files)
    for path in files:
        click.echo(f"wrote {path}")
    place = "" if folder == "." else f"cd {folder} && "
    click.echo(f"Next: {place}stepflow test, then change rules/ and run it again.", err=True)
