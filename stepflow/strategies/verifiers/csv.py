"""`csv`: the text must be one table of comma-separated values with a header, and nothing else.

Strict: every row has as many fields as the header, whose names are not empty and not repeated; stray and unclosed
quotes fail. Fences and prose fail too: the segmenter `csv` takes them off first.

Options: `columns(_from)`, the header, all names in order; `rows(_from)`, `min_rows`, `max_rows`; `types(_from)`, a
map from column to `text`, `number`, `integer`, `date` or `boolean` (the `properties` of a JSON Schema say it too);
`no_empty`; `distinct`, columns without repetitions; `totals(_from)`, columns of which one more row, the last, holds the
sum: it begins with 'Total', is not counted, and its other cells may hold anything;
`delimiter`.

    verify:
      - {type: csv, columns_from: columns, rows_from: count, types: {age: integer}, no_empty: true}

Fails naming the first thing wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from stepflow.notation import BuildContext
from stepflow.options import Delimiter
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.tabular import Table, TableOptions
from stepflow.texts import csv

NAME = "csv"


class Options(TableOptions):
    """What the table must look like, and what separates its fields."""

    delimiter: Delimiter = Field(",", description="The character between two fields.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier of a table."""
    return _Csv(Table.of(options), options.delimiter)


@dataclass(frozen=True, slots=True)
class _Csv:
    table: Table
    delimiter: str

    def verify(self, view: View) -> str | None:
        """None when the text is such a table."""
        try:
            lines = [line.fields for line in csv.scan(view.text.strip(), self.delimiter)]
            rows = csv.records(lines)
        except ValueError as error:
            return f"is not CSV: {error}"
        return self.table.wrong(lines[0], rows, view)
