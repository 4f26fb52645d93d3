"""`${NAME}` and `${NAME:-default}` in values, replaced after parsing, once.

Keys are never touched, and what a variable holds is never looked through for more. `$${` writes a literal `${`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from stepflow.config.scalars import NumberTooLarge, resolve

_HOLE = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
NodePath = tuple[str | int, ...]
Unresolved = list[tuple[NodePath, str]]


def substitute(
    data: Any, environ: Mapping[str, str], *, is_plain: Callable[[NodePath], bool] = lambda path: False
) -> tuple[Any, Unresolved]:
    """New data with every reference replaced, and what could not be: (path, name), in the data's order.

    A default stands in when the variable is unset or empty. A reference that is not well formed counts as unresolved
    under what stands between its braces, and stays as written. Where `is_plain` says that the text at a path stands
    without quotes, a changed text is read again like any plain scalar: `${RETRIES:-2}` is a number, `'${RETRIES:-2}'`
    is text.
    """
    unresolved: Unresolved = []

    def walk(value: Any, path: NodePath) -> Any:
        if isinstance(value, dict):
            return {key: walk(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        missing: list[str] = []
        text = _HOLE.sub(lambda hole: _filled(hole, environ, missing), value)
        unresolved.extend((path, name) for name in missing)
        return _reread(text) if text != value and is_plain(path) else text

    return walk(data, ()), unresolved


def _filled(hole: re.Match[str], environ: Mapping[str, str], missing: list[str]) -> str:
    if hole.group() == "$${":
        return "${"
    name = _NAME.fullmatch(hole[1]) if hole[2] else None
    if name is None:
        missing.append(hole[1])
        return hole.group()
    held = environ.get(name[1]) or name[2]
    if held is None:
        held = environ.get(name[1])
    if held is None:
        missing.append(name[1])
        return hole.group()
    return held


def _reread(text: str) -> Any:
    try:
        return resolve(text)
    except NumberTooLarge:
        return text
