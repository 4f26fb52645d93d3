"""`json`: the JSON objects and arrays that stand in the text, with prose or fences around them.

Options: `root`, to read only objects or only arrays.

    constraints:
      order: {type: json, root: object}

Passes over what is not strict JSON (trailing commas, single quotes, duplicate keys, NaN).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow import jsontext
from stepflow.notation import BuildContext
from stepflow.protocols import Found, Reader

NAME = "json"
DEFAULT_CONVERTER = "value"


class Options(stepflow.options.Options):
    """What kind of JSON."""

    root: jsontext.Root = Field("any", description="Read only values of this kind.")


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of embedded JSON values."""
    return _Json(options.root)


@dataclass(frozen=True, slots=True)
class _Json:
    root: jsontext.Root

    def read(self, text: str) -> Iterator[Found]:
        """The outermost values, left to right."""
        for start, end, value in jsontext.find_values(text, self.root):
            yield Found(start, end, jsontext.freeze(value))
