"""`rows`: a table as a list of rows; a row is a map from column to text.

Reads a text that is one Markdown table, or comma-separated values with a header, bare or in a fenced block.

    answer: {type: whole, as: rows}
    verify:
      - {type: expr, assert: "length(answer.value) == 3"}
      - {type: expr, assert: "total(answer.value, 'Price') == budget"}

Declines text around the table, rows that do not fit the header, a header that repeats or lacks a name, and a table of
one column, which any text would be.
"""

from __future__ import annotations

from typing import Any

from stepflow.strategies.converters.spread import as_text
from stepflow.texts import csv, markdown

NAME = "rows"


def convert(raw: Any, text: str) -> Any:
    """The rows. Raises `ValueError` when the text is not one table."""
    if isinstance(raw, list | tuple) and all(isinstance(row, dict) for row in raw):
        return tuple(raw)
    written = as_text(raw, "a table")
    fenced = markdown.only_fence(written, ("csv", "markdown", "md"))
    table = (written if fenced is None else fenced).strip()
    rows = _markdown(table) or [line.fields for line in csv.scan(table)]
    if rows and len(rows[0]) < 2:
        raise ValueError("a table of one column cannot be told from other text")
    return csv.records(rows)


def _markdown(table: str) -> tuple[tuple[str, ...], ...]:
    """The cells of a Markdown table; empty when the text does not begin like one."""
    found = markdown.blocks(table)
    if not found or found[0].kind != "table":
        return ()
    if len(found) > 1:
        raise ValueError("there is text beside the table")
    return markdown.table_rows(table)
