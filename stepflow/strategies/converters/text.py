"""`text`: what was read, as text without the blanks around it.

A parse tree gives the text it covers; a number, a truth value or JSON gives how it reads; a list gives its items.

    constraints:
      unknown: {type: regex, pattern: 'for (?P<value>[a-z])', as: text}
"""

from __future__ import annotations

from typing import Any

from stepflow.strategies.converters.spread import spread
from stepflow.values import show

NAME = "text"
MEMBERS = ()
"""One value: there is nothing in it to name."""


def convert(raw: Any, text: str) -> Any:
    """The stripped text; item by item of a list."""
    return spread(raw, text, _strip)


def _strip(raw: Any) -> str:
    return show(raw).strip()
