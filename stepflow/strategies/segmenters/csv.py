"""`csv`: each row of a table of comma-separated values is a step; the header is the first.

The reply is first cleaned: a fence around the table, or prose before and behind it, is taken off. A quoted field may
hold line breaks. Line breaks and blank lines separate.

Options: `delimiter`, one character.

    segment: {type: csv, delimiter: ';'}

A reply to a patch may be rows alone, where the header is kept; also a single one behind a line that ends in a colon.

Declines a reply without a table, with more than one, and a table with stray or unclosed quotes. (Rows of different
lengths are for the verifier `csv` to judge.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.options import Delimiter
from stepflow.protocols import Piece, Segmenter
from stepflow.strategies.segmenters import cutting
from stepflow.texts import csv, markdown

NAME = "csv"


class Options(stepflow.options.Options):
    """What separates fields."""

    delimiter: Delimiter = Field(",", description="The character between two fields.")


def build(options: Options, context: BuildContext) -> Segmenter:
    """One step a row."""
    return _Csv(options.delimiter)


@dataclass(frozen=True, slots=True)
class _Csv:
    delimiter: str

    def clean(self, text: str) -> str:
        """The table in the reply. Raises `ValueError` unless there is exactly one."""
        fenced = _fenced(text)
        text = text if fenced is None else fenced
        if self._is_table(text):
            return text
        tables = csv.find_tables(text, self.delimiter)
        if len(tables) != 1:
            raise ValueError(f"{len(tables)} tables found, expected exactly one")
        start, end = tables[0]
        if _introduces(text[start:end]):
            start = text.index("\n", start) + 1
        self._refuse_rows(text[:start], text[end:])
        return text[start:end]

    def below(self, text: str, head: str) -> str:
        """The table of rows alone and their header. Raises `ValueError` unless there is exactly one."""
        fenced = _fenced(text)
        rows = (text if fenced is None else fenced).strip()
        if _introduces(rows):
            rows = rows.partition("\n")[2].strip()
        return self.clean(f"{head}\n{rows}")

    def _refuse_rows(self, before: str, behind: str) -> None:
        """Raise `ValueError` when what would come off may be rows of the table, of another length."""
        lead = before.rstrip("\r\n").rsplit("\n", 1)[-1].rstrip()
        touching = [] if before.endswith("\n\n") or lead.endswith(":") else [lead]
        touching += behind.splitlines()[:2]  # the first is the rest of the last row's line: empty
        for line in (*before.splitlines(), *behind.splitlines()):
            parts = line.split(self.delimiter)
            if len(parts) > 1 and (line in touching or not all(part[:1] in (" ", "") for part in parts[1:])):
                raise ValueError(f"{line.strip()!r} beside the table may be a row of another length")

    def _is_table(self, text: str) -> bool:
        """Whether the whole text is rows of one width, so that nothing needs to come off."""
        if _introduces(text):
            return False
        try:
            widths = {len(line.fields) for line in csv.scan(text, self.delimiter)}
        except ValueError:
            return False
        return len(widths) == 1 and "\n\n" not in text.strip()

    def segment(self, text: str) -> Sequence[Piece]:
        """One piece a row; the text as one step when it is no table."""
        try:
            rows = csv.scan(text, self.delimiter)
        except ValueError:
            rows = ()
        return cutting.cut_out(text, _between(rows, text)) if rows else cutting.whole(text)

    def body(self, text: str) -> int:
        """0: a row has no marker."""
        return 0

    def relabel(self, text: str, index: int) -> str:
        """The row, unchanged: it has no marker."""
        return text


def _fenced(text: str) -> str | None:
    return markdown.only_fence(text, ("csv", "tsv", "text", "txt", "plaintext"), prose=True)


def _introduces(text: str) -> bool:
    """Whether the first line ends in a colon, as in 'Sure, here it is:', and others follow."""
    first, _, rest = text.strip().partition("\n")
    return first.rstrip().endswith(":") and bool(rest.strip())


def _between(rows: Sequence[csv.Line], text: str) -> list[tuple[int, int]]:
    """What stands between two rows and behind the last."""
    starts = [*(row.start for row in rows[1:]), len(text)]
    return [(row.end, start) for row, start in zip(rows, starts, strict=True) if start > row.end]
