"""Rewriters propose; what they propose is listed here, likeliest first."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from stepflow.compiler.workshop import Workshop
from stepflow.model import Step
from stepflow.protocols import Rewriting
from stepflow.strategies.rewriters import json_members, substitute, template
from stepflow.values import Equation


def rewriting(body: str, old: dict[str, Any], new: dict[str, Any], **names: Any) -> Rewriting:
    return Rewriting(Step(1, body), body, old, new, {**new, **names})


def workshop() -> Workshop:
    return Workshop({}, {}, {})


def equation(text: str) -> Equation:
    return Equation((), text)


SUBSTITUTIONS = [
    ("a number", "There are 12 eggs", {"n": 12}, {"n": 15}, "There are 15 eggs"),
    ("a number written as a word", "There are twelve eggs", {"n": 12}, {"n": 15}, "There are 15 eggs"),
    ("never inside another number", "There are 121 eggs and 12", {"n": 12}, {"n": 15}, "There are 121 eggs and 15"),
    ("a name", "Dear Ada, thanks", {"who": "Ada"}, {"who": "Bob"}, "Dear Bob, thanks"),
    ("never inside another word", "Adalbert and Ada", {"who": "Ada"}, {"who": "Bob"}, "Adalbert and Bob"),
    ("a letter behind a number", "2x = 8", {"unknown": "x"}, {"unknown": "y"}, "2y = 8"),
    ("two values at once", "from 3 to 9", {"a": 3, "b": 9}, {"a": 9, "b": 3}, "from 9 to 3"),
    (
        "the numbers of an equation, in order",
        "Subtract 3 from both sides: 2x = 8",
        {"equation": equation("2x + 3 = 11"), "rest": 8},
        {"equation": equation("2x + 5 = 11"), "rest": 6},
        "Subtract 5 from both sides: 2x = 6",
    ),
    (
        "a whole equation, however it is spaced",
        "Start from 2x+3 = 11",
        {"equation": equation("2x + 3 = 11")},
        {"equation": equation("7 - x = 1")},
        "Start from 7 - x = 1",
    ),
    ("a list, item by item", "red, then blue", {"c": ("red", "blue")}, {"c": ("green", "pink")}, "green, then pink"),
    ("a percentage", "15% of 80 is 12", {"p": 15, "r": 12}, {"p": 20, "r": 16}, "20% of 80 is 16"),
    ("a percentage meant as a share", "at 15 %", {"p": Fraction(3, 20)}, {"p": Fraction(1, 5)}, "at 20 %"),
    ("thousands separators", "1,200 people", {"n": 1200}, {"n": 13500}, "13,500 people"),
    ("cents", "$12.50 in all", {"n": Fraction(25, 2)}, {"n": 9}, "$9.00 in all"),
    ("a time in 12 hours", "at 3:30 p.m. it", {"t": "15:30"}, {"t": "09:05"}, "at 9:05 a.m. it"),
    ("a time of whole hours", "at 3PM, 15:00", {"t": "15:00"}, {"t": "21:45"}, "at 9:45PM, 21:45"),
    ("a time by its name", "at noon or 12 pm", {"t": "12:00"}, {"t": "00:00"}, "at 12:00 am or 12 am"),
    ("a time without a 0", "at 9:05, not 19:05", {"t": "09:05"}, {"t": "07:10"}, "at 7:10, not 19:05"),
    ("a fraction in its plainest form", "x = 4", {"s": 4}, {"s": 7}, "x = 7"),
]


@pytest.mark.parametrize(
    ("why", "body", "old", "new", "expected"), SUBSTITUTIONS, ids=[row[0] for row in SUBSTITUTIONS]
)
def test_substitute_puts_new_values_where_old_ones_stand(why, body, old, new, expected) -> None:
    rewriter = substitute.build(substitute.Options(), workshop())
    assert next(iter(rewriter.rewrite(rewriting(body, old, new)))) == expected


def test_a_changed_sign_turns_the_operator_before_it() -> None:
    rewriter = substitute.build(substitute.Options(), workshop())
    old, new = {"equation": equation("2x + 3 = 11")}, {"equation": equation("2x - 4 = 11")}
    assert "x: 2x - 4 = 11 now" in rewriter.rewrite(rewriting("x: 2x + 3 = 11 now", old, new))


def test_a_changed_sign_turns_the_word_before_it_when_the_rule_says_how() -> None:
    options = substitute.Options(opposites={"subtract": "add"})
    old, new = {"equation": equation("2x + 3 = 11")}, {"equation": equation("2x - 4 = 11")}
    proposals = substitute.build(options, workshop()).rewrite(rewriting("Subtract 3 from both sides", old, new))
    assert "Add 4 from both sides" in proposals


TURNS = [
    ("Subtract 3 from both sides: 2x = 8", "Add 4 to both sides: 2x = 15"),
    ("Now subtract (3) from each side.", "Now add (4) to each side."),
    ("3 is subtracted from both sides", "4 is added to both sides"),
    ("Subtract 3", "Add 4"),
    ("2x + 3 - 3 = 11 - 3", "2x - 4 + 4 = 11 + 4"),
]


@pytest.mark.parametrize(("body", "expected"), TURNS)
def test_a_phrase_around_the_number_turns_as_a_whole(body: str, expected: str) -> None:
    options = substitute.Options(
        opposites={"subtract {} from": "add {} to", "{} is subtracted from": "{} is added to", "subtract": "add"}
    )
    old = {"equation": equation("2x + 3 = 11"), "rest": 8}
    new = {"equation": equation("2x - 4 = 11"), "rest": 15}
    assert expected in list(substitute.build(options, workshop()).rewrite(rewriting(body, old, new)))


@pytest.mark.parametrize(
    ("body", "old", "new", "expected"),
    [
        ("x = -4", -4, 7, "x = 7"),
        ("x = 4", 4, -7, "x = -7"),
        ("divide by -4", -4, 7, "divide by 7"),
        ("-4x + 1", -4, 7, "7x + 1"),
        ("1 - 4x", -4, 7, "1 + 7x"),
        ("x = 4/3", Fraction(4, 3), Fraction(1, 2), "x = 1/2"),
        ("x = 4/3", Fraction(4, 3), 5, "x = 5"),
    ],
)
def test_a_minus_of_its_own_comes_and_goes_with_the_sign(body: str, old: Any, new: Any, expected: str) -> None:
    rewriter = substitute.build(substitute.Options(), workshop())
    assert next(iter(rewriter.rewrite(rewriting(body, {"n": old}, {"n": new})))) == expected


def test_a_quotient_of_two_old_values_becomes_one_of_the_new_ones() -> None:
    rewriter = substitute.build(substitute.Options(), workshop())
    old, new = {"a": 2, "b": 8, "s": 4}, {"a": 3, "b": -15, "s": -5}
    assert "x = -15/3 = -5" in list(rewriter.rewrite(rewriting("x = 8/2 = 4", old, new)))


@pytest.mark.parametrize(
    ("body", "factor", "expected"),
    [
        ("x + 5 = 9", 3, "3x + 5 = 9"),
        ("x + 5 = 9", -1, "-x + 5 = 9"),
        ("5 - x = 9", 2, "5 - 2x = 9"),
        ("3(x + 1) = 9", 2, "3(2x + 1) = 9"),
        ("Subtract x", 3, "Subtract 3x"),
    ],
)
def test_a_factor_of_one_is_put_in_where_x_stands_for_1x(body: str, factor: int, expected: str) -> None:
    options = substitute.Options(implied_one=True, opposites={"subtract": "add"})
    old, new = {"e": equation("x + 7 = 8"), "f": 1}, {"e": equation("x + 7 = 8"), "f": factor}
    assert expected in list(substitute.build(options, workshop()).rewrite(rewriting(body, old, new)))


def test_a_letter_in_prose_has_no_factor() -> None:
    rewriter = substitute.build(substitute.Options(implied_one=True), workshop())
    old, new = {"e": equation("x + 7 = 8"), "f": 1}, {"e": equation("x + 7 = 8"), "f": 3}
    assert list(rewriter.rewrite(rewriting("Solve for x now", old, new))) == []


def test_a_factor_that_becomes_one_is_left_out() -> None:
    rewriter = substitute.build(substitute.Options(implied_one=True), workshop())
    assert next(iter(rewriter.rewrite(rewriting("2x = 2", {"f": 2}, {"f": 1})))) == "x = 1"
    assert next(iter(rewriter.rewrite(rewriting("(3/4)x = 2", {"f": Fraction(3, 4)}, {"f": 1})))) == "x = 2"


def test_what_reads_the_same_becomes_the_same_first() -> None:
    rewriter = substitute.build(substitute.Options(), workshop())
    proposals = list(rewriter.rewrite(rewriting("2, 2 and 2", {"a": 2, "b": 2}, {"a": 5, "b": 7})))
    assert proposals[:2] == ["5, 5 and 5", "7, 7 and 7"]


def test_where_two_names_share_a_value_every_combination_is_proposed() -> None:
    rewriter = substitute.build(substitute.Options(), workshop())
    proposals = list(rewriter.rewrite(rewriting("2 and 2", {"a": 2, "b": 2}, {"a": 5, "b": 7})))
    assert {"5 and 7", "7 and 5", "5 and 5", "7 and 7", "2 and 5"} <= set(proposals)


def test_proposals_are_bounded() -> None:
    rewriter = substitute.build(substitute.Options(max_proposals=10), workshop())
    body = " ".join(["2"] * 40)
    assert len(list(rewriter.rewrite(rewriting(body, {"a": 2, "b": 2}, {"a": 5, "b": 7})))) <= 10


def test_substitute_proposes_nothing_when_no_old_value_is_there() -> None:
    rewriter = substitute.build(substitute.Options(), workshop())
    assert list(rewriter.rewrite(rewriting("nothing to see", {"n": 12}, {"n": 15}))) == []


def test_only_the_named_constraints_are_substituted() -> None:
    rewriter = substitute.build(substitute.Options(constraints=["n"]), workshop())
    assert list(rewriter.rewrite(rewriting("12 by Ada", {"n": 12, "who": "Ada"}, {"n": 15, "who": "Bob"}))) == [
        "15 by Ada"
    ]


def schema(*keys: str, **inner: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {key: inner.get(key, {}) for key in keys}, "required": list(keys)}


MEMBERS = [
    ("drops what only the old request asked for", '{"a": 1, "b": 2}', schema("a", "b"), schema("a"), '{"a": 1}'),
    ("keeps what nobody asked for", '{"a": 1, "b": 2, "z": 3}', schema("a", "b"), schema("b"), '{"b": 2, "z": 3}'),
    ("reorders", '{"a": 1, "b": 2}', schema("a", "b"), schema("b", "a"), '{"b": 2, "a": 1}'),
    (
        "renames another spelling",
        '{"firstName": "Ada"}',
        schema("firstName"),
        schema("first_name"),
        '{"first_name": "Ada"}',
    ),
    ("copies values to the byte", '{"a": 1.50, "b": "\\u00e9"}', schema("a", "b"), schema("b"), '{"b": "\\u00e9"}'),
    (
        "keeps the layout",
        '{\n  "a": 1,\n  "b": [1,2]\n}',
        schema("a", "b"),
        schema("b", "a"),
        '{\n  "b": [1,2],\n  "a": 1\n}',
    ),
    (
        "looks into objects",
        '{"p": {"x": 1, "y": 2}}',
        schema("p", p=schema("x", "y")),
        schema("p", p=schema("y")),
        '{"p": {"y": 2}}',
    ),
    (
        "fits every object of an array",
        '[{"a": 1, "b": 2}, {"a": 3, "b": 4}]',
        {"type": "array", "items": schema("a", "b")},
        {"type": "array", "items": schema("b")},
        '[{"b": 2}, {"b": 4}]',
    ),
]


@pytest.mark.parametrize(("why", "body", "old", "new", "expected"), MEMBERS, ids=[row[0] for row in MEMBERS])
def test_json_members(why, body, old, new, expected) -> None:
    rewriter = json_members.build(json_members.Options(schema_from="shape"), workshop())
    assert list(rewriter.rewrite(rewriting(body, {"shape": old}, {"shape": new}))) == [expected]


PARTS = [
    (
        "a member is renamed",
        '"firstName": "Ada"',
        '{"firstName": "Ada", "age": 3}',
        ("firstName",),
        ("first_name",),
        '"first_name": "Ada"',
    ),
    ("an inner object is fitted", '"p": {"x": 1, "y": 2}', '{"p": {"x": 1, "y": 2}}', ("p",), ("p",), '"p": {"y": 2}'),
]


@pytest.mark.parametrize(("why", "body", "output", "old", "new", "expected"), PARTS, ids=[row[0] for row in PARTS])
def test_json_members_fits_a_member(why, body, output, old, new, expected) -> None:
    rewriter = json_members.build(json_members.Options(schema_from="shape"), workshop())
    shapes = {"shape": schema(*old, p=schema("x", "y"))}, {"shape": schema(*new, p=schema("y"))}
    assert list(rewriter.rewrite(rewriting(body, *shapes, output=output))) == [expected]


def test_json_members_fits_an_element() -> None:
    rewriter = json_members.build(json_members.Options(schema_from="shape"), workshop())
    old, new = ({"shape": {"type": "array", "items": schema(*keys)}} for keys in ("ab", "b"))
    assert list(rewriter.rewrite(rewriting('{"a": 1, "b": 2}', old, new, output="[]"))) == ['{"b": 2}']


@pytest.mark.parametrize(
    ("why", "output", "new"),
    [
        ("the wanted key is there", '{"firstName": "Ada", "first_name": "Bob"}', ("first_name",)),
        ("two members could be meant", '{"firstName": "Ada", "FirstName": "Bob"}', ("first_name",)),
        ("two keys could be meant", '{"firstName": "Ada"}', ("first_name", "first-name")),
        ("no key is like it", '{"firstName": "Ada"}', ("name",)),
        ("the answer is no object", "[1]", ("first_name",)),
        ("the answer is not known", "", ("first_name",)),
    ],
)
def test_json_members_renames_nothing_when_it_is_not_clear(why, output, new) -> None:
    rewriter = json_members.build(json_members.Options(schema_from="shape"), workshop())
    old, wanted = {"shape": schema("firstName")}, {"shape": schema(*new)}
    assert list(rewriter.rewrite(rewriting('"firstName": "Ada"', old, wanted, output=output))) == []


@pytest.mark.parametrize(
    ("why", "body", "old", "new"),
    [
        ("a value is never invented", '{"a": 1}', schema("a"), schema("a", "b")),
        ("another word is another thing", '{"city": "Rome"}', schema("city"), schema("country")),
        ("what is no JSON is left alone", "a: 1", schema("a"), schema("b")),
        ("what fits already needs nothing", '{"a": 1}', schema("a"), schema("a")),
    ],
)
def test_json_members_declines(why, body, old, new) -> None:
    rewriter = json_members.build(json_members.Options(schema_from="shape"), workshop())
    assert list(rewriter.rewrite(rewriting(body, {"shape": old}, {"shape": new}))) == []


def test_template_renders_from_the_new_values() -> None:
    rewriter = template.build(template.Options(text="There are {{ n }} eggs"), workshop())
    assert list(rewriter.rewrite(rewriting("old", {"n": 1}, {"n": 2}))) == ["There are 2 eggs"]


def test_template_proposes_nothing_when_a_name_has_no_value() -> None:
    rewriter = template.build(template.Options(text="{{ nowhere }}"), workshop())
    assert list(rewriter.rewrite(rewriting("old", {"n": 1}, {"n": 2}))) == []
