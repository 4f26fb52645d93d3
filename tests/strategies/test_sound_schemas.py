"""A schema that is right at a glance is right by the schema of schemas, too."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from stepflow.strategies.verifiers.sound_schemas import _SOUND, is_sound

TEXTS = ("", "string", "object", "nothing", "a+", "a(", "(?P<x>.)")
LISTS: tuple[Any, ...] = ([], ["a"], ["a", "a"], ["string", "null"], ["string", "nothing"], [1, 2], [{}], [True])
ALL: tuple[Any, ...] = (True, False, None, 0, 3, -1, 1.5, *TEXTS, *LISTS, {}, {"a": {}}, {"a": "b"})
VALUES = st.sampled_from(ALL)
KEYWORDS = st.sampled_from([*_SOUND, "$ref", "patternProperties", "multipleOf", "unknown"])


def _schemas() -> st.SearchStrategy[Any]:
    def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        nested = st.one_of(
            inner, st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
        )
        return st.dictionaries(KEYWORDS, st.one_of(VALUES, nested), max_size=3)

    return st.recursive(st.one_of(VALUES, st.dictionaries(KEYWORDS, VALUES, max_size=2)), larger, max_leaves=6)


def _is_right(schema: Any) -> bool:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return False
    return True


@settings(max_examples=150)
@given(_schemas())
def test_what_is_sound_is_right(schema: Any) -> None:
    assert not is_sound(schema) or _is_right(schema)


@pytest.mark.parametrize("keyword", _SOUND)
def test_each_keyword_is_judged_as_the_schema_of_schemas_does(keyword: str) -> None:
    for value in ALL:
        assert not is_sound({keyword: value}) or _is_right({keyword: value}), value
    assert any(is_sound({keyword: value}) for value in ALL)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": ("string", "null")}}, "required": ("a",)},
        {"allOf": [{"properties": {"year": {"pattern": "^[0-9]{4}$"}}}], "additionalProperties": False},
        {"properties": {"name": {"type": "string", "const": "order"}}},
        {"type": "array", "items": {"enum": ["a", "b"], "minLength": 1}, "maxItems": 3, "uniqueItems": True},
    ],
)
def test_the_schemas_that_rules_make_are_right_at_a_glance(schema: Any) -> None:
    assert is_sound(schema)


@pytest.mark.parametrize("schema", [{"$ref": "#/$defs/a"}, {"minimum": 0.5}, {1: {}}, "object", {"if": {}}])
def test_what_is_not_plain_is_left_to_the_schema_of_schemas(schema: Any) -> None:
    assert not is_sound(schema)
