"""`json`: the answer is one JSON value; its members or elements may be the steps.

The reply is first cleaned: fences and prose around the value are taken off. `by: document` makes it one step,
`by: member` one step of each key with its value, `by: element` one of each element of the array, and `by: part` one of
each member or element, whichever the value has. The opening bracket belongs to the first step's text; commas, blanks
and the closing bracket are separators.

Options: `by`, and `root`, the kind of value asked for.

    segment: {type: json, by: member}
    parse: [{field: entry, type: json, of: member}]      # step.entry.key, step.entry.value

Declines a reply without a value of that kind, with more than one, or with JSON that is broken or has duplicate keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

import stepflow.options
from stepflow import jsontext
from stepflow.notation import BuildContext
from stepflow.protocols import Piece, Segmenter
from stepflow.strategies.segmenters import cutting

NAME = "json"
_BRACKETS = {"member": "{", "element": "[", "part": "{["}
_ROOTS: dict[str, jsontext.Root] = {"member": "object", "element": "array"}


class Options(stepflow.options.Options):
    """What a step is."""

    by: Literal["document", "member", "element", "part"] = Field("document", description="What one step is.")
    root: jsontext.Root = Field("any", description="The kind of JSON value that the answer must be.")

    @model_validator(mode="after")
    def _root_has_parts(self) -> Options:
        needed = _ROOTS.get(self.by, self.root)
        if self.root not in ("any", needed):
            raise ValueError(f"`by: {self.by}` needs `root: {needed}`, not {self.root}")
        return self


def build(options: Options, context: BuildContext) -> Segmenter:
    """Steps of one JSON value."""
    return _Json(options.by, _ROOTS.get(options.by, options.root))


@dataclass(frozen=True, slots=True)
class _Json:
    by: str
    root: jsontext.Root
    joint: str = ", "

    def clean(self, text: str) -> str:
        """The JSON value in the reply. Raises `ValueError` unless there is exactly one."""
        start, end, _ = jsontext.extract(text, self.root)
        return text[start:end]

    def segment(self, text: str) -> Sequence[Piece]:
        """The steps; the text as one step when it has no parts or is not such a value."""
        if self.by == "document":
            return cutting.whole(text)
        try:
            jsontext.extract(text, self.root)
            spans = jsontext.parts(text)
        except ValueError:
            spans = []
        if not spans:
            return cutting.whole(text)
        starts = [start for start, _ in spans[1:]]
        bounds = zip([0, *starts], spans, [*starts, len(text)], strict=True)
        return [Piece(text[begin:stop], text[stop:after]) for begin, (_, stop), after in bounds]

    def body(self, text: str) -> int:
        """Behind the opening bracket that the first step begins with; 0 for the other steps."""
        content = text.lstrip()
        if not content.startswith(tuple(_BRACKETS.get(self.by, ""))) or _is_json(content):
            return 0
        return len(text) - len(content[1:].lstrip())

    def relabel(self, text: str, index: int) -> str:
        """The step with the opening bracket if it is to be the first, without it elsewhere."""
        if self.by == "document":
            return text
        body = self.body(text)
        if index != 1:
            return text[body:]
        return text if body else self._bracket(text) + text

    def _bracket(self, part: str) -> str:
        """The bracket that opens a value of this part."""
        brackets = _BRACKETS[self.by]
        return brackets if len(brackets) == 1 else "{" if jsontext.is_member(part) else "["


def _is_json(text: str) -> bool:
    try:
        jsontext.parse(text)
    except ValueError:
        return False
    return True
