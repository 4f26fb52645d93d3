"""Tables of comma-separated values (RFC 4180), with the place of every row.

Strict: a quote inside a bare field, a quoted field that does not end, and text behind one are errors that say where.
A quoted field may hold separators, quotes (doubled) and line breaks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

MAX_CHARS = 1_000_000
Row = Mapping[str, str]

_BREAK = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Line:
    """A row at [start, end) of the text, its line break not included; `fields` are unquoted."""

    start: int
    end: int
    fields: tuple[str, ...]


def scan(text: str, delimiter: str = ",") -> tuple[Line, ...]:
    """The rows of the text, header first; blank lines are passed over. Raises `ValueError` with the line."""
    if len(text) > MAX_CHARS:
        raise ValueError(f"the text has {len(text)} characters, CSV is read up to {MAX_CHARS}")
    quoted, bare = _fields(delimiter)
    rows: list[Line] = []
    position = 0
    while position < len(text):
        start, fields = position, []
        while True:
            value, position = _field(text, position, quoted, bare)
            fields.append(value)
            if not text.startswith(delimiter, position):
                break
            position += len(delimiter)
        line_break = _BREAK.match(text, position)
        if line_break is None and position < len(text):
            raise ValueError(f"{text[position]!r} behind a quoted field (line {_line(text, position)})")
        if len(fields) > 1 or fields[0].strip() or text[start:position].strip():
            rows.append(Line(start, position, tuple(fields)))
        position = line_break.end() if line_break else position
    return tuple(rows)


def records(rows: Sequence[Sequence[str]]) -> tuple[Row, ...]:
    """Rows below a header as maps from column to text. Raises `ValueError` when they do not fit the header."""
    if not rows:
        raise ValueError("there is no header")
    header = [name.strip() for name in rows[0]]
    if not all(header):
        raise ValueError("a column has no name")
    if len(set(header)) < len(header):
        raise ValueError(f"the column {Counter(header).most_common(1)[0][0]!r} stands there twice")
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise ValueError(f"row {number} has {len(row)} fields, the header has {len(header)}")
    return tuple(dict(zip(header, (value.strip() for value in row), strict=True)) for row in rows[1:])


def read_rows(text: str, delimiter: str = ",") -> tuple[Row, ...]:
    """The rows of a text that is one table with a header. Raises `ValueError`."""
    return records([line.fields for line in scan(text.strip(), delimiter)])


def find_tables(text: str, delimiter: str = ",") -> list[tuple[int, int]]:
    """[start, end) of each run of two or more lines that have the same number of fields, at least two.

    For text that holds a table among prose: a blank line ends a run, and so does a line that is no row.
    """
    found: list[tuple[int, int]] = []
    start = end = width = count = 0
    position = 0
    while position < len(text):
        row_end, fields = _one_row(text, position, delimiter)
        if fields < 2 or fields != width:
            if count > 1:
                found.append((start, end))
            start, width, count = position, fields, int(fields > 1)
        else:
            count += 1
        end = row_end
        line_break = _BREAK.match(text, row_end)
        position = line_break.end() if line_break else len(text)
    return [*found, (start, end)] if count > 1 else found


def _one_row(text: str, start: int, delimiter: str) -> tuple[int, int]:
    """Where the row at `start` ends and how many fields it has; 0 fields for a line that is no row."""
    quoted, bare = _fields(delimiter)
    position, count = start, 0
    try:
        while True:
            _, position = _field(text, position, quoted, bare)
            count += 1
            if not text.startswith(delimiter, position):
                break
            position += len(delimiter)
    except ValueError:
        count = 0
    if count and (position == len(text) or _BREAK.match(text, position)):
        return position, count
    line_break = _BREAK.search(text, start)
    return (line_break.start() if line_break else len(text)), 0


@lru_cache(maxsize=16)
def _fields(delimiter: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    if len(delimiter) != 1 or delimiter in '"\r\n ':
        raise ValueError(f"{delimiter!r} cannot separate fields: use one character, not a quote, blank or line break")
    mark = re.escape(delimiter)
    return re.compile(r'[ \t]*"((?:[^"]|"")*+)"[ \t]*' if delimiter != "\t" else r'"((?:[^"]|"")*+)"'), re.compile(
        rf'[^"{mark}\r\n]*+'
    )


def _field(text: str, position: int, quoted: re.Pattern[str], bare: re.Pattern[str]) -> tuple[str, int]:
    match = quoted.match(text, position)
    if match:
        return match[1].replace('""', '"'), match.end()
    plain = bare.match(text, position)
    assert plain is not None
    if text.startswith('"', plain.end()):
        what = "a quote inside a field" if plain.group().strip() else "a quoted field that does not end"
        raise ValueError(f"{what} (line {_line(text, plain.end())})")
    return plain.group(), plain.end()


def _line(text: str, position: int) -> int:
    return len(_BREAK.findall(text, 0, position)) + 1
