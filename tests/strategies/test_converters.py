from __future__ import annotations

import datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.compiler.workshop import Workshop
from stepflow.notation import Leaf, Node
from stepflow.protocols import Groups
from stepflow.strategies.converters import (
    boolean,
    date,
    duration,
    equation,
    fields,
    integer,
    json,
    money,
    number,
    percent,
    rows,
    text,
    value,
)
from stepflow.strategies.converters import list as items
from stepflow.strategies.converters import set as set_
from stepflow.values import Equation, Linear, NotLinear

TREE = Node("start", (Leaf("WORD", "a"),))


@pytest.mark.parametrize(
    ("plug", "raw", "expected"),
    [
        (text, "  a b ", "a b"),
        (text, Fraction(1, 2), "0.5"),
        (text, (" a ", "b"), ("a", "b")),
        (number, " 1,200 ", 1200),
        (number, "twenty-five", 25),
        (number, "0.1", Fraction(1, 10)),
        (number, Fraction(30), 30),
        (number, ("1", "two"), (1, 2)),
        (integer, "1.2 million", 1_200_000),
        (integer, "three", 3),
        (integer, 7, 7),
        (boolean, " Yes", True),
        (boolean, "off", False),
        (boolean, True, True),
        (items, "name, age and city", ("name", "age", "city")),
        (items, "`a`, 'b', and \"c\"\nd; e", ("a", "b", "c", "d", "e")),
        (items, "android", ("android",)),
        (items, ["a ", " b"], ("a", "b")),
        (items, (1, "x"), (1, "x")),
        (json, '{"a": [1, 2.0]}', {"a": (1, Fraction(2))}),
        (json, {"a": [1]}, {"a": (1,)}),
        (value, [1, "a"], (1, "a")),
        (value, "EUR", "EUR"),
        (fields, Groups(a="x", b="y"), {"a": "x", "b": "y"}),
        (date, "2026-03-04", datetime.date(2026, 3, 4)),
        (date, "2026/3/4", datetime.date(2026, 3, 4)),
        (date, "4th of March 2026", datetime.date(2026, 3, 4)),
        (date, "Wednesday, March 4, 2026", datetime.date(2026, 3, 4)),
        (date, "Sept. 4 2026", datetime.date(2026, 9, 4)),
        (date, "25/12/2026", datetime.date(2026, 12, 25)),
        (date, "12/25/2026", datetime.date(2026, 12, 25)),
        (date, "03.03.2026", datetime.date(2026, 3, 3)),
        (date, datetime.date(2026, 3, 4), datetime.date(2026, 3, 4)),
        (money, " $1,200.50 ", {"amount": Fraction(2401, 2), "currency": "USD"}),
        (money, {"amount": 5, "currency": "EUR"}, {"amount": 5, "currency": "EUR"}),
        (duration, "1 h 30 min", {"months": 0, "seconds": 5400}),
        (duration, {"months": 3, "seconds": 0}, {"months": 3, "seconds": 0}),
        (percent, "15 %", 15),
        (percent, "twelve percent", 12),
        (percent, ("1%", "2.5%"), (1, Fraction(5, 2))),
        (rows, "a,b\n1,2\n", ({"a": "1", "b": "2"},)),
        (rows, "```csv\na,b\n1,2\n```", ({"a": "1", "b": "2"},)),
        (rows, "| a | b |\n|---|---|\n| 1 | 2 |", ({"a": "1", "b": "2"},)),
        (rows, ({"a": "1"},), ({"a": "1"},)),
        (set_, ("b", "A", "b "), ("A", "b")),
    ],
)
def test_a_raw_value_becomes(plug: Any, raw: Any, expected: Any) -> None:
    converted = plug.convert(raw, str(raw))
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("plug", "raw", "reason"),
    [
        (number, "4 apples", "is not a number"),
        (number, "50%", "is a percentage, not a number"),
        (number, True, "truth value"),
        (number, {"a": 1}, "expected text"),
        (integer, "2.5", "2.5 is not a whole number"),
        (integer, Fraction(30), "expected text to read as a whole number"),
        (integer, True, "expected text"),
        (boolean, "1", "neither true nor false"),
        (items, " , ", "lists nothing"),
        (set_, "a, b", "no list of texts"),
        (set_, (1, 2), "no list of texts"),
        (json, "{'a': 1}", "double quotes"),
        (fields, "a b", "no parts"),
        (equation, "x = 1", "parse tree"),
        (date, "03/04/2026", "may be two dates"),
        (date, "3 March 26", "is not a date"),
        (date, "31 February 2026", "day is out of range"),
        (date, "Monday, 4 March 2026", "is a Wednesday"),
        (money, "12", "is not an amount"),
        (money, "$5-$10", "range or a choice"),
        (money, "$5 each", "is not an amount"),
        (duration, "90", "is not a duration"),
        (duration, "5m", "minutes, months or metres"),
        (percent, "0.15", "is not a percentage"),
        (percent, "x%", "is not a number"),
        (rows, "just text", "one column"),
        (rows, "a,b\n1,2,3", "row 1 has 3 fields"),
        (rows, "| a | b |\n|---|---|\n| 1 | 2 |\n\nmore", "text beside"),
        (rows, "x\n```csv\na,b\n```", "text beside"),
        (date, "4 Smarch 2026", "is not a date"),
    ],
)
def test_a_converter_declines(plug: Any, raw: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        plug.convert(raw, str(raw))


@pytest.mark.parametrize(("plug", "expected"), [(text, "12 a"), (value, " 12 a "), (items, ("12 a",))])
def test_a_tree_gives_the_text_it_covers(plug: Any, expected: Any) -> None:
    assert plug.convert(TREE, " 12 a ") == expected


def test_fields_of_a_tree_are_its_sub_rules(context: Workshop) -> None:
    tree = context.grammar("pair").parse("5 square metres")
    assert fields.convert(tree, "5 square metres") == {"amount": "5", "unit": "square metres"}


def test_repeated_sub_rules_give_a_list() -> None:
    tree = Node("start", (Node("item", (Leaf("W", "a"),)), Node("item", (Leaf("W", "b"),)), Leaf("END", ".")))
    assert fields.convert(tree, "a b.") == {"item": ("a", "b"), "end": "."}


def linear(constant: str = "0", **terms: str) -> Linear:
    return Linear.of({name: Fraction(factor) for name, factor in terms.items()}, Fraction(constant))


@pytest.mark.parametrize(
    ("source", "sides"),
    [
        ("2x + 3 = 11", (linear("3", x="2"), linear("11"))),
        ("-(x - 0.5) = 1/3", (linear("0.5", x="-1"), linear("1/3"))),
        ("2(x + 1) / 4 = y", (linear("1/2", x="1/2"), linear(y="1"))),
        ("x = 8/2 = 4", (linear(x="1"), linear("4"), linear("4"))),
    ],
)
def test_an_equation_is_exact(context: Workshop, source: str, sides: tuple[Linear, ...]) -> None:
    found = equation.convert(context.grammar("equation").parse(source), f" {source} ")
    assert found == Equation(sides)
    assert found.text == source


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-(10**6), 10**6))
def test_an_equation_means_what_is_written(context: Workshop, a: int, b: int, c: int) -> None:
    source = f"{a}x + {b} = {c}"
    found = equation.convert(context.grammar("equation").parse(source), source)
    assert found.sides == (linear(str(b), x=str(a)), linear(str(c)))


@pytest.mark.parametrize("source", ["x*x = 4", "1/x = 4", "x/0 = 1"])
def test_what_is_not_linear_is_declined(context: Workshop, source: str) -> None:
    with pytest.raises(NotLinear):
        equation.convert(context.grammar("equation").parse(source), source)


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        (Node("start", (Node("power", (Leaf("N", "2"), Leaf("N", "3"))), Leaf("N", "8"))), "'power' with 2 parts"),
        (Node("start", (Leaf("N", "2"),)), "no equals sign"),
        (Node("add", (Leaf("N", "2"), Leaf("N", "3"))), "no equals sign"),
        (Node("start", (Leaf("N", "2 apples"), Leaf("N", "3"))), "not a number"),
    ],
)
def test_a_tree_that_is_no_equation_is_declined(tree: Node, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        equation.convert(tree, "2")


def test_deep_trees_are_declined() -> None:
    tree: Node | Leaf = Leaf("N", "1")
    for _ in range(500):
        tree = Node("neg", (tree,))
    with pytest.raises(ValueError, match="nests deeper"):
        equation.convert(Node("start", (tree, tree)), "")
