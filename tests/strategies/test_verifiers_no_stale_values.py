from __future__ import annotations

import datetime
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.compiler.workshop import Workshop
from stepflow.protocols import View
from stepflow.strategies.converters import equation
from stepflow.strategies.verifiers import no_stale_values

Make = Callable[..., Any]


def view(text: str, old: dict[str, Any], new: dict[str, Any], prompt: str = "", **more: Any) -> View:
    cached = {"constraints": old, "let": {}, "prompt": ""}
    return View(text, {**new, "constraints": new, "prompt": prompt, "cached": cached, **more})


@pytest.mark.parametrize(
    ("old", "new", "text", "left"),
    [
        (11, 12, "It makes 11.", "11"),
        (11, 12, "It makes eleven.", "eleven"),
        (1200, 12, "It makes 1,200 or so.", "1,200"),
        (1_200_000, 12, "About 1.2 million.", "1.2 million"),
        (Fraction(1, 2), 12, "That is 50%.", "50%"),
        (50, 12, "That is 50 %.", "50 %"),
        (Fraction(7, 2), 12, "x = 7/2", "7/2"),
        (7, 12, "x = 7/2", "7/2"),
        (Fraction(7, 2), 12, "x = 3.50", "3.50"),
        (-4, 4, "x = -4", "4"),
        (3, -3, "and 3 more", "3"),
        (3, 12, "11 - 3", "3"),
        (-3, 12, "11 - 3", "3"),
        (3, 12, "user3", "3"),
        ("Rex", "Ben", "a dog called rex", "rex"),
        ("New York", "Rome", "in New  York", "New  York"),
        ("x", "y", "so 2x is", "x"),
        (("name", "email"), ("name", "age"), '{"email": 1}', "email"),
        ({"unit": "km", "amount": 5}, {"unit": "m", "amount": 5}, "5km", "km"),
        ("5 km", "6 km", "five kilometres", "five"),
        (datetime.date(2026, 3, 4), datetime.date(2026, 3, 5), "due on March 4, 2026", "March 4"),
        ("21:05", "20:45", "It arrives at 9:05 pm.", "9"),
        ("21:00", "20:45", "It arrives at 9 pm.", "9"),
        ("12:00", "20:45", "It arrives at noon.", "noon"),
        ("Rex", "Rex Junior", "Rex Junior and Rex", "Rex"),
    ],
)
def test_a_leftover_is_found_however_it_is_written(make: Make, old: Any, new: Any, text: str, left: str) -> None:
    reason = make(no_stale_values).verify(view(text, {"it": old}, {"it": new}))
    assert reason == f"{left!r} is left over from the cached request"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (11, 12, "It makes 12."),
        (11, 12, "It makes 110 or 1.1"),
        (11, 11, "It makes 11."),
        (-4, 4, "x = 4"),
        (4, -4, "x = -4"),
        (3, Fraction(7, 2), "x = 7/2"),
        (7, Fraction(7, 2), "x = 7/2"),
        ("Rex", "Rex Junior", "Rex Junior"),
        ("net", "web", "network"),
        ("X", "y", "so 2x is"),
        ("a", "C", "vitamin C"),
        (("a1", "b1"), ("b1", "c1"), "b1, c1"),
        ((2, 3), (3, 2), "x = -2"),
        (True, False, "true"),
        (None, 3, "none"),
        (datetime.date(2026, 3, 4), datetime.date(2026, 3, 5), "March 5, 2026"),
    ],
)
def test_new_values_and_other_words_are_no_leftovers(make: Make, old: Any, new: Any, text: str) -> None:
    assert make(no_stale_values).verify(view(text, {"it": old}, {"it": new})) is None


def test_an_equation_leaves_its_numbers_and_letters(make: Make, context: Workshop) -> None:
    def read(source: str) -> Any:
        return equation.convert(context.grammar("equation").parse(source), source)

    verifier = make(no_stale_values)
    old, new = {"equation": read("2x + 3 = 11")}, {"equation": read("2y + 5 = 17")}
    assert verifier.verify(view("Subtract 5: 2y = 12", old, new)) is None
    assert verifier.verify(view("Subtract 3: 2y = 12", old, new)) == "'3' is left over from the cached request"
    assert verifier.verify(view("Subtract 5: 2x = 12", old, new)) == "'x' is left over from the cached request"


def test_a_fresh_answer_has_nothing_to_be_left_over(make: Make) -> None:
    assert make(no_stale_values).verify(View("11", {"it": 12, "constraints": {"it": 12}})) is None


def test_numbers_of_the_new_prompt_may_stand(make: Make) -> None:
    assert make(no_stale_values).verify(view("11 of 12", {"it": 11}, {"it": 12}, prompt="Not eleven but 12?")) is None


def test_ignored_names_may_stay(make: Make) -> None:
    assert make(no_stale_values, ignore=["it"]).verify(view("11", {"it": 11}, {"it": 12})) is None


def test_values_of_let_count_as_well(make: Make) -> None:
    names = {"it": 1, "twice": 2, "cached": {"constraints": {"it": 1}, "let": {"twice": 9}}}
    assert make(no_stale_values).verify(View("9", names)) is not None


@pytest.mark.parametrize(
    ("text", "more", "passes"),
    [
        ("1. a\n2. b\n3. c", {}, True),
        ("**Step 1:** a\n**Step 2:** b\n**Step 3:** c", {}, True),
        ("1. a\n2. b\n3. c\n3. d", {}, False),
        ("1. a\n3. b", {}, False),
        ("3. a\n4. b", {}, False),
        ("1. a\n2. b\n(3)", {}, False),
        ("3. left", {"step": {}}, False),
    ],
)
def test_markers_that_count_on_are_no_values(make: Make, text: str, more: dict[str, Any], passes: bool) -> None:
    reason = make(no_stale_values).verify(view(text, {"it": 3}, {"it": 7}, **more))
    assert (reason is None) is passes


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(["{}", "{:,}", "x={}", "({})", "{}.0", "n-{}."]))
def test_no_whole_number_survives_in_any_form(context: Workshop, old: int, new: int, form: str) -> None:
    verifier = no_stale_values.build(no_stale_values.Options(), context)
    passes = verifier.verify(view(form.format(old), {"it": old}, {"it": new})) is None
    assert passes is (old == new)
