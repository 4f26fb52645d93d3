"""Functions on patterns: time limits, and texts that are escaped."""

import pytest

from stepflow import patterns
from stepflow.strategies.functions import patterns as functions
from stepflow.strategies.functions.patterns import escape_pattern, find_all, is_pattern, matches, matching


def test_a_pattern_that_takes_too_long_fails_instead_of_hanging():
    with pytest.raises(ValueError, match="took longer"):
        matches(r"(a|a|aa)*$", "a" * 60 + "!")


@pytest.mark.parametrize("bad", ["(", "((a{500}){500}){500}", "*", "x" * 20_000, r"\p{L}", "(?R)", "(ab){e<=1}"])
def test_what_is_no_pattern_is_refused(bad):
    assert not is_pattern(bad)
    with pytest.raises(ValueError, match="matches: "):
        matches(bad, "a")


@pytest.mark.parametrize("text", [r"a.b*c+?", r"\d", "(x|y)", "[a-z]{2}", "^$", "a b # c", "x-y/z", "é~&", "a\nb", ""])
def test_an_escaped_text_matches_itself_and_nothing_else(text):
    pattern = escape_pattern(text)
    assert matching(pattern, [text]) == (text,)
    assert matching(pattern, [text + "x", "x" + text, "zzz"]) == ()


def test_a_pattern_that_has_just_taken_too_long_is_not_tried_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check's message asks what the check has asked."""
    tried: list[str] = []

    def slow(self: patterns.RegexPattern, text: str) -> None:
        tried.append(text)
        raise ValueError("took longer")

    monkeypatch.setattr(patterns.RegexPattern, "fullmatch", slow)
    monkeypatch.setattr(functions, "_SLOW", {})
    for text in ("a", "a", "b"):
        with pytest.raises(ValueError, match="took longer"):
            functions.matches("(x|x)*", text)
    assert tried == ["a", "b"]
    monkeypatch.setattr(functions, "SLOW_S", 0.0)
    with pytest.raises(ValueError, match="took longer"):
        functions.matches("(x|x)*", "a")
    assert tried == ["a", "b", "a"]


def test_find_all_leaves_out_where_the_group_took_no_part():
    assert find_all(r"a(?P<value>\d)?", "a1 a a2") == ("1", "2")


@pytest.mark.parametrize(("pattern", "said"), [("(?P<key>a)", "key: only a group `value`"), ("(", "find_all: ")])
def test_find_all_refuses_what_it_could_not_give_as_texts(pattern, said):
    with pytest.raises(ValueError, match=said):
        find_all(pattern, "a")
