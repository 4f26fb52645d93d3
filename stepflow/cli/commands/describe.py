"""`stepflow describe`: the page of one component."""

from __future__ import annotations

import click


@click.command()
@click.argument("component", metavar="KIND/NAME")
def command(component: str) -> None:
    """Describe a component: what it does, its parameters, an example, and when it declines.

    NAME alone is enough where only one kind has it, e.g. `stepflow describe pass_ratio`.
    """
    from stepflow.catalog import registry
    from stepflow.reference.components import find
    from stepflow.reference.terminal import describe

    click.echo(describe(find(registry(), component)))
