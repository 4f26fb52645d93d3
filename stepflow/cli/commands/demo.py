"""`stepflow demo`."""

import click


@click.command()
def command() -> None:
    """Show."""
