from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from stepflow.notation import Missing
from stepflow.protocols import View
from stepflow.strategies.verifiers import (
    contains,
    excludes,
    expr,
    json,
    json_schema,
    jsonpath,
    lark,
    length,
    not_regex,
    one_of,
    regex,
    step_count,
)

Make = Callable[..., Any]
PERSON = '{"name": "Ann", "age": 30, "tags": ["a", "b"], "score": 30.0, "ok": true, "none": null}'
NEEDY = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["name", "age"]}
NAMES: dict[str, Any] = {
    "answer": {"value": 4, "text": "four words stand here"},
    "words": ("alpha", "beta"),
    "none_at_all": (),
    "blank": ("",),
    "two": 2,
    "half": "x",
    "keys": ("name", "age"),
    "all_keys": {"name": 1, "age": 1, "tags": 1, "score": 1, "ok": 1, "none": 1},
    "steps": ("s1", "s2"),
    "schema": {"type": "object", "required": ("name",), "properties": {"age": {"maximum": 31}}},
    "far": {"$ref": "https://example.org/schema.json"},
    "wrong": {"type": "nonsense"},
}

PASSES: list[tuple[Any, dict[str, Any], str]] = [
    (expr, {"assert": "answer.value == 4"}, ""),
    (regex, {"pattern": r"\btotal\b"}, "the total"),
    (regex, {"pattern": "^four", "of": "answer.text"}, ""),
    (not_regex, {"pattern": "total"}, "the sum"),
    (contains, {"values": ["alpha", "BETA"], "ignore_case": True}, "Alpha, beta"),
    (contains, {"values_from": "words", "whole_words": False}, "alphabeta"),
    (contains, {"values_from": "none_at_all"}, ""),
    (contains, {"values_from": "keys"}, "age of name"),
    (excludes, {"values_from": "words"}, "alphabet"),
    (one_of, {"values": ["yes", "no"]}, " yes\n"),
    (one_of, {"values": ["Yes"], "ignore_case": True}, "yes"),
    (one_of, {"values": [0.5]}, "1/2"),
    (one_of, {"values": [4], "of": "answer.value"}, ""),
    (one_of, {"values_from": "words"}, "beta"),
    (lark, {"grammar": "equation"}, " 2x = 8 "),
    (json, {}, "[1]"),
    (json, {"root": "object"}, PERSON),
    (jsonpath, {"exists": True}, PERSON),
    (jsonpath, {"given": "$.email", "exists": False}, PERSON),
    (jsonpath, {"given": "$.tags[*]", "count": 2}, PERSON),
    (jsonpath, {"given": "$.tags[*]", "count_from": "two"}, PERSON),
    (jsonpath, {"given": "$.none_here[*]", "count": 0}, PERSON),
    (jsonpath, {"given": "$.age", "equals": 30.0}, PERSON),
    (jsonpath, {"given": "$.tags", "equals": ["a", "b"]}, PERSON),
    (jsonpath, {"given": "$.tags[*]", "matches": "^[ab]$"}, PERSON),
    (jsonpath, {"given": "$.age", "is_a": "integer"}, PERSON),
    (jsonpath, {"given": "$.score", "is_a": "number"}, PERSON),
    (jsonpath, {"given": "$.none", "is_a": "null"}, PERSON),
    (jsonpath, {"has_keys_from": "keys"}, PERSON),
    (jsonpath, {"only_keys_from": "all_keys"}, PERSON),
    (json_schema, {"schema_from": "schema"}, PERSON),
    (json_schema, {"of": "part", "schema": {**NEEDY, "minProperties": 2}}, '"age": 3'),
    (json_schema, {"of": "part", "schema": NEEDY}, '"other": null'),
    (
        json_schema,
        {"of": "part", "schema": {"type": "array", "items": NEEDY, "minItems": 3}},
        '{"name": "x", "age": 3}',
    ),
    (jsonpath, {"of": "part", "given": "$.age", "is_a": "integer"}, '"age": 3'),
    (jsonpath, {"of": "part", "given": "$[0]", "has_keys": ["a"]}, '{"a": 1}'),
    (jsonpath, {"of": "part", "lacks_keys": ["b"]}, '"a": {"b": 1}'),
    (json_schema, {"schema": {"properties": {"score": {"type": "number", "multipleOf": 0.1}}}}, PERSON),
    (
        json_schema,
        {"schema": {"$defs": {"n": {"type": "integer"}}, "properties": {"age": {"$ref": "#/$defs/n"}}}},
        PERSON,
    ),
    (json_schema, {"schema": {"items": {"type": "string", "format": "date"}}}, '["2026-02-28"]'),
    (step_count, {"min": 2, "max": 2}, ""),
    (step_count, {"equals_from": "two"}, ""),
    (length, {"unit": "words", "min": 3, "max": 3}, "It's 3.5 long"),
    (length, {"unit": "words", "max_from": "two"}, "two words"),
    (length, {"unit": "lines", "max": 2}, "a\n\nb\n"),
    (length, {"unit": "sentences", "min": 2, "max": 2}, "One, e.g. this. Two."),
    (length, {"max": 3}, " abc "),
    (length, {"unit": "words", "of": "answer.text", "min": 4}, ""),
]

