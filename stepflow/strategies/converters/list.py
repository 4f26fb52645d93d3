"""`list`: the items of an enumeration, as texts.

Splits at commas, semicolons, line breaks and the word 'and' ('name, age and city'), and takes off blanks, quotes and
backticks around each item. Items that were split already (by `split:`, or JSON) are only cleaned.

    constraints:
      keys: {type: regex, pattern: 'keys (?P<value>[^.]+)', as: list}

Declines an enumeration without items. An item that itself holds 'and' needs `split:`.
"""

from __future__ import annotations

import re
from typing import Any

from stepflow.strategies.converters.spread import spread

NAME = "list"
_BETWEEN = re.compile(r"[,;\n]\s*(?:and\s+)?|\s+and\s+", re.IGNORECASE)
_AROUND = " \t\r\n\"'`“”‘’"


def convert(raw: Any, text: str) -> Any:
    """The items, in order. Raises `ValueError` when there is none."""
    if isinstance(raw, list | tuple):
        return tuple(_clean(item) for item in raw)
    return spread(raw, text, _split)


def _split(raw: Any) -> tuple[Any, ...]:
    if not isinstance(raw, str):
        return (raw,)
    items = tuple(item for item in map(_clean, _BETWEEN.split(raw)) if item)
    if not items:
        raise ValueError(f"{raw!r} lists nothing")
    return items


def _clean(item: Any) -> Any:
    return item.strip(_AROUND) if isinstance(item, str) else item
