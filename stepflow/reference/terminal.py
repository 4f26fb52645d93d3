"""Pages of components as plain text for a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from stepflow.reference.components import ABOUT, WIDTH, Page, Parameter


def listing(kind: str, pages: Iterable[Page]) -> str:
    """The components of a kind, one line each."""
    known = list(pages)
    width = max((len(page.name) for page in known), default=0)
    lines = [f"{kind}s {ABOUT[kind]}"]
    for page in known:
        said = textwrap.shorten(first_sentence(page.summary), WIDTH - width - 4, placeholder=" …")
        lines.append(f"  {page.name:<{width}}  {said}")
    return "\n".join(lines)


def describe(page: Page) -> str:
    """The whole page of a component."""
    blocks = [f"{page.kind}/{page.name}" + (f"    {page.signature}" if page.signature else ""), page.summary]
    if page.text:
        blocks.append(page.text)
    if page.examples:
        blocks.append("Examples\n" + "\n".join(f"  {example}" for example in page.examples))
    blocks += [f"{title.replace('`', '')}\n" + "\n".join(_keys(keys)) for title, keys in page.groups]
    return "\n\n".join(blocks)


def first_sentence(text: str) -> str:
    """The text up to the first full stop that ends a sentence."""
    return re.split(r"(?<=\w[.:])\s+(?=[A-Z])", text, maxsplit=1)[0]


def _keys(keys: tuple[Parameter, ...]) -> Iterator[str]:
    width = max(len(key.name) for key in keys)
    margin = " " * (width + 4)
    for key in keys:
        kind = key.type.replace("`", "")
        state = ", needed" if key.required else f", default {key.default}" if key.default else ""
        yield f"  {key.name:<{width}}  {kind}{state}"
        yield textwrap.fill(key.description, WIDTH, initial_indent=margin, subsequent_indent=margin)
