from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.texts.quantities import qualified, quantities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("add 5 and twenty-five", [5, 25]),
        ("1,200.50, -3", [Fraction(2401, 2), -3]),
        ("15% and negative 2", [15, -2]),
        ("2 1/2 cups, half a cup", [Fraction(5, 2), Fraction(1, 2)]),
        ("5km, then 3.", [5, 3]),
    ],
)
def test_numbers_are_found_with_their_signs(text: str, expected: list[Any]) -> None:
    found = quantities(text)
    assert [quantity.value for quantity in found] == expected
    assert not any(quantity.doubt for quantity in found)


@pytest.mark.parametrize(
    "text",
    ["1.234,56", "10:30", "v2", "GPT-4", "2026-03-04", "1'200", "3/4/2026", "1.2.3", "the 3rd", "3 and a half",
     "2 dozen", "5 - 3", "a -3", "1,2", "x_1"],
)  # fmt: skip
def test_what_may_be_part_of_something_longer_or_a_subtraction_is_in_doubt(text: str) -> None:
    assert any(quantity.doubt for quantity in quantities(text))


@pytest.mark.parametrize("text", ["5 to 10", "5 or 6", "between 5 and 10", "$5 - $10", "two or three"])
def test_ends_of_a_range_or_choice_are_marked(text: str) -> None:
    assert all(quantity.in_range for quantity in quantities(text))


@pytest.mark.parametrize("text", ["5 and 10", "5, 10", "5 apples to 10 people", "add 5. Or 6"])
def test_other_neighbours_are_no_range(text: str) -> None:
    assert not any(quantity.in_range for quantity in quantities(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at least 5", "at least 5"),
        ("5 or more", "5 or more"),
        ("twice 5", "twice 5"),
        ("half of 5", "half of 5"),
        ("5k", "5k"),
        ("5bn", "5bn"),
        ("5-ish", "5-ish"),
        ("not 5", "not 5"),
        ("5 km", ""),
        ("5m", ""),
        ("by half, 5", ""),
    ],
)
def test_a_bound_a_guess_a_part_and_a_multiple_are_said_so(text: str, said: str) -> None:
    start = text.index("5")
    assert qualified(text, start, start + 1) == said


@given(st.text(alphabet="0123456789.,-–/%:$ \nabEe½two", max_size=40))
def test_spans_are_in_order_and_never_overlap(text: str) -> None:
    spans = [(quantity.start, quantity.end) for quantity in quantities(text)]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(first[1] <= second[1] for first, second in pairwise(spans))
