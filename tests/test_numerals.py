from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.numerals import numerals, read_number, read_percent
from stepflow.strategies.converters.number import convert
from stepflow.strategies.functions.arithmetic import mixed, number
from stepflow.values import show


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,200", 1200),
        ("-3.5", Fraction(-7, 2)),
        ("− 4", -4),
        ("7/2", Fraction(7, 2)),
        ("2 1/2", Fraction(5, 2)),
        ("2½", Fraction(5, 2)),
        ("1e3", 1000),
        ("1.2 million", 1_200_000),
        ("two", 2),
        ("Twenty-Five", 25),
        ("two hundred and five", 205),
        ("three million two hundred thousand and five", 3_200_005),
        ("six hundred million", 600_000_000),
        ("a hundred", 100),
        ("minus two", -2),
        ("half", Fraction(1, 2)),
        ("two and a half", Fraction(5, 2)),
    ],
)
def test_a_number_is_read_however_it_is_written(text: str, value: object) -> None:
    assert read_number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 4",
        "two and three",
        "one two",
        "nineteen eighty",
        "50%",
        "1.2.3",
        "hundred",
        "someone",
        "3/0",
        "4 apples",
    ],
)
def test_what_is_not_one_number_is_declined(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|zero"):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("2x + 3 = 11", [{2}, {3}, {11}]),
        ("x = -4", [{-4}]),
        ("8 - 4", [{8}, {4, -4}]),
        ("it is -4", [{4, -4}]),
        ("50%", [{50, Fraction(1, 2)}]),
        ("of 1,2 and 3", [{1}, {2}, {3}]),
        ("a tent for ten", [{10}]),
        ("negative eleven", [{-11}]),
    ],
)
def test_running_text_gives_every_reading(text: str, readings: list[set[object]]) -> None:
    assert [set(found.readings) for found in numerals(text)] == readings


@pytest.mark.parametrize(("text", "parts"), [("7/2", {7, 2}), ("1,200", {1, 200}), ("1.2.3", {Fraction(6, 5), 3})])
def test_a_composed_number_tells_what_it_is_written_with(text: str, parts: set[object]) -> None:
    (found,) = numerals(text)
    assert set(found.parts) == parts


@given(st.fractions())
def test_every_fraction_is_read_back(value: Fraction) -> None:
    assert read_number(str(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("15%", 15), ("2 1/2 percent", Fraction(5, 2)), ("minus ten per cent", -10), ("1,000 pct.", 1000)],
)
def test_a_percentage_is_read_by_its_sign_and_is_no_number(text: str, value: object) -> None:
    assert read_percent(text) == value
    with pytest.raises(ValueError, match="is a percentage, not a number"):
        read_number(text)


def test_what_has_no_percent_sign_is_no_percentage() -> None:
    with pytest.raises(ValueError, match="'15' is not a percentage; write it as 15%"):
        read_percent("15")


@given(st.fractions() | st.integers())
def test_a_number_is_read_back_as_it_is_shown_and_as_a_mixed_number(value: Fraction | int) -> None:
    assert number(show(value)) == value
    assert number(mixed(value)) == value
    assert convert(mixed(value), "") == value


@given(st.text(alphabet="0123456789.,/%-−½ eEandhundredmilotw", max_size=12))
def test_the_function_and_the_converter_read_the_same(text: str) -> None:
    outcomes = []
    for read in (number, lambda text: convert(text, text)):
        try:
            outcomes.append(read(text))
        except ValueError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


@given(st.text(alphabet="0123456789.,/%-−½ eEand hundremilotw", max_size=40))
def test_numerals_are_in_order_and_never_overlap(text: str) -> None:
    position = 0
    for found in numerals(text):
        assert position <= found.start < found.end <= len(text)
        position = found.end


def test_endless_digits_are_passed_over() -> None:
    assert list(numerals("9" * 5000)) == []
