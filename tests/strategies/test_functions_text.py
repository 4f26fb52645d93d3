"""Functions on text: signs that may mean something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.strategies.functions.text import unknown_signs


@pytest.mark.parametrize("sign", "+*/^=<>|~%&@#$€£°√−×÷🐑")
def test_a_sign_that_may_mean_something_is_unknown_until_it_is_named(sign: str) -> None:
    assert unknown_signs(f"5 {sign}5, ({sign})") == (sign,)
    assert unknown_signs(f"5 {sign}5", "other ", f"x{sign}") == ()
    assert unknown_signs(f"5 {sign}5", ["other", sign]) == ()


@pytest.mark.parametrize(
    "text", ["a - b", "half-time", "5-10", "…", "“a”, 'b' (c) [d] {e}; f: g? h! `i` – j—k", "- milk"]
)
def test_punctuation_is_no_sign(text: str) -> None:
    assert unknown_signs(text) == ()


@pytest.mark.parametrize("text", ["-5", "is -…", "(−5)", "to -5.5", "from …–…"])
def test_a_dash_is_a_sign_before_a_number_or_what_was_read(text: str) -> None:
    assert unknown_signs(text) in (("-",), ("−",), ("–",))
    assert unknown_signs(text, "-−–") == ()


@given(st.text())
def test_what_is_named_is_never_unknown(text: str) -> None:
    assert unknown_signs(text, text) == ()


def test_only_texts_have_signs() -> None:
    for wrong in ((5,), ("a", 5), ("a", ["b", 5])):
        with pytest.raises(ValueError, match="unknown_signs: the number 5 is not a text"):
            unknown_signs(*wrong)
