"""`table_row`: one line of a table by the names of its header; what it reads stands in its documentation."""

from __future__ import annotations

import pytest

from stepflow.strategies.functions.sequences import table_row


@pytest.mark.parametrize("header", ["| a | b |", "| a | b |\n|---|:-:|", "|a|b|\n|-|-|\n", "  | a | b |"], ids=repr)
def test_the_line_of_dashes_belongs_to_the_header(header: str) -> None:
    assert table_row("| 1 | x \\| y |", header) == {"a": "1", "b": "x | y"}


@pytest.mark.parametrize(
    ("row", "header", "delimiter", "reason"),
    [
        ("1", "a,b", ",", "1 fields, the header has 2"),
        ("1,2,3", "a,b", ",", "3 fields, the header has 2"),
        ("| 1 | 2 |", "a,b", ",", "the header has 2"),
        ("| 1 |", "| a | b |", ",", "the header has 2"),
        ("1,2\n3,4", "a,b", ",", "not one line"),
        ("", "a,b", ",", "not one line"),
        ("1,2", "a,a", ",", "twice"),
        ("1,2", "a,", ",", "no name"),
        ("1,2", "", ",", "header"),
        ("3,4", "a,b\n1,2", ",", "not one header"),
        ("| 3 | 4 |", "| a | b |\n|---|---|\n| 1 | 2 |", ",", "not one header"),
        ('"1,2', "a,b", ",", "does not end"),
        ("1,2", "a,b", ";;", "one character"),
        (1, "a,b", ",", "must be texts"),
    ],
)
def test_what_is_not_one_row_of_this_header_is_refused(
    row: object, header: object, delimiter: object, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        table_row(row, header, delimiter)
