"""`markdown_table`: each row of a Markdown table is a step; the header with its line of dashes is the first.

The reply is first cleaned: a fence around the table, or prose before and behind it, is taken off. Line breaks separate.

    segment: markdown_table
    parse:
      - {field: row, type: regex, pattern: '^\\|\\s*(?P<item>\\w+)\\s*\\|\\s*(?P<price>\\d+)\\s*\\|$', optional: true}

A reply to a patch may be rows alone, where the header is kept.

Declines a reply without a table, with more than one, or with a row apart from its table. (Rows of different
lengths are for the verifier `markdown_table` to judge.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.protocols import Piece, Segmenter
from stepflow.strategies.segmenters import cutting
from stepflow.texts import markdown

NAME = "markdown_table"


class Options(stepflow.options.Options):
    """There is nothing to set."""


def build(options: Options, context: BuildContext) -> Segmenter:
    """One step a row."""
    return _MarkdownTable()


@dataclass(frozen=True, slots=True)
class _MarkdownTable:
    def clean(self, text: str) -> str:
        """The table in the reply. Raises `ValueError` unless there is exactly one."""
        fenced = _fenced(text)
        text = text if fenced is None else fenced
        tables = [block for block in markdown.blocks(text) if block.kind == "table"]
        if len(tables) != 1:
            raise ValueError(f"{len(tables)} tables found, expected exactly one")
        start, end = tables[0].start, tables[0].end
        if any(line.lstrip().startswith("|") for line in f"{text[:start]}\n{text[end:]}".splitlines()):
            raise ValueError("a row stands apart from the table")
        return text[start:end]

    def below(self, text: str, head: str) -> str:
        """The table of rows alone and their header, which they may repeat.

        Raises `ValueError` unless they stand together.
        """
        fenced = _fenced(text)
        lines = (text if fenced is None else fenced).splitlines()
        rows = [index for index, line in enumerate(lines) if line.lstrip().startswith("|")]
        if not rows:
            raise ValueError("no table and no rows of one found")
        if rows[-1] - rows[0] + 1 != len(rows):
            raise ValueError("the rows stand apart")
        header = markdown.cells(head.splitlines()[0])
        first = rows[0] + (markdown.cells(lines[rows[0]]) == header)
        return "\n".join([head, *lines[first : rows[-1] + 1]])

    def segment(self, text: str) -> Sequence[Piece]:
        """One piece a row, the header with the line below it; the text as one step when it is no table."""
        blocks = markdown.blocks(text)
        if [block.kind for block in blocks] != ["table"]:
            return cutting.whole(text)
        rows = [match.end() for match in cutting.LINE_END.finditer(text, blocks[0].start, blocks[0].end)]
        return cutting.cut_at(text, rows[1:])

    def body(self, text: str) -> int:
        """0: a row has no marker."""
        return 0

    def relabel(self, text: str, index: int) -> str:
        """The row, unchanged: it has no marker."""
        return text


def _fenced(text: str) -> str | None:
    return markdown.only_fence(text, ("markdown", "md", "text", "txt", "plaintext"), prose=True)
