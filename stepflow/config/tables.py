"""Tables that stand in a file of their own: CSV with a header line. Every cell knows where it is written.

A cell that is a number is one, exactly (`0.1`, `-3`, `1200`); a number with leading zeros, a cell in quotes and
everything else is text. Blanks around a cell do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stepflow.config.document import VERBATIM, ForeignNode, MapNode, Node, Scalar
from stepflow.config.scalars import ExactFloat
from stepflow.config.source_text import SourceText
from stepflow.config.suggest import did_you_mean
from stepflow.source import Diagnostic
from stepflow.values import MAX_DIGITS

_CELL = re.compile(r"[ \t]*(?:\"(?P<quoted>(?:[^\"]|\"\")*)\"[ \t]*|(?P<plain>[^,\n\"]*))(?P<end>,|\n|\Z)")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?P<fraction>\.\d+)?")


@dataclass(frozen=True, slots=True)
class Table:
    """The data of a table and the nodes of its entries, whose places are in `source`."""

    data: dict[str, Any]
    keys: dict[str, Scalar]
    values: dict[str, Node]


class BadTable(ValueError):
    """The file cannot be read as a table; `problems` say where."""

    def __init__(self, *problems: Diagnostic) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


class UnknownColumn(ValueError):
    """A column that the header does not have; `hints` say which there are."""

    def __init__(self, name: str, header: list[str]) -> None:
        super().__init__(f"the table has no column {name!r}")
        self.hints = (*did_you_mean(name, header), f"columns: {', '.join(header)}")


def read_table(source: SourceText, key: str | None, value: str | None) -> Table:
    """The table of a CSV text: `key` is the column of its keys (default: the first), `value` that of its values.

    Without `value` each entry is its whole row, a map by column. Raises `BadTable` and `UnknownColumn`.
    """
    rows = list(_rows(source))
    if not rows:
        raise BadTable(source.problem("bad-table", "this table is empty", 0, 0, ["its first line names the columns"]))
    header = [cell.text for cell in rows[0]]
    for column in (key, value):
        if column is not None and column not in header:
            raise UnknownColumn(column, header)
    problems = [*_header_problems(source, rows[0]), *_row_problems(source, rows, header)]
    table, twice = _table(source, rows, header.index(key) if key is not None else 0, value)
    if problems or twice:
        raise BadTable(*problems, *twice)
    return table


def _table(
    source: SourceText, rows: list[list[Scalar]], key_at: int, value: str | None
) -> tuple[Table, list[Diagnostic]]:
    header = [cell.text for cell in rows[0]]
    table, problems = Table({}, {}, {}), []
    for row in rows[1:]:
        if len(row) != len(header):
            continue
        key = row[key_at]
        if not key.text:
            problems.append(source.problem("bad-table", "this row has no key", row[0].start, row[-1].end))
        elif key.text in table.keys:
            line = source.position(table.keys[key.text].start)[0]
            message = f"{key.text!r} is already given on line {line}"
            problems.append(source.problem("bad-table", message, key.start, key.end, ["keep one of the two"]))
        else:
            table.keys[key.text] = key
            table.data[key.text], node = _entry(rows[0], row, None if value is None else header.index(value))
            table.values[key.text] = ForeignNode(source, node)
    return table, problems


def _entry(header: list[Scalar], row: list[Scalar], value_at: int | None) -> tuple[Any, Node]:
    if value_at is not None:
        return row[value_at].value, row[value_at]
    cells = {name.text: cell for name, cell in zip(header, row, strict=True)}
    data = {name: cell.value for name, cell in cells.items()}
    return data, MapNode(row[0].start, row[-1].end, {name.text: name for name in header}, dict(cells))


def _header_problems(source: SourceText, header: list[Scalar]) -> list[Diagnostic]:
    names = [cell.text for cell in header]
    return [
        source.problem("bad-table", f"another column is called {cell.text!r}", cell.start, cell.end)
        if cell.text
        else source.problem("bad-table", "this column has no name", cell.start, cell.end)
        for index, cell in enumerate(header)
        if not cell.text or cell.text in names[:index]
    ]


def _row_problems(source: SourceText, rows: list[list[Scalar]], header: list[str]) -> list[Diagnostic]:
    hint = "a cell that holds a comma stands in double quotes"
    return [
        source.problem(
            "bad-table",
            f"this row has {len(row)} cells, but the header has {len(header)}",
            row[0].start,
            row[-1].end,
            [hint],
        )
        for row in rows[1:]
        if len(row) != len(header)
    ]


def _rows(source: SourceText) -> Iterator[list[Scalar]]:
    """The rows that are not blank. Raises `BadTable` at a quote that is never closed, or stands inside a cell."""
    row: list[Scalar] = []
    position = 0
    while position < len(source.text) or row:
        found = _CELL.match(source.text, position)
        if found is None:
            end = source.starts[source.position(position)[0] - 1] + len(source.line_text(source.position(position)[0]))
            hint = 'a quote inside a cell is written twice, and the cell stands in quotes: "5"" pipe"'
            raise BadTable(source.problem("bad-table", "this cell's quotes do not fit", position, end, [hint]))
        row.append(_cell(found))
        if found["end"] != ",":
            if len(row) > 1 or row[0].text:
                yield row
            row = []
        position = found.end()
        if found["end"] == "" and not row:
            return


def _cell(found: re.Match[str]) -> Scalar:
    if found["quoted"] is not None:
        text = found["quoted"].replace('""', '"')
        return Scalar(*found.span("quoted"), text, VERBATIM, text)
    text = found["plain"].strip()
    start = found.start("plain") + len(found["plain"]) - len(found["plain"].lstrip())
    number = _NUMBER.fullmatch(text) if len(text) <= MAX_DIGITS else None
    value: Any = text if number is None else ExactFloat(text) if number["fraction"] else int(text)
    return Scalar(start, start + len(text), text, VERBATIM, value)
