"""What the verifiers of tables share: their options, and the checks on rows. Ground of this folder, not a plug."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import NameRef
from stepflow.protocols import View
from stepflow.strategies.verifiers.subject import Wanted, wanted
from stepflow.texts.dates import read_date
from stepflow.values import describe, exact, show

Type = Literal["text", "number", "integer", "date", "boolean"]


class TableOptions(stepflow.options.Options):
    """What the table must look like."""

    columns: list[str] | None = Field(None, min_length=1, description="The names of the header, all and in order.")
    columns_from: NameRef | None = Field(None, description="Name of the value that lists them.")
    rows: int | None = Field(None, ge=0, description="Exactly so many rows, the header not counted.")
    rows_from: NameRef | None = Field(None, description="Name of the value that says how many.")
    min_rows: int | None = Field(None, ge=0, description="At least so many rows.")
    max_rows: int | None = Field(None, ge=0, description="At most so many rows.")
    types: dict[str, Type] | None = Field(None, description="What the cells of a column must be.")
    types_from: NameRef | None = Field(None, description="Name of the value that maps columns to types.")
    no_empty: bool = Field(False, description="Whether every cell must hold something.")
    distinct: list[str] = Field(default_factory=list, description="Columns in which no cell occurs twice.")
    totals: list[str] | None = Field(None, description="Columns of which one more row, the last, holds the sum.")
    totals_from: NameRef | None = Field(None, description="Name of the value that lists them; none if it is empty.")

    @model_validator(mode="after")
    def _once(self) -> TableOptions:
        for name in ("columns", "rows", "types", "totals"):
            if getattr(self, name) is not None and getattr(self, f"{name}_from") is not None:
                raise ValueError(f"give either `{name}` or `{name}_from`, not both")
        return self


@dataclass(frozen=True, slots=True)
class Table:
    """The checks that a table's options ask for."""

    options: TableOptions
    columns: Wanted | None
    count: Wanted | None
    types: Wanted | None
    totals: Wanted | None

    @classmethod
    def of(cls, options: TableOptions) -> Table:
        """The checks of these options."""
        return cls(
            options,
            wanted(options.columns, options.columns_from),
            wanted(options.rows, options.rows_from),
            wanted(options.types, options.types_from),
            wanted(options.totals, options.totals_from),
        )

    def wrong(self, header: Sequence[str], rows: Sequence[Mapping[str, str]], view: View) -> str | None:
        """The first thing wrong with a table whose rows fit its header, None when nothing is."""
        try:
            return next(self._reasons(tuple(name.strip() for name in header), rows, view), None)
        except ValueError as error:
            return str(error)

    def _reasons(self, header: tuple[str, ...], rows: Sequence[Mapping[str, str]], view: View) -> Iterator[str]:
        if self.columns is not None and header != self.columns.texts(view):
            yield f"the columns are {', '.join(header)}, expected {', '.join(self.columns.texts(view))}"
        types = {} if self.types is None else _types(self.types(view))
        totals = () if self.totals is None else self.totals.texts(view)
        for name in (*types, *self.options.distinct, *totals):
            if name not in header:
                yield f"there is no column {name!r}"
                return
        if totals:
            yield from _wrong_totals(header[0], rows, totals)
            rows = rows[:-1]
        yield from self._wrong_count(len(rows), view)
        yield from self._wrong_cells(rows, types)
        for name in self.options.distinct:
            yield from _twice(name, [row[name] for row in rows])

    def _wrong_count(self, count: int, view: View) -> Iterator[str]:
        exactly = None if self.count is None else self.count.whole_number(view)
        if self.count is not None and count != exactly:
            yield f"has {count} rows, expected {exactly}"
        if self.options.min_rows is not None and count < self.options.min_rows:
            yield f"has {count} rows, expected at least {self.options.min_rows}"
        if self.options.max_rows is not None and count > self.options.max_rows:
            yield f"has {count} rows, expected at most {self.options.max_rows}"

    def _wrong_cells(self, rows: Sequence[Mapping[str, str]], types: Mapping[str, str]) -> Iterator[str]:
        for number, row in enumerate(rows, start=1):
            for name, cell in row.items():
                kind = types.get(name)
                if not cell and (self.options.no_empty or kind is not None):
                    yield f"row {number} has nothing under {name!r}"
                elif kind is not None and not _TYPES[kind](cell):
                    yield f"row {number} has {cell!r} under {name!r}, expected {kind}"


def _types(value: Any) -> dict[str, str]:
    """Column to type, from such a map or from the properties of a JSON Schema. Raises `ValueError`."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{describe(value)} is no map from column to type")
    return {name: kind for name, said in value.items() if (kind := _type(name, said)) is not None}


def _type(name: str, said: Any) -> str | None:
    """The type that a word or a JSON Schema says; None when the schema says none."""
    kind: Any = said
    if isinstance(said, Mapping):
        kind = "date" if said.get("format") == "date" else said.get("type")
        if "format" in said and kind != "date":
            raise ValueError(f"cells of {name!r} cannot be checked for the format {said['format']}")
        kind = "text" if kind == "string" else kind
    if kind is not None and kind not in _TYPES:
        raise ValueError(f"{show(kind)} is no type of a column: {name!r}")
    return None if kind is None else str(kind)


def _wrong_totals(label: str, rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> Iterator[str]:
    last = rows[-1] if rows else {}
    if not last.get(label, "").casefold().startswith("total"):
        yield "the last row does not begin with 'Total'"
        return
    for name in names:
        expected = sum(_number(row[name], name) for row in rows[:-1])
        if _number(last[name], name) != expected:
            yield f"the total under {name!r} is {last[name]}, expected {show(expected)}"


def _number(cell: str, name: str) -> Any:
    try:
        return exact(cell)
    except ValueError:
        raise ValueError(f"{cell!r} under {name!r} is no number, so there is no total") from None


def _twice(name: str, cells: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for cell in cells:
        if cell.casefold() in seen:
            yield f"{cell!r} stands twice under {name!r}"
        seen.add(cell.casefold())


def _reads(read: Callable[[str], Any]) -> Callable[[str], bool]:
    def check(cell: str) -> bool:
        try:
            read(cell)
        except ValueError:
            return False
        return True

    return check


def _integer(cell: str) -> None:
    if not isinstance(exact(cell), int) or "." in cell or "/" in cell:
        raise ValueError(cell)


_TYPES: Mapping[str, Callable[[str], bool]] = {
    "text": lambda cell: True,
    "number": _reads(exact),
    "integer": _reads(_integer),
    "date": _reads(read_date),
    "boolean": lambda cell: cell.lower() in ("true", "false", "yes", "no"),
}
