"""`yaml`: the answer is one YAML document; its top-level members or items may be the steps.

The reply is first cleaned: a fence around the document, and prose around the fence, are taken off. `by: document` makes
it one step, `by: member` one step of each top-level key with all that stands under it, `by: element` one of each item
of the top-level list. Comments directly above a key or item belong to its step; line breaks separate.

Options: `by`.

    segment: {type: yaml, by: member}
    parse: [{field: member, type: yaml}]      # step.member is a map of the one key

Declines a reply that is no such document, read as strictly as a rule file (no tags, no duplicate keys), several fences,
and, unless `by: document`, one written in braces or brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.protocols import Piece, Segmenter
from stepflow.strategies.segmenters import cutting
from stepflow.texts import markdown

NAME = "yaml"
_ROOTS: dict[str, tuple[type, str]] = {"member": (dict, "mapping"), "element": (tuple, "list")}


class Options(stepflow.options.Options):
    """What a step is."""

    by: Literal["document", "member", "element"] = Field("document", description="What one step is.")


def build(options: Options, context: BuildContext) -> Segmenter:
    """Steps of one YAML document."""
    return _Yaml(options.by, context.yaml, context.yaml_lines)


@dataclass(frozen=True, slots=True)
class _Yaml:
    by: str
    read: Callable[[str], Any]
    lines: Callable[[str], Sequence[int]]

    def clean(self, text: str) -> str:
        """The document in the reply. Raises `ValueError` unless there is exactly one."""
        fenced = markdown.only_fence(text, ("yaml", "yml"), prose=True)
        document = text if fenced is None else fenced
        data = self.read(document)
        if not isinstance(data, dict | tuple):
            raise ValueError("the answer is no YAML mapping or list")
        root = _ROOTS.get(self.by)
        if root is not None and not isinstance(data, root[0]):
            raise ValueError(f"the answer is no YAML {root[1]}")
        if root is not None and data and not self.lines(document):
            raise ValueError(f"the YAML {root[1]} is not written as one {self.by} a line")
        return document

    def segment(self, text: str) -> Sequence[Piece]:
        """The steps; the text as one step when it is no such document."""
        try:
            data = self.read(text) if self.by in _ROOTS else None
            found = self.lines(text) if data is not None and isinstance(data, _ROOTS[self.by][0]) else ()
        except ValueError:
            found = ()
        return cutting.cut_at(text, _offsets(text, found)) if found else cutting.whole(text)

    def body(self, text: str) -> int:
        """0: a member or item has no marker that could change."""
        return 0

    def relabel(self, text: str, index: int) -> str:
        """The text, unchanged."""
        return text


def _offsets(text: str, numbers: Sequence[int]) -> list[int]:
    """Where the lines of these numbers (from 1) begin, each with the comments directly above it."""
    lines = [0, *(match.end() for match in cutting.LINE_END.finditer(text))]
    offsets = []
    for number in numbers:
        first = number - 1
        while first > 0 and text.startswith("#", lines[first - 1]):
            first -= 1
        offsets.append(lines[first])
    return offsets
