import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.config.suggest import did_you_mean, nearest

KEYS = ["pattern", "has_keys", "has_keys_from", "type", "when", "find", "verify", "repair", "first", "last", "lines"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("patern", "pattern"),
        ("pattren", "pattern"),
        ("PATTERN", "pattern"),
        ("has_key_from", "has_keys_from"),
        ("has_key", "has_keys"),
        ("tpye", "type"),
        ("fist", "first"),
        ("line", "lines"),
        ("verfiy", "verify"),
    ],
)
def test_a_misspelt_word_is_recognised(word, meant):
    assert nearest(word, KEYS) == meant


@pytest.mark.parametrize("word", ["", "x", "on", "frob", "prompt", "temperature", "assert"])
def test_nothing_silly_is_suggested(word):
    assert nearest(word, KEYS) is None
    assert did_you_mean(word, KEYS) == ()


def test_the_nearer_of_two_is_suggested():
    assert did_you_mean("has_keysfrom", KEYS) == ("did you mean 'has_keys_from'?",)


def test_the_word_itself_is_no_suggestion():
    assert did_you_mean("type", KEYS) == ()


@given(st.text(max_size=12), st.lists(st.text(max_size=12), max_size=5))
def test_a_suggestion_is_one_of_the_choices_and_does_not_depend_on_their_order(word, choices):
    near = nearest(word, choices)
    assert near is None or near in choices
    assert near == nearest(word, list(reversed(choices)))
