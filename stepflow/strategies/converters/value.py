"""`value`: what the reader found, as it is. The default for JSON, whose values have types already.

A parse tree gives the text it covers.

    constraints:
      limit: {type: jsonpath, path: '$.limit', as: value}

Declines nothing.
"""

from __future__ import annotations

from typing import Any

from stepflow.jsontext import freeze
from stepflow.notation import Node

NAME = "value"


def convert(raw: Any, text: str) -> Any:
    """The value itself, arrays as tuples."""
    return text if isinstance(raw, Node) else freeze(raw)
