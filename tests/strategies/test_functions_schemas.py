from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from stepflow.strategies.functions.schemas import brief
from stepflow.values import encode_plain

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.sampled_from(
    [{}, {"type": "string"}, {"type": "integer"}, {"type": ["string", "null"]}, {"enum": ["x" * 50]}, {"const": 1}]
)


def _larger(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    members = st.dictionaries(NAMES, inner, min_size=1)
    return st.one_of(
        members.map(lambda each: {"type": "object", "properties": each, "required": list(each)}),
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 5)),
        st.lists(inner, min_size=1, max_size=2).map(lambda each: {"anyOf": each}),
    )


SCHEMAS = st.recursive(SCALARS, _larger, max_leaves=6)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 9), st.sampled_from(["", "x", "x" * 40, "x" * 41, "x" * 50])),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(NAMES, inner)),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, VALUES)
def test_what_the_brief_schema_takes_the_whole_one_takes_too(schema: dict[str, Any], value: Any) -> None:
    if Draft202012Validator(encode_plain(brief(schema))).is_valid(value):
        assert Draft202012Validator(schema).is_valid(value)


OBJECT = {"type": "object", "properties": {"a": {}, "b": {"type": "array"}, "c": {"type": "string"}}}
LONG = [
    ({"a": "x" * 41}, False),
    ({"a": ["x"]}, False),
    ({"a": {"b": 1}}, False),
    ({"b": ["x"] * 4}, False),
    ({"b": [["x"]]}, False),
    ({"b": ["x" * 41]}, False),
    ({"c": "x" * 41}, False),
    ({"a": "x" * 40, "b": ["x", 1, None], "c": "x" * 40}, True),
    ({"a": None}, True),
]


@pytest.mark.parametrize(("value", "taken"), LONG)
def test_a_brief_schema_takes_short_values_only(value: Any, taken: bool) -> None:
    assert Draft202012Validator(encode_plain(brief(OBJECT))).is_valid(value) is taken


BOUNDED = [
    ({"type": "array", "minItems": 5}, "maxItems", 5),
    ({"type": "array", "maxItems": 9}, "maxItems", 9),
    ({"type": "string", "minLength": 60}, "maxLength", 60),
    ({"type": "string", "maxLength": 90}, "maxLength", 90),
]


@pytest.mark.parametrize(("schema", "key", "value"), BOUNDED)
def test_a_limit_of_the_schema_itself_stays(schema: dict[str, Any], key: str, value: int) -> None:
    assert brief(schema)[key] == value


@pytest.mark.parametrize("arguments", [("x",), (None,), ({}, 0), ({}, "40"), ({}, True)])
def test_brief_refuses_what_it_cannot_make_brief(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"^brief: "):
        brief(*arguments)
