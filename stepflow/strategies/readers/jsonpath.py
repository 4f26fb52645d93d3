"""`jsonpath`: values inside the one JSON value that the text holds.

Every value found has the span of the whole JSON.

Options: `path`.

    constraints:
      currency: {type: jsonpath, path: '$.order.currency'}

Finds nothing in a text without brackets. Refuses to read a text whose JSON is broken, or that holds two values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow import jsontext
from stepflow.notation import BuildContext, JsonPathText, Path
from stepflow.protocols import Found, Reader

NAME = "jsonpath"
DEFAULT_CONVERTER = "value"


class Options(stepflow.options.Options):
    """Where in the JSON."""

    path: JsonPathText = Field(description="The JSONPath of the values to read.")


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of values at a path."""
    return _JsonPath(context.jsonpath(options.path))


@dataclass(frozen=True, slots=True)
class _JsonPath:
    path: Path

    def read(self, text: str) -> Iterator[Found]:
        """The values at the path, in document order. Raises `ValueError` unless the text holds one JSON value."""
        if "{" not in text and "[" not in text:
            return
        start, end, data = jsontext.extract(text)
        for value in self.path.find(data):
            yield Found(start, end, jsontext.freeze(value))
