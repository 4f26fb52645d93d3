"""Pydantic's errors tied to the data: one error a place, also where several types were allowed.

Where a value may be one of several types, pydantic complains once for each of them. Only the complaints of the type
that the author meant are of use: the one that accepts this kind of value. When none does, the kinds are listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import ErrorDetails

from stepflow.config.wording import EXPECTED

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """An error at a path of the data. `tags` are parts of pydantic's location that are not in the data, with depth."""

    path: Path
    kind: str
    loc: Path
    context: Mapping[str, Any]
    text: str
    tags: tuple[tuple[int, str], ...] = ()
    expected: tuple[str, ...] = ()

    @property
    def is_wrong_kind(self) -> bool:
        """Whether the value at the path is not even of the kind that was asked for."""
        return bool(self.expected) or self.kind == "literal_error"


def value_at(data: Any, path: Iterable[str | int]) -> Any:
    """What stands at a path; None where it leads nowhere."""
    for part in path:
        if not _leads_on(data, part):
            return None
        data = data[part]
    return data


def locate(error: ErrorDetails, data: Any) -> Located:
    """The error with its path, found by walking the data and skipping what is not in it."""
    kind, loc = error["type"], error["loc"]
    if kind == "union_tag_not_found":
        kind, loc = "missing", (*loc, str(error.get("ctx", {})["discriminator"]).strip("'"))
    path: list[str | int] = []
    tags: list[tuple[int, str]] = []
    value = data
    for position, part in enumerate(loc):
        names_missing = kind == "missing" and position == len(loc) - 1
        if names_missing or _leads_on(value, part):
            path.append(part)
            value = None if names_missing else value[part]
        else:
            tags.append((len(path), str(part)))
    expected = (EXPECTED[kind],) if kind in EXPECTED else ()
    return Located(tuple(path), kind, loc, error.get("ctx", {}), error["msg"], tuple(tags), expected)


def settle(errors: Iterable[Located], data: Any) -> list[Located]:
    """The errors that matter: for each union, those of the type that was probably meant."""
    settled: list[Located] = []
    unions: dict[Path, dict[str, list[Located]]] = {}
    for error in errors:
        if not error.tags:
            settled.append(error)
            continue
        depth, tag = error.tags[0]
        unions.setdefault(error.path[:depth], {}).setdefault(tag, []).append(replace(error, tags=error.tags[1:]))
    for place, arms in unions.items():
        settled += _meant(place, [settle(arm, data) for arm in arms.values()], data)
    return settled


def _leads_on(value: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(value, list | tuple) and part < len(value)
    return isinstance(value, Mapping) and part in value


def _meant(place: Path, arms: list[list[Located]], data: Any) -> list[Located]:
    fitting = [arm for arm in arms if not any(error.path == place and error.is_wrong_kind for error in arm)]
    if fitting:
        return min(fitting, key=len)
    literals = [error for arm in arms for error in arm if error.kind == "literal_error"]
    if literals and isinstance(value_at(data, place), str):
        return literals[:1]
    kinds = dict.fromkeys(kind for arm in arms for error in arm for kind in error.expected)
    return [replace(arms[0][0], expected=tuple(kinds))] if kinds else arms[0]
