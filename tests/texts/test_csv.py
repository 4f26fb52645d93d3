from __future__ import annotations

import csv as standard
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.texts import csv

CELL = st.text(alphabet='ab1,;"\n \t', max_size=6)


@given(st.lists(st.lists(CELL, min_size=2, max_size=3), min_size=1, max_size=4), st.sampled_from([",", ";", "\t"]))
def test_what_the_standard_library_writes_is_read_back(rows: list[list[str]], delimiter: str) -> None:
    out = io.StringIO()
    standard.writer(out, delimiter=delimiter, quoting=standard.QUOTE_ALL).writerows(rows)
    assert [list(line.fields) for line in csv.scan(out.getvalue(), delimiter)] == rows


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('a,b\n"1,2', "a quoted field that does not end (line 2)"),
        ('a,b\n1"2,3', "a quote inside a field (line 2)"),
        ('a,b\n"1"2,3', "'2' behind a quoted field (line 2)"),
        ("a,b\n1,2,3", "row 1 has 3 fields, the header has 2"),
        ("a,a\n1,2", "the column 'a' stands there twice"),
        ("a,\n1,2", "a column has no name"),
        ("", "there is no header"),
    ],
)
def test_a_broken_table_is_refused_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        csv.read_rows(text)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("Data:\n\na,b\n1,2\n\nSum it.", ["a,b\n1,2"]),
        ("a,b\n1,2\n\nc,d\n3,4", ["a,b\n1,2", "c,d\n3,4"]),
        ("a,b\n1,2,3\n4,5", []),
        ('a,b\n"x\ny",2', ['a,b\n"x\ny",2']),
        ("one line, only", []),
    ],
)
def test_tables_are_found_among_prose(text: str, tables: list[str]) -> None:
    assert [text[start:end] for start, end in csv.find_tables(text)] == tables


def test_many_unclosed_quotes_cost_no_time() -> None:
    assert csv.find_tables('"a,' * 20_000) == []
    with pytest.raises(ValueError, match="read up to"):
        csv.scan("a," * csv.MAX_CHARS)
