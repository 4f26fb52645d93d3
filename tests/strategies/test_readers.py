from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stepflow.compiler.workshop import Workshop
from stepflow.protocols import Groups
from stepflow.strategies.readers import json, jsonpath, keywords, lark, regex, whole

Make = Callable[..., Any]


def read(reader: Any, text: str) -> list[tuple[str, Any]]:
    return [(text[found.start : found.end], found.raw) for found in reader.read(text)]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"for (?P<value>[a-z])\b", "for x, for y", [("x", "x"), ("y", "y")]),
        (r"(?P<name>[a-z])=(?P<value>\d)", "x=1", [("x=1", {"name": "x", "value": "1"})]),
        (r"(?P<a>x)|(?P<b>y)", "y", [("y", {"b": "y"})]),
        (r"\d+", "1 22", [("1", "1"), ("22", "22")]),
        (r"\d*", "ab", []),
        (r"x(?P<value>y)?", "x", []),
    ],
)
def test_regex_reads_the_value_the_groups_or_the_match(make: Make, pattern: str, text: str, expected: Any) -> None:
    assert read(make(regex, pattern=pattern), text) == expected


def test_several_named_groups_are_groups_and_not_a_json_object(make: Make) -> None:
    (found,) = make(regex, pattern=r"(?P<a>x)(?P<b>y)").read("xy")
    assert isinstance(found.raw, Groups)


def test_lark_reads_the_longest_parses_in_prose(make: Make) -> None:
    text = "Solve 2x + 3 = 11 for x, then y = 4."
    assert [span for span, _ in read(make(lark, grammar="equation"), text)] == ["2x + 3 = 11", "y = 4"]


def test_lark_reads_only_behind_what_it_is_told(make: Make) -> None:
    reader = make(lark, grammar="equation", after=r"solve:?")
    assert [span for span, _ in read(reader, "y = 4, solve:  x = 1")] == ["x = 1"]


def test_lark_begins_only_within_candidates(make: Make) -> None:
    reader = make(lark, grammar="equation", within=r"`[^`]*`")
    assert [span for span, _ in read(reader, "y = 4 but `x = 1`")] == ["x = 1"]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("x^2 + 3x = 4", {"not_preceded_by": r"\^"}),
        ("2x + 3 = 11 > 5", {"not_followed_by": r"[<>]"}),
        ("2x + 3 = 11  \t> 5", {"not_followed_by": r"[<>]"}),
    ],
)
def test_lark_refuses_a_part_of_something_longer(make: Make, text: str, options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="only part of something longer"):
        read(make(lark, grammar="equation", **options), text)


def test_lark_does_not_look_beyond_the_line_for_what_must_not_follow(make: Make) -> None:
    reader = make(lark, grammar="equation", not_followed_by="-")
    assert len(read(reader, "x = 4\n- be brief")) == 1


def test_lark_takes_one_kind_of_place() -> None:
    with pytest.raises(ValidationError, match="exclude each other"):
        lark.Options(grammar="equation", after="a", within="b")


@pytest.mark.parametrize(
    ("options", "text", "raws"),
    [
        ({"words": ["red", "dark red"]}, "Dark  RED or red, not reddish", ["dark red", "red"]),
        ({"table": "units"}, "5km are 3 square metres, 2 m", ["km", "m"]),
    ],
)
def test_keywords_are_read_as_listed(make: Make, options: dict[str, Any], text: str, raws: list[str]) -> None:
    assert [raw for _, raw in read(make(keywords, **options), text)] == raws


@pytest.mark.parametrize("options", [{}, {"words": ["a"], "table": "units"}, {"words": []}, {"words": [" "]}])
def test_keywords_need_one_source_of_words(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        keywords.Options(**options)


def test_json_reads_each_embedded_value_as_a_value(make: Make) -> None:
    text = 'a {"x": [1, 2.0]} b {bad} [3]'
    assert read(make(json), text) == [('{"x": [1, 2.0]}', {"x": (1, Fraction(2))}), ("[3]", (3,))]
    assert read(make(json, root="array"), text) == [("[3]", (3,))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (' "a b": {"c": [1]} ', [('"a b": {"c": [1]}', {"key": "a b", "value": {"c": (1,)}})]),
        ('"a": null', [('"a": null', {"key": "a", "value": None})]),
        ('"a": 1, "b": 2', []),
        ('{"a": 1}', []),
        ('"a"', []),
        ('"a": 1 and more', []),
        ("", []),
    ],
)
def test_json_reads_the_one_member_that_a_text_is(make: Make, text: str, found: list[Any]) -> None:
    assert read(make(json, of="member"), text) == found


def test_json_reads_a_member_whatever_its_value(make: Make) -> None:
    with pytest.raises(ValidationError, match="leave `root` out"):
        json.Options(of="member", root="object")


def test_jsonpath_reads_values_of_the_one_json_in_the_text(make: Make) -> None:
    reader = make(jsonpath, path="$.items[*].id")
    assert [raw for _, raw in read(reader, 'Take {"items": [{"id": 1}, {"id": [2]}]}.')] == [1, (2,)]
    assert read(reader, "nothing here") == []


@pytest.mark.parametrize("text", ["{} {}", '{"items": '])
def test_jsonpath_refuses_broken_or_several_json(make: Make, text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        read(make(jsonpath, path="$"), text)


def test_whole_reads_the_stripped_text(make: Make) -> None:
    assert read(make(whole), " \n a b ") == [("a b", "a b")]
    assert read(make(whole), " \n ") == []


ALL = [
    (regex, {"pattern": r"\w+=(?P<value>\w+)|[a-c]"}),
    (lark, {"grammar": "equation"}),
    (keywords, {"words": ["x", "ab", "b"]}),
    (json, {}),
    (json, {"of": "member"}),
    (whole, {}),
]


@pytest.mark.parametrize(("plug", "options"), ALL)
@given(text=st.text(alphabet='abx=1 +-(){}[]",:\n', max_size=30))
def test_what_is_read_stands_in_order_and_never_overlaps(
    context: Workshop, plug: Any, options: dict[str, Any], text: str
) -> None:
    position = 0
    for found in plug.build(plug.Options(**options), context).read(text):
        assert position <= found.start < found.end <= len(text)
        position = found.end