FAILS: list[tuple[Any, dict[str, Any], str, str]] = [
    (expr, {"assert": "answer.value == 5"}, "", "answer.value == 5 is false: 4 is not 5"),
    (expr, {"assert": "answer.value != 4"}, "", "answer.value != 4 is false: both are 4"),
    (
        expr,
        {"assert": "answer.text == 5"},
        "",
        "answer.text == 5 is false: the text 'four words stand here' is not the number 5",
    ),
    (
        expr,
        {"assert": "answer.value == 'four'"},
        "",
        "answer.value == 'four' is false: the text 'four' is not the number 4",
    ),
    (
        expr,
        {"assert": "[answer.value, 'a'] == [{'b': none}, 0.5]"},
        "",
        "is false: [4, 'a'] is not [{'b': none}, 0.5]",
    ),
    (expr, {"assert": "answer.value"}, "", "answer.value gives 4, not true or false"),
    (
        expr,
        {"assert": "answer.other == 5"},
        "",
        "answer.other == 5 cannot be decided: answer.other is missing: there is ",
    ),
    (regex, {"pattern": "total"}, "sum", "nothing matches /total/"),
    (not_regex, {"pattern": "t.tal"}, "total", "'total' matches /t.tal/"),
    (contains, {"values": ["alpha", "beta"]}, "alphabet, Beta", "lacks 'alpha', 'beta'"),
    (excludes, {"values_from": "words"}, "beta, alpha, beta", "holds 'beta', 'alpha'"),
    (one_of, {"values": ["yes", "no"]}, "Yes", "'Yes' is none of yes, no"),
    (one_of, {"values_from": "none_at_all"}, "x", "none of an empty list"),
    (one_of, {"values": [4]}, "four", "'four' is none of 4"),
    (lark, {"grammar": "equation"}, "2x = ", "is not a equation"),
    (json, {}, "[1] x", "is not JSON: more text after the JSON value"),
    (json, {"root": "object"}, "[1]", "is a JSON array, not an object"),
    (jsonpath, {"exists": True}, '{"a": 1, "a": 1}', "is not JSON: the key 'a' stands there twice"),
    (jsonpath, {"given": "$.email", "exists": True}, PERSON, "$.email finds nothing"),
    (jsonpath, {"given": "$.email", "is_a": "string"}, PERSON, "$.email finds nothing"),
    (jsonpath, {"given": "$.age", "exists": False}, PERSON, "$.age is there and must not be"),
    (jsonpath, {"given": "$.tags[*]", "count": 3}, PERSON, "$.tags[*] finds 2 values, expected 3"),
    (jsonpath, {"given": "$.age", "equals": True}, PERSON, "$.age is 30, expected true"),
    (jsonpath, {"given": "$.ok", "equals": 1}, PERSON, "$.ok is true, expected 1"),
    (jsonpath, {"given": "$.age", "matches": "30"}, PERSON, "$.age is 30, which does not match /30/"),
    (jsonpath, {"given": "$.score", "is_a": "integer"}, PERSON, "$.score is a number (30), expected integer"),
    (jsonpath, {"given": "$.ok", "is_a": "integer"}, PERSON, "$.ok is a boolean (true), expected integer"),
    (jsonpath, {"has_keys": ["Name"]}, PERSON, "lacks the keys 'Name' (it has 'name'; keys are case-sensitive)"),
    (jsonpath, {"has_keys": ["a"]}, "[1]", "$ is an array, expected an object with keys"),
    (
        jsonpath,
        {"only_keys_from": "keys"},
        PERSON,
        "$ has the keys 'tags', 'score', 'ok', 'none', which are not asked for",
    ),
    (jsonpath, {"given": "$[*]", "has_keys": ["a"]}, '[{"a": 1}, {"b": 1}]', "$[*] lacks the keys 'a'"),
    (json_schema, {"schema": {"properties": {"score": {"type": "integer"}}}}, PERSON, "$.score: "),
    (json_schema, {"of": "part", "schema": NEEDY}, '"age": "3"', "$.age: '3' is not of type 'integer'"),
    (json_schema, {"of": "part", "schema": {**NEEDY, "additionalProperties": False}}, '"x": 1', "'x' was unexpected"),
    (json_schema, {"of": "part", "schema": NEEDY}, '{"age": 3}', "is not of type 'object'"),
    (json_schema, {"of": "part", "schema": NEEDY}, '"age": 3, "name": 1', "is not JSON"),
    (json_schema, {"of": "part", "schema": {"type": "array", "items": NEEDY}}, '"age": 3', "is not of type 'array'"),
    (json_schema, {"of": "part", "schema": {"type": "array", "items": NEEDY}}, '{"age": 3}', "'name' is a required"),
    (jsonpath, {"of": "part", "given": "$..*", "lacks_keys": ["b"]}, '"a": {"B": 1}', "has the keys 'B'"),
    (jsonpath, {"of": "part", "lacks_keys": ["a"]}, '"a": 1', "has the keys 'a'"),
    (
        json_schema,
        {"schema": {"properties": {"ok": {"type": "integer"}}}},
        PERSON,
        "$.ok: True is not of type 'integer'",
    ),
    (json_schema, {"schema_from": "schema"}, "{}", "$: 'name' is a required property"),
    (json_schema, {"schema_from": "schema"}, '{"name": 1, "age": 31.5}', "$.age: "),
    (json_schema, {"schema": {"items": {"format": "date"}}}, '["2026-02-30"]', "$[0]: '2026-02-30' is not a 'date'"),
    (json_schema, {"schema": {"items": {"pattern": "^a"}}}, '["b"]', "$[0]: 'b' does not match '^a'"),
    (json_schema, {"schema": {}}, "{", "is not JSON"),
    (step_count, {"min": 3}, "", "has 2 steps, expected at least 3"),
    (step_count, {"max": 1}, "", "has 2 steps, expected at most 1"),
    (step_count, {"equals": 3}, "", "has 2 steps, expected 3"),
    (length, {"unit": "words", "max": 1}, "two words", "has 2 words, expected at most 1"),
    (length, {"min": 4}, "abc", "has 3 characters, expected at least 4"),
]


