import pytest

from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.notations.regexes import compile_regex
from stepflow.notation import RegexMatch


def test_a_match_carries_offsets_and_the_groups_that_took_part():
    pattern = compile_regex(r"(?i)(?P<name>[a-z])\s*=\s*(?P<value>\d+)|(?P<other>zzz)")
    assert pattern.search("so X = 12.") == RegexMatch(
        3, 9, "X = 12", {"name": "X", "value": "12"}, {"name": (3, 4), "value": (7, 9)}
    )


def test_searching_begins_where_it_is_told():
    pattern = compile_regex(r"\bb")
    assert pattern.search("b ab b", 1).start == 5
    assert pattern.search("b", 1) is None
    assert [match.start for match in pattern.finditer("b ab b")] == [0, 5]


def test_full_matches_splits_and_literal_replacements():
    pattern = compile_regex(r"(,)\s*")
    assert pattern.split("a, b,c") == ["a", "b", "c"]
    assert pattern.sub(r"\1", "a, b") == r"a\1b"
    assert compile_regex("a+").fullmatch("aaa").end == 3
    assert compile_regex("a+").fullmatch("aab") is None


@pytest.mark.parametrize("method", ["search", "finditer", "fullmatch", "split"])
def test_a_pattern_that_explodes_is_stopped_and_named(method):
    pattern = compile_regex(r"^(a|a|aa)*$", timeout_s=0.02)
    with pytest.raises(ValueError, match=r"the pattern .* took longer than 0.02 s"):
        getattr(pattern, method)("a" * 60 + "!")


def test_a_substitution_that_explodes_is_stopped():
    with pytest.raises(ValueError, match="took longer"):
        compile_regex(r"^(a|a|aa)*$", timeout_s=0.02).sub("", "a" * 60 + "!")


@pytest.mark.parametrize(
    ("text", "start", "message"),
    [
        ("ab(c", 4, "missing )"),
        ("a**", 2, "multiple repeat"),
        ("[a", 2, "unterminated character set"),
        ("*a", 0, "nothing to repeat"),
        ("(?P<n", 5, "missing >"),
        ("((a{500}){500}){500}", 9, "counted repeats come to 250,000 pieces"),
        ("(" * 5000, 0, "too large"),
        ("x" * 10_001, 0, "more than 10000 characters"),
    ],
)
def test_a_bad_pattern_is_pointed_at(text, start, message):
    with pytest.raises(NotationError) as caught:
        compile_regex(text)
    assert message in caught.value.message
    assert caught.value.start == start


def test_ordinary_counts_are_no_explosion():
    assert compile_regex(r"(?:\d{1,40}-){1,40}[{]{3}\d{4}").search("12-{{{2024") is not None
