from __future__ import annotations

import json
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow import jsontext

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN, st.sampled_from([None, 2]), st.booleans())
def test_what_json_writes_is_read_back(value: object, indent: int | None, ascii_only: bool) -> None:
    assert jsontext.parse(json.dumps(value, indent=indent, ensure_ascii=ascii_only)) == value


@given(st.text(alphabet='{}[]",:\\ 0123456789.eE+-truefalsn\n', max_size=30))
def test_it_never_accepts_what_json_refuses(text: str) -> None:
    try:
        jsontext.parse(text)
    except ValueError:
        return
    json.loads(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("30", int), ("30.0", Fraction), ("3e1", Fraction), ("-0.10", Fraction)],
)
def test_a_number_is_exact_and_keeps_whether_it_was_written_whole(text: str, kind: type) -> None:
    value = jsontext.parse(text)
    assert type(value) is kind
    assert value == Fraction(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' stands there twice (line 1, column 10)"),
        ('{"a": NaN}', "expected a JSON value, got 'NaN' (line 1, column 7)"),
        ("[1,\n 2,]", "expected a JSON value, got ']' (line 2, column 4)"),
        ("{'a': 1}", 'expected a key in double quotes, got "\'"'),
        ('{"a" 1}', "expected ':', got '1'"),
        ('{"a": 1 "b": 2}', "expected ',' or '}', got '\"'"),
        ('{"a": 1', "the JSON breaks off (line 1, column 8)"),
        ("", "the JSON breaks off"),
        ("01", "more text after the JSON value (line 1, column 2)"),
        ("1 2", "more text after the JSON value"),
        ('"\\ud800"', "invalid escape"),
        ('"\\x"', "invalid escape"),
        ('"a\nb"', "raw control character"),
        ("-", "a number that JSON does not allow"),
        ("٣", "a number that JSON does not allow"),
        ("1e999", "a number of more than 400 digits"),
        ("9" * 500, "a number of more than 400 digits"),
        ("[" * 200 + "]" * 200, "nested deeper than 100"),
        ("{" + " " * 1_000_000, "JSON is read up to 1000000"),
    ],
)
def test_an_error_says_what_and_where(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        jsontext.parse(text)


@pytest.mark.parametrize(
    ("text", "root", "values"),
    [
        ('Here: {"a": 1} and [2].', "any", [{"a": 1}, [2]]),
        ('Here: {"a": 1} and [2].', "array", [[2]]),
        ('```json\n{"a": {"b": 1}}\n```', "object", [{"a": {"b": 1}}]),
        ('[{"a": 1}]', "object", []),
        ("none {here}", "any", []),
        (" true ", "any", [True]),
        ('"a {text}"', "any", ["a {text}"]),
        ("7 dwarfs [1]", "any", [[1]]),
    ],
)
def test_embedded_values_are_the_outermost_of_the_kind(text: str, root: jsontext.Root, values: list[object]) -> None:
    found = jsontext.find_values(text, root)
    assert [value for _, _, value in found] == values
    assert all(jsontext.parse(text[start:end]) == value for start, end, value in found)


@pytest.mark.parametrize(
    ("text", "root", "reason"),
    [
        ("no json", "object", "no JSON object found"),
        ('{"a": 1,}', "object", "no JSON object found: expected a key in double quotes"),
        ("{} {}", "object", "2 JSON objects found, expected exactly one"),
        ("{} [1]", "object", "2 JSON values found, expected exactly one"),
        ('{"a": 1} {"b":', "object", "a stray '{' beside the JSON object (line 1, column 10)"),
        ('{"a": 1}}', "object", "a stray '}' beside the JSON object"),
        ("{'x': [1]}", "array", "a stray '{'"),
    ],
)
def test_extract_wants_exactly_one_value_and_no_other_bracket(text: str, root: jsontext.Root, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        jsontext.extract(text, root)


def test_extract_takes_off_fences_and_prose() -> None:
    text = 'Sure!\n```json\n{"a": [1, 2]}\n```\nEnjoy.'
    start, end, value = jsontext.extract(text, "object")
    assert text[start:end] == '{"a": [1, 2]}'
    assert value == {"a": [1, 2]}


@given(st.dictionaries(st.text(), PLAIN, max_size=4) | st.lists(PLAIN, max_size=4), st.sampled_from([None, 1]))
def test_parts_are_the_members_or_elements(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    parts = [text[start:end] for start, end in jsontext.parts(text)]
    if isinstance(value, dict):
        members = [jsontext.parse("{" + part + "}") for part in parts]
        assert members == [{key: item} for key, item in value.items()]
    else:
        assert [jsontext.parse(part) for part in parts] == value


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (30, Fraction(30), True),
        (True, 1, False),
        ([1, 2], (1, 2), True),
        ({"a": 1, "b": [True]}, {"b": (True,), "a": Fraction(1)}, True),
        ({"a": 1}, {"a": True}, False),
        ("1", 1, False),
    ],
)
def test_sameness_is_json_sameness(left: object, right: object, equal: bool) -> None:
    assert jsontext.same(left, right) is equal


@pytest.mark.parametrize(
    ("value", "name", "holds"),
    [
        (True, "integer", False),
        (True, "number", False),
        (Fraction(30), "integer", False),
        (Fraction(30), "number", True),
        (30, "number", True),
        ((), "array", True),
        (None, "null", True),
        ({}, "object", True),
    ],
)
def test_types_are_strict(value: object, name: jsontext.Type, holds: bool) -> None:
    assert jsontext.has_type(value, name) is holds


def test_many_open_brackets_are_refused_quickly() -> None:
    with pytest.raises(ValueError, match="more than 200 brackets"):
        jsontext.find_values("[[1," * 5_000)
