"""`json`: the JSON objects and arrays that stand in the text, with prose or fences around them.

Options: `root`, to read only objects or only arrays; `of: member`, where the whole text is one member of an object, as
with `segment: {type: json, by: member}`: a map of its `key` and its `value`.

    constraints:
      order: {type: json, root: object}
    parse:
      - {field: entry, type: json, of: member}       # step.entry.key, step.entry.value

Passes over what is not strict JSON (trailing commas, single quotes, duplicate keys, NaN).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

import stepflow.options
from stepflow import jsontext
from stepflow.notation import BuildContext
from stepflow.protocols import Found, Groups, Reader

NAME = "json"
DEFAULT_CONVERTER = "value"
_MEMBERS = ("key", "value")


class Options(stepflow.options.Options):
    """What kind of JSON."""

    root: jsontext.Root = Field("any", description="Read only values of this kind.")
    of: Literal["whole", "member"] = Field("whole", description="What is read: whole values, or a key and its value.")

    @model_validator(mode="after")
    def _member_has_any_value(self) -> Options:
        if self.of == "member" and self.root != "any":
            raise ValueError("`of: member` reads a key and whatever value it has: leave `root` out")
        return self


def groups(options: Options) -> frozenset[str]:
    """The members of the map that is read; none where any value may be."""
    return frozenset(_MEMBERS) if options.of == "member" else frozenset()


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of embedded JSON values, or of one member."""
    return _Member() if options.of == "member" else _Json(options.root)


@dataclass(frozen=True, slots=True)
class _Json:
    root: jsontext.Root

    def read(self, text: str) -> Iterator[Found]:
        """The outermost values, left to right."""
        for start, end, value in jsontext.find_values(text, self.root):
            yield Found(start, end, jsontext.freeze(value))


@dataclass(frozen=True, slots=True)
class _Member:
    def read(self, text: str) -> Iterator[Found]:
        """The key and the value, when the text is one member."""
        if jsontext.is_member(text):
            pairs = jsontext.freeze(jsontext.parse(f"{{{text}}}")).items()
            start = len(text) - len(text.lstrip())
            yield from (Found(start, len(text.rstrip()), Groups(zip(_MEMBERS, pair, strict=True))) for pair in pairs)
