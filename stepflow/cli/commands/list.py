"""`stepflow list`: what can be named in a file."""

from __future__ import annotations

import click


@click.command()
@click.argument("kind", required=False)
def command(kind: str | None) -> None:
    """List the components of every KIND, or of one, each with a line that says what it does.

    Kinds: reader, converter, segmenter, verifier, rewriter, condition, function, name, backend, store, embedder, rule.
    A name is one that every run has, such as `step`; a rule is one that ships with stepflow.
    """
    from stepflow.catalog import registry
    from stepflow.reference.components import ABOUT, names, page
    from stepflow.reference.terminal import listing

    known = registry()
    kinds = tuple(ABOUT) if kind is None else (kind,)
    click.echo("\n\n".join(listing(each, [page(known, each, name) for name in names(known, each)]) for each in kinds))
