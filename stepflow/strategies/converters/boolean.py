"""`boolean`: true or false.

Reads true, false, yes, no, on and off, in any case.

    constraints:
      detailed: {type: regex, pattern: 'detailed: (?P<value>yes|no)', as: boolean}

Declines everything else, also 0 and 1.
"""

from __future__ import annotations

from typing import Any

from stepflow.strategies.converters.spread import as_text, spread

NAME = "boolean"
MEMBERS = ()
"""One value: there is nothing in it to name."""
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def convert(raw: Any, text: str) -> Any:
    """The truth value; item by item of a list. Raises `ValueError` when it is not one."""
    return spread(raw, text, _boolean)


def _boolean(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    word = as_text(raw, "true or false").strip().lower()
    if word not in _WORDS:
        raise ValueError(f"{word!r} is neither true nor false; expected one of {', '.join(_WORDS)}")
    return _WORDS[word]