@pytest.mark.parametrize(("plug", "options", "text"), PASSES)
def test_it_passes(make: Make, plug: Any, options: dict[str, Any], text: str) -> None:
    assert make(plug, **options).verify(View(text, NAMES)) is None


@pytest.mark.parametrize(("plug", "options", "text", "reason"), FAILS)
def test_it_fails_and_says_why(make: Make, plug: Any, options: dict[str, Any], text: str, reason: str) -> None:
    assert reason in (make(plug, **options).verify(View(text, NAMES)) or "")


@pytest.mark.parametrize(
    ("plug", "options", "reason"),
    [
        (contains, {"values_from": "absent"}, "absent is missing"),
        (excludes, {"values_from": "absent"}, "absent is missing"),
        (contains, {"values_from": "blank"}, "blank holds an empty text"),
        (one_of, {"values_from": "absent"}, "absent is missing"),
        (regex, {"pattern": "a", "of": "answer.none"}, "answer.none is missing"),
        (jsonpath, {"count_from": "half"}, "half is x, not a whole number"),
        (jsonpath, {"equals_from": "absent"}, "absent is missing"),
        (step_count, {"equals_from": "half"}, "half is x, not a whole number"),
        (length, {"max_from": "absent"}, "absent is missing"),
        (json_schema, {"schema_from": "absent"}, "absent is missing"),
        (json_schema, {"schema_from": "half"}, "half is not a JSON Schema"),
        (json_schema, {"schema_from": "far"}, "only references within it"),
        (json_schema, {"schema_from": "wrong"}, "the schema is wrong at"),
        (json_schema, {"of": "part", "schema": {"prefixItems": [{}]}}, "cannot be held to 'prefixItems'"),
        (json_schema, {"of": "part", "schema": {"allOf": [NEEDY]}}, "cannot be held to 'allOf'"),
        (json_schema, {"of": "part", "schema": {"items": {"$ref": "#"}}}, "refers to itself as a whole"),
    ],
)
def test_what_cannot_be_decided_raises_and_so_fails(
    make: Make, plug: Any, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        make(plug, **options).verify(View("[1]", NAMES))


def test_the_number_of_steps_needs_steps(make: Make) -> None:
    with pytest.raises(Missing, match="steps is missing"):
        make(step_count, min=1).verify(View("", {}))


@pytest.mark.parametrize(
    ("plug", "options"),
    [
        (contains, {}),
        (contains, {"values": ["a"], "values_from": "words"}),
        (excludes, {"values": []}),
        (one_of, {"ignore_case": True}),
        (jsonpath, {"given": "$.a"}),
        (jsonpath, {"exists": False, "is_a": "string"}),
        (jsonpath, {"count": 1, "count_from": "two"}),
        (json_schema, {}),
        (json_schema, {"schema": {"$ref": "other.json"}}),
        (json_schema, {"schema": {"items": [{"patternProperties": {}}]}}),
        (step_count, {}),
        (length, {"unit": "pages", "max": 1}),
        (length, {"unit": "words"}),
        (expr, {}),
        (expr, {"assert": "true", "assertion": "true"}),
    ],
)
def test_options_that_decide_nothing_are_refused(plug: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        plug.Options.model_validate(options)


def test_a_schema_that_refers_to_itself_for_ever_fails(make: Make) -> None:
    with pytest.raises(RecursionError):
        make(json_schema, schema={"$ref": "#"}).verify(View("1", {}))
