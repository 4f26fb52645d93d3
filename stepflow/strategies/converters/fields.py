"""`fields`: a map of the parts that were read.

Named groups of a regex, or a JSON object, are that map. Of a parse tree, each sub-rule or named token under the root
gives its text under its name in small letters, tokens joined by one blank; one that occurs several times gives a list
of texts. To compute with a part, read it: `number(step.pair.left)`.

    parse:
      - {field: pair, type: lark, grammar: pair, as: fields}     # step.pair.left, step.pair.right

Declines plain text, and a tree without parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stepflow.notation import Leaf, Node

NAME = "fields"
_MAX_DEPTH = 200


def convert(raw: Any, text: str) -> Any:
    """The map of parts. Raises `ValueError` when there are none."""
    if isinstance(raw, Mapping):
        return dict(raw)
    if not isinstance(raw, Node) or not raw.children:
        raise ValueError("there are no parts to name: use named groups, or a grammar with sub-rules")
    parts: dict[str, list[str]] = {}
    for child in raw.children:
        parts.setdefault(child.kind.lower() if isinstance(child, Leaf) else child.kind, []).append(_text(child))
    return {name: texts[0] if len(texts) == 1 else tuple(texts) for name, texts in parts.items()}


def _text(tree: Node | Leaf) -> str:
    return " ".join(_tokens(tree, 0))


def _tokens(tree: Node | Leaf, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise ValueError(f"the text nests deeper than {_MAX_DEPTH}")
    if isinstance(tree, Leaf):
        yield tree.text
        return
    for child in tree.children:
        yield from _tokens(child, depth + 1)
