"""`csv`: tables of comma-separated values in the text, each as a list of rows; a row is a map from column to text.

A table stands in a fenced block (```csv), or is two or more lines with the same number of fields, at least two.

Options: `columns`, names that the header must have, no others, in this order; `delimiter`, one character.

    constraints:
      orders: {type: csv, columns: [item, amount], find: only}
    let:
      sum_of_amounts: total(orders, 'amount')

Passes over tables with another header when `columns` are given. Refuses a table whose header repeats or lacks a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.options import Delimiter
from stepflow.protocols import Found, Reader
from stepflow.texts import csv, markdown

NAME = "csv"
DEFAULT_CONVERTER = "value"


class Options(stepflow.options.Options):
    """Which tables."""

    columns: list[str] | None = Field(None, min_length=1, description="The names of the header, in order.")
    delimiter: Delimiter = Field(",", description="The character between two fields.")


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of tables."""
    return _Csv(None if options.columns is None else tuple(options.columns), options.delimiter)


@dataclass(frozen=True, slots=True)
class _Csv:
    columns: tuple[str, ...] | None
    delimiter: str

    def read(self, text: str) -> Iterator[Found]:
        """The tables, left to right, each a tuple of maps. Raises `ValueError` for one that is broken."""
        for start, end in self._places(text):
            lines = csv.scan(text[start:end], self.delimiter)
            if not lines:
                continue
            header = tuple(name.strip() for name in lines[0].fields)
            if self.columns is None or header == self.columns:
                yield Found(start, end, csv.records([line.fields for line in lines]))

    def _places(self, text: str) -> list[tuple[int, int]]:
        fenced = [fence for fence in markdown.fences(text) if fence.info.lower() in ("csv", "tsv", "")]
        places = [fence.inner for fence in fenced]
        bare = text
        for fence in markdown.fences(text):
            bare = bare[: fence.start] + "\n" * (fence.end - fence.start) + bare[fence.end :]
        return sorted([*places, *csv.find_tables(bare, self.delimiter)])
