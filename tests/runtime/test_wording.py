"""What `same_words` takes for the same request, and above all what it does not."""

from __future__ import annotations

import pytest

from stepflow.model import Constraint
from stepflow.runtime.wording import skeleton, unread, words

NOTHING: frozenset[str] = frozenset()


def said(prompt: str) -> tuple[str, ...]:
    return words(prompt, NOTHING)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("count the sheep", "Please count the sheep!"),
        ("count the sheep", "Hi! Could you please count the sheep? Thank you very much."),
        ("count the sheep", "I'd like you to count the sheep, thanks in advance"),
        ("count the sheep", "I need you to COUNT   the sheep…"),
        ("count the sheep", "Would you kindly help me count these sheep"),
        ("what is 3.5 + 2", "What's 3.5+2?"),
        ("say “hello”", "say 'hello'"),
        ("use the driver’s seat", "use the driver's seat"),
        ("half-hour walks", "Half-hour walks."),
    ],
)
def test_courtesy_case_and_punctuation_do_not_change_what_is_asked(one: str, other: str) -> None:
    assert said(one) == said(other) != ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("count to 5", "count to -5"),
        ("count to 5", "count to −5"),
        ("count to …", "count to -…"),
        ("is 3.5 enough", "is 35 enough"),
        ("is 3.5 enough", "is 3 5 enough"),
        ("at 12:30", "at 12 30"),
        ("what is 5 - 3", "what is 5 3"),
        ("what is 5 × 3", "what is 5 ÷ 3"),
        ("what is 5!", "what is 5?"),
        ("what is (2+3)*4", "what is 2+(3*4)"),
        ("what is (2 + 3) * 4", "what is 2 + (3 * 4)"),
        ("price in €", "price in $"),
        ("count sheep", "do not count sheep"),
        ("count sheep", "don't count sheep"),
        ("count before lunch", "count after lunch"),
        ("from Rome to Bonn", "from Bonn to Rome"),
        ("what is your name", "what is my name"),
        ("who am I", "who are you"),
        ("states of the US", "states of the"),
        ("the IT department", "the department"),
        ("draw 🐑", "draw 🐕"),
        ("sea level", "sea-level"),
        ("describe plan A", "describe the plan"),
        ("vitamin A, in short", "vitamin, in short"),
    ],
)
def test_signs_numbers_order_and_persons_do(one: str, other: str) -> None:
    assert said(one) != said(other)


def test_ignored_words_are_left_out() -> None:
    assert words("count the big sheep", frozenset({"big"})) == ("count", "sheep")


@pytest.mark.parametrize(
    ("spans", "rest"),
    [
        ([], "count 5 sheep"),
        ([(6, 7)], "count … sheep"),
        ([(0, 7), (6, 7)], "… sheep"),
        ([(8, 13), (6, 7)], "count … …"),
    ],
)
def test_what_was_read_is_left_out_of_the_rest(spans: list[tuple[int, int]], rest: str) -> None:
    assert unread("count 5 sheep", spans, ()) == rest


def test_a_skeleton_says_which_value_stood_where() -> None:
    def of(prompt: str, **spans: tuple[int, int]) -> str:
        return skeleton(prompt, [Constraint(name, 0, (span,)) for name, span in spans.items()])

    assert of("from 3 to 5", a=(5, 6), b=(10, 11)) == of("From 14 to  5", a=(5, 7), b=(12, 13))
    assert of("from 3 to 5", a=(5, 6), b=(10, 11)) != of("from 3 to 5", b=(5, 6), a=(10, 11))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("2x + 3 = 11", "7y + 12 = 0.5", True),
        ("2x+3=11", "2x + 3 = 11", True),
        ("2x − 3 = 11", "2x - 4 = 11", True),
        ("2x + 3 = 11", "3(x + 5) = 36", False),
        ("2x + 3 = 11", "-2x - 3 = -11", True),
        ("2x + 3 = 11", "-(2x + 3) = 11", False),
        ("2x + 3 = 11", "11 = 2x + 3", False),
        ("5", "-1,200.5", True),
        ("a cat", "two dogs", True),
        ("x", "y + z", True),
        ("5 big cats", "2 cats and 3 dogs", True),
    ],
)
def test_a_skeleton_keeps_the_form_of_a_formula_and_nothing_of_other_values(one: str, other: str, alike: bool) -> None:
    def of(value: str) -> str:
        return skeleton(f"do {value} now", [Constraint("value", 0, ((3, 3 + len(value)),))])

    assert (of(one) == of(other)) is alike
