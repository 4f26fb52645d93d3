"""Functions on ordered lists and on tables: lists of rows, each a map."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

from stepflow.notation import Missing
from stepflow.numerals import read_number
from stepflow.texts import csv, markdown
from stepflow.values import Number, describe, identity, is_number, normal

MAX_ITEMS = 100_000


def nth(items: Any, position: Any) -> Any:
    """The item at a place of a list, counted from 1. Missing when the list is shorter.

    Examples:
        nth(['a', 'b'], 2) == 'b'
        nth(sentences('One. Two. Three.'), 3) == 'Three.'
        nth([1], 2) | default(0) == 0
    """
    values, place = _list(items, "nth"), _whole(position, "nth")
    if not 1 <= place <= len(values):
        raise Missing(f"nth: there is no item {place}, the list has {len(values)}")
    return values[place - 1]


def from_to(start: Any, end: Any, step: Any = 1) -> tuple[Number, ...]:
    """The numbers from one to another, both of them included; none when the end lies behind the start.

    Examples:
        from_to(1, 4) == [1, 2, 3, 4]
        from_to(10, 0, step=-5) == [10, 5, 0]
        map(n in from_to(1, 4), n ** 2) == [1, 4, 9, 16]
        from_to(2, 1) == []
    """
    first, last, by = (Fraction(_number(each, "from_to")) for each in (start, end, step))
    if by == 0:
        raise ValueError("from_to: the step is 0")
    count = max((last - first) // by + 1, 0)
    if count > MAX_ITEMS:
        raise ValueError(f"from_to: a list of more than {MAX_ITEMS:,} items")
    return tuple(normal(first + by * index) for index in range(count))


def pairs(items: Any) -> tuple[tuple[Any, Any], ...]:
    """Each item of a list with the one behind it; none for a list of fewer than two.

    Examples:
        pairs([1, 2, 3]) == [[1, 2], [2, 3]]
    """
    return tuple(pairwise(_list(items, "pairs")))


def zipped(first: Any, second: Any) -> tuple[tuple[Any, Any], ...]:
    """Each item of a list with the one at the same place of another. Refuses lists of different lengths.

    Examples:
        zipped([1, 2], ['a', 'b']) == [[1, 'a'], [2, 'b']]
    """
    left, right = _list(first, "zipped"), _list(second, "zipped")
    if len(left) != len(right):
        raise ValueError(f"zipped: one list has {len(left)} items, the other {len(right)}")
    return tuple(zip(left, right, strict=True))


def flatten(items: Any) -> tuple[Any, ...]:
    """The items of all lists in a list, one level deep; what is no list stays.

    Examples:
        flatten([[1, 2], 3, [4]]) == [1, 2, 3, 4]
    """
    found = tuple(
        part for each in _list(items, "flatten") for part in (each if isinstance(each, list | tuple) else (each,))
    )
    if len(found) > MAX_ITEMS:
        raise ValueError(f"flatten: a list of more than {MAX_ITEMS:,} items")
    return found


def is_sorted(items: Any, descending: Any = False) -> bool:
    """Whether a list of numbers, of texts or of days never goes down (or never up); equal neighbours may be.

    Examples:
        is_sorted([1, 1, 2])
        not is_sorted([2, 1])
        is_sorted(['b', 'a'], descending=true)
    """
    values = _alike(items, "is_sorted")
    return all(a >= b if descending else a <= b for a, b in pairwise(values))


def is_counting(items: Any, start: Any = 1) -> bool:
    """Whether a list of numbers counts on by one, from `start`. An empty list does not.

    Examples:
        is_counting([1, 2, 3])
        is_counting([4, 5], start=4)
        not is_counting([1, 3])
        not is_counting([])
    """
    values, begin = _list(items, "is_counting"), _whole(start, "is_counting")
    return bool(values) and all(
        is_number(value) and value == expected for expected, value in enumerate(values, start=begin)
    )


def same_order(items: Any, reference: Any) -> bool:
    """Whether the items of a list stand in the order in which a reference lists them; each must be in it, once.

    Examples:
        same_order(['a', 'c'], ['a', 'b', 'c'])
        not same_order(['c', 'a'], ['a', 'b', 'c'])
        not same_order(['a', 'x'], ['a', 'b', 'c'])
    """
    places = {identity(each): place for place, each in reversed([*enumerate(_list(reference, "same_order"))])}
    found = [places.get(identity(each)) for each in _list(items, "same_order")]
    if None in found:
        return False
    known = [place for place in found if place is not None]
    return all(a < b for a, b in pairwise(known))


def running_totals(items: Any) -> tuple[Number, ...]:
    """For each number of a list, the sum up to it.

    Examples:
        running_totals([1, 2, 3]) == [1, 3, 6]
    """
    numbers = [Fraction(_number(each, "running_totals")) for each in _list(items, "running_totals")]
    return tuple(normal(each) for each in accumulate(numbers))


def column(rows: Any, name: Any) -> tuple[Any, ...]:
    """What a table holds under a column's name, from top to bottom. Missing when a row lacks it.

    Examples:
        column([{'a': 1}, {'a': 2}], 'a') == [1, 2]
    """
    found = []
    for number, row in enumerate(_list(rows, "column"), start=1):
        if not isinstance(row, Mapping):
            raise ValueError(f"column: row {number} is {describe(row)}, not a map")
        if not isinstance(name, str) or name not in row:
            raise Missing(f"column: row {number} has no {describe(name)}")
        found.append(row[name])
    return tuple(found)


def total(rows: Any, name: Any) -> Number:
    """The sum of a table's column; texts are read as numbers ('1,200'). Refuses cells that are no number.

    Examples:
        total([{'price': 2}, {'price': '0.50'}], 'price') == 2.5
        total([], 'price') == 0
    """
    return normal(sum((Fraction(_cell(each)) for each in column(rows, name)), Fraction(0)))


def where(rows: Any, name: Any, value: Any) -> tuple[Any, ...]:
    """The rows of a table that hold a value under a column's name.

    Examples:
        where([{'a': 1, 'b': 2}, {'a': 3, 'b': 4}], 'a', 3) == [{'a': 3, 'b': 4}]
    """
    wanted = identity(value)
    cells = column(rows, name)
    return tuple(row for row, cell in zip(_list(rows, "where"), cells, strict=True) if identity(cell) == wanted)


def table_row(row: Any, header: Any, delimiter: Any = ",") -> Mapping[str, str]:
    """A line of a table as a map from the names of its header to its cells. Refuses a line of another width.

    Markdown where the header begins with a bar, else comma-separated values. The header may have its line of dashes.

    Examples:
        table_row('tea,2.5', 'item,price') == {'item': 'tea', 'price': '2.5'}
        table_row('| 2.5 | tea |', '| price | item |').item == 'tea'
        table_row('tea;"2;5"', 'item;price', ';').price == '2;5'
    """
    if not all(isinstance(each, str) for each in (row, header, delimiter)):
        raise ValueError(f"table_row: {describe(row)}, {describe(header)} and {describe(delimiter)} must be texts")
    if len(delimiter) != 1:
        raise ValueError(f"table_row: the delimiter is one character, not {describe(delimiter)}")
    if header.lstrip().startswith("|"):
        names, *below = [tuple(markdown.cells(line)) for line in header.strip().splitlines()]
        lines = [tuple(markdown.cells(line)) for line in row.strip().splitlines()]
    else:
        names, *below = [line.fields for line in csv.scan(header, delimiter)] or [()]
        lines = [line.fields for line in csv.scan(row, delimiter)]
    if len(below) > 1 or any(cell.strip("-: ") for line in below for cell in line):
        raise ValueError(f"table_row: {describe(header)} is not one header")
    if len(lines) != 1:
        raise ValueError(f"table_row: {describe(row)} is not one line of a table")
    return csv.records([names, *lines])[0]


def _cell(value: Any) -> Number:
    if isinstance(value, str):
        return read_number(value)
    return _number(value, "total")


def _alike(items: Any, function: str) -> Sequence[Any]:
    values = _list(items, function)
    for fits in (is_number, lambda each: isinstance(each, str), lambda each: isinstance(each, datetime.date)):
        if all(map(fits, values)):
            return values
    raise ValueError(f"{function}: the list must hold numbers only, texts only or days only")


def _list(value: Any, function: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{function}: {describe(value)} is not a list")
    return value


def _number(value: Any, function: str) -> Number:
    if not is_number(value):
        raise ValueError(f"{function}: {describe(value)} is not a number")
    return value  # type: ignore[no-any-return]


def _whole(value: Any, function: str) -> int:
    number = _number(value, function)
    if not isinstance(number, int):
        raise ValueError(f"{function}: {describe(value)} is not a whole number")
    return number


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "nth": nth,
    "from_to": from_to,
    "pairs": pairs,
    "zipped": zipped,
    "flatten": flatten,
    "is_sorted": is_sorted,
    "is_counting": is_counting,
    "same_order": same_order,
    "running_totals": running_totals,
    "column": column,
    "table_row": table_row,
    "total": total,
    "where": where,
}
