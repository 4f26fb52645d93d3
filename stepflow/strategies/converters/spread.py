"""How a converter of one text is applied to whatever shape a reader found. Ground of this folder, not a plug."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stepflow.notation import Node


def spread(raw: Any, text: str, convert: Callable[[Any], Any]) -> Any:
    """`convert` applied to the text of a parse tree, to each item of a list, or to the raw value itself."""
    if isinstance(raw, Node):
        return convert(text)
    if isinstance(raw, list | tuple):
        return tuple(convert(item) for item in raw)
    return convert(raw)


def as_text(raw: Any, wanted: str) -> str:
    """The raw value, which must be text. Raises `ValueError` that names what was wanted."""
    if not isinstance(raw, str):
        raise ValueError(f"expected text to read as {wanted}, got {type(raw).__name__}")
    return raw
