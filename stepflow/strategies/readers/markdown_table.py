"""`markdown_table`: Markdown tables in the text, each as a list of rows; a row is a map from column to text.

Options: `columns`, names that the header must have, no others, in this order.

    constraints:
      prices: {type: markdown_table, columns: [Item, Price], find: only}
    let:
      sum_of_prices: total(prices, 'Price')

Passes over tables with another header when `columns` are given. Refuses a table whose rows do not fit its header, or
whose header repeats or lacks a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.protocols import Found, Reader
from stepflow.texts import csv, markdown

NAME = "markdown_table"
DEFAULT_CONVERTER = "value"


class Options(stepflow.options.Options):
    """Which tables."""

    columns: list[str] | None = Field(None, min_length=1, description="The names of the header, in order.")


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of tables."""
    return _MarkdownTable(None if options.columns is None else tuple(options.columns))


@dataclass(frozen=True, slots=True)
class _MarkdownTable:
    columns: tuple[str, ...] | None

    def read(self, text: str) -> Iterator[Found]:
        """The tables, left to right, each a tuple of maps. Raises `ValueError` for one that is broken."""
        for block in markdown.blocks(text):
            if block.kind != "table":
                continue
            rows = markdown.table_rows(text[block.start : block.end])
            if self.columns is None or rows[0] == self.columns:
                yield Found(block.start, block.end, csv.records(rows))
