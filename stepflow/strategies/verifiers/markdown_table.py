"""`markdown_table`: the text must hold one Markdown table.

Strict: a line of dashes below the header, and every row with as many cells as the header, whose names are not empty and
not repeated.

Options: `columns(_from)`, the header, all names in order; `rows(_from)`, `min_rows`, `max_rows`; `types(_from)`, a
map from column to `text`, `number`, `integer`, `date` or `boolean` (the `properties` of a JSON Schema say it too);
`no_empty`; `distinct`, columns without repetitions; `totals(_from)`, columns of which one more row, the last, holds the
sum: it begins with 'Total', is not counted, and its other cells may hold anything;
`prose`, whether text may stand around the table.

    verify:
      - {type: markdown_table, columns: [Name, Price], rows_from: count, types: {Price: number}}

Fails naming the first thing wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from stepflow.notation import BuildContext
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.tabular import Table, TableOptions
from stepflow.texts import csv, markdown

NAME = "markdown_table"


class Options(TableOptions):
    """What the table must look like, and whether it stands alone."""

    prose: bool = Field(False, description="Whether text may stand around the table.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier of a table."""
    return _MarkdownTable(Table.of(options), options.prose)


@dataclass(frozen=True, slots=True)
class _MarkdownTable:
    table: Table
    prose: bool

    def verify(self, view: View) -> str | None:
        """None when the text holds such a table."""
        blocks = markdown.blocks(view.text)
        tables = [block for block in blocks if block.kind == "table"]
        if len(tables) != 1:
            return f"holds {len(tables)} tables, expected exactly one"
        if not self.prose and len(blocks) > 1:
            return "holds text beside the table"
        try:
            lines = markdown.table_rows(view.text[tables[0].start : tables[0].end])
            rows = csv.records(lines)
        except ValueError as error:
            return f"is not a Markdown table: {error}"
        return self.table.wrong(lines[0], rows, view)
