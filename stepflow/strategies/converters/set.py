"""`set`: a list's items, each once and sorted, so that the order in which they are asked for does not count.

Takes a list: what the reader `list` finds, or a JSON array of texts.

    constraints:
      labels: {type: list, after: '(?i)\\bas\\b', as: set}

Declines what is no list of texts.
"""

from __future__ import annotations

from typing import Any

from stepflow.values import describe

NAME = "set"


def convert(raw: Any, text: str) -> tuple[str, ...]:
    """The sorted items. Raises `ValueError` when the value is no list of texts."""
    if not isinstance(raw, list | tuple) or not all(isinstance(item, str) for item in raw):
        raise ValueError(f"{describe(raw)} is no list of texts; use the reader `list`")
    items = {item.strip() for item in raw}
    return tuple(sorted(items, key=lambda item: (item.casefold(), item)))
