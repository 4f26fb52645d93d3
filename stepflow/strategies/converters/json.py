"""`json`: the data that a JSON text denotes, with exact numbers.

Objects become maps, arrays lists. JSON that a reader has found already passes through.

    parse:
      - {field: data, type: whole, as: json}

Declines anything that is not strict JSON: duplicate keys, NaN, trailing commas, text around it.
"""

from __future__ import annotations

from typing import Any

from stepflow import jsontext
from stepflow.notation import Node

NAME = "json"


def convert(raw: Any, text: str) -> Any:
    """The value. Raises `ValueError` with line and column when the text is not JSON."""
    if isinstance(raw, str):
        return jsontext.freeze(jsontext.parse(raw))
    return jsontext.freeze(jsontext.parse(text)) if isinstance(raw, Node) else jsontext.freeze(raw)
