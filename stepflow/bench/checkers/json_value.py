"""The judge of JSON answers: the text, as served, is one JSON value of the shape and about the subject asked for."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ANY = "any"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    ANY: lambda value: True,
    "string": lambda value: isinstance(value, str),
    "integer": _is_whole,
    "number": lambda value: _is_whole(value) or (isinstance(value, float) and math.isfinite(value)),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


@dataclass(frozen=True, slots=True)
class JsonCheck:
    """What a JSON answer must be: `keys` with their types ('any' when none is asked), or `count` such objects.

    `closed`: no other keys; `forbidden`: keys that stand nowhere; `foreign`: names of other subjects. An answer that
    names one of those, and never `about`, was written for another prompt.
    """

    keys: Mapping[str, str]
    count: int | None = None
    closed: bool = False
    forbidden: Sequence[str] = ()
    about: str = ""
    foreign: Sequence[str] = ()

    def objection(self, answer: str) -> str | None:
        """What speaks against the answer, as served; None when it is right."""
        try:
            value = json.loads(answer.strip(), object_pairs_hook=_unique, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            return f"not one JSON value: {error}"
        return next(self._objections(value, answer), None)

    def _objections(self, value: Any, answer: str) -> Iterator[str]:
        if self.count is None:
            yield from self._against(value, "the value")
        elif not isinstance(value, list) or len(value) != self.count:
            yield f"not an array of {self.count}"
        else:
            for index, each in enumerate(value, start=1):
                yield from self._against(each, f"object {index}")
        for name in _names(value):
            if name in self.forbidden:
                yield f"the key {name!r} is forbidden"
        for name in self.foreign if self.about and not _speaks_of(self.about, answer) else ():
            if _speaks_of(name, answer):
                yield f"it speaks of {name}, and not of {self.about}"

    def _against(self, value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where} is not an object"
            return
        for name, kind in self.keys.items():
            if name not in value:
                yield f"{where} lacks the key {name!r}"
            elif not _TYPES[kind](value[name]):
                yield f"{name!r} in {where} is not of type {kind}"
        if self.closed and value.keys() - self.keys.keys():
            yield f"{where} has other keys: {', '.join(sorted(value.keys() - self.keys.keys()))}"


def _speaks_of(name: str, answer: str) -> bool:
    return re.search(rf"(?i)\b{re.escape(name)}\b", answer) is not None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _names(value: Any) -> Iterator[str]:
    """Every key at any depth."""
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _names(each)
