from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from stepflow.compiler.notations.grammars import LarkGrammar
from stepflow.notation import Leaf, Node
from stepflow.strategies.converters import schema
from stepflow.values import encode_plain

ANY: dict[str, Any] = {}
STRING = {"type": "string"}
INTEGER = {"type": "integer"}


def leaf(kind: str, text: str) -> Leaf:
    return Leaf(kind, text)


def node(kind: str, *children: Node | Leaf) -> Node:
    return Node(kind, children)


def member(name: str, *held: Node | Leaf) -> Node:
    return node("member", leaf("NAME", name), *held)


def typed(name: str, words: str) -> Node:
    return member(name, leaf("TYPE", words))


def bullet(indent: int, mark: str = "-") -> Leaf:
    return leaf("BULLET", f"\n{' ' * indent}{mark} ")


def loose(name: str, words: str) -> Node:
    return member(name, node("loose", leaf("TYPE", words)))


def object_of(_closed: bool = False, **properties: Any) -> dict[str, Any]:
    shape = {"type": "object", "properties": properties, "required": tuple(properties)}
    return shape | {"additionalProperties": False} if _closed else shape


def read(*children: Node | Leaf) -> Any:
    return schema.convert(node("start", *children), "")


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        ([member("a")], object_of(a=ANY)),
        ([member("`a_b`"), member('"c d"'), member("**e**")], object_of(a_b=ANY, **{"c d": ANY}, e=ANY)),
        ([node("line", node("thing", member("a"))), leaf("AND", "and"), member("b")], object_of(a=ANY, b=ANY)),
        ([typed("a", "string"), typed("n", "an integer")], object_of(a=STRING, n=INTEGER)),
        ([loose("a", "int"), member("b")], object_of(a=INTEGER, b=ANY)),
        ([typed("a", "string"), loose("b", "int"), loose("c", "string")], object_of(a=STRING, b=INTEGER, c=STRING)),
        ([bullet(0), member("a"), bullet(0), loose("b", "int")], object_of(a=ANY, b=INTEGER)),
        ([member("a", node("object", member("b"), typed("c", "int")))], object_of(a=object_of(b=ANY, c=INTEGER))),
        ([member("a", node("array"))], object_of(a={"type": "array"})),
        (
            [member("a", node("array", leaf("TYPE", "strings"), leaf("COUNT", "three")))],
            object_of(a={"type": "array", "items": STRING, "minItems": 3, "maxItems": 3}),
        ),
        (
            [member("a", node("array", node("object", member("b"))))],
            object_of(a={"type": "array", "items": object_of(b=ANY)}),
        ),
        ([node("array", leaf("COUNT", "2"))], {"type": "array", "minItems": 2, "maxItems": 2}),
        (
            [member("a"), member("b"), node("detail", leaf("NAME", "b"), node("object", member("c")))],
            object_of(a=ANY, b=object_of(c=ANY)),
        ),
        (
            [node("closed"), member("a", node("object", member("b")))],
            object_of(True, a=object_of(True, b=ANY)),
        ),
        (
            [member("a", node("array", node("object", member("b")))), leaf("CLOSED", "only")],
            object_of(True, a={"type": "array", "items": object_of(True, b=ANY)}),
        ),
    ],
)
def test_a_tree_of_parts_is_a_schema(children: list[Node | Leaf], expected: Any) -> None:
    assert read(*children) == expected


@pytest.mark.parametrize(
    ("indents", "expected"),
    [
        ([0, 0], {"a": {}, "b": {}}),
        ([0, 2], {"a": {"b": {}}}),
        ([4, 4, 6], {"a": {}, "b": {"c": {}}}),
        ([0, 2, 4, 0], {"a": {"b": {"c": {}}}, "d": {}}),
        ([0, 2, 2, 1], {"a": {"b": {}, "c": {}, "d": {}}}),
        ([0, 3, 0, 3], {"a": {"b": {}}, "c": {"d": {}}}),
    ],
)
def test_deeper_bullets_belong_into_the_member_above(indents: list[int], expected: Any) -> None:
    def names(shape: Any) -> Any:
        return {name: names(held) for name, held in shape.get("properties", {}).items()}

    pairs = zip(indents, "abcd", strict=False)
    assert names(read(*(part for indent, name in pairs for part in (bullet(indent), member(name))))) == expected


def test_bullets_below_a_list_describe_its_items() -> None:
    parts = (bullet(0), member("rows", node("array")), bullet(2, "*"), typed("n", "integer"))
    assert read(*parts) == object_of(rows={"type": "array", "items": object_of(n=INTEGER)})


def test_a_tab_indents_like_blanks() -> None:
    assert read(leaf("BULLET", "\r\n- "), member("a"), leaf("BULLET", "\r\n\t- "), member("b")) == object_of(
        a=object_of(b=ANY)
    )


@pytest.mark.parametrize(
    ("words", "right", "wrong"),
    [
        ("string", "x", 1),
        ("Text", "x", None),
        ("whole  number", 1, 1.5),
        ("ints", 1, "1"),
        ("float", 1.5, "1.5"),
        ("a number", 1, True),
        ("true/false", True, "true"),
        ("lists", [1], "a, b"),
        ("dictionaries", {"a": 1}, []),
        ("objects", {}, "x"),
        ("link", "https://example.org/a", "example"),
        ("date", "2024-02-29", 20240229),
        ("email", "a@example.org", 1),
    ],
)
def test_a_type_word_takes_right_values_and_refuses_wrong_ones(words: str, right: Any, wrong: Any) -> None:
    validator = Draft202012Validator(encode_plain(read(typed("a", words))))
    assert validator.is_valid({"a": right})
    assert not validator.is_valid({"a": wrong})
    assert not validator.is_valid({})


@pytest.mark.parametrize(
    ("children", "why"),
    [
        ([], "names no key"),
        ([leaf("WORD", "a")], "names no key"),
        ([member("a"), member("`a`")], "'a' is named twice"),
        ([typed("a", "colour")], "'colour' is not a type"),
        ([member('""')], "without a name"),
        ([node("member", leaf("TYPE", "string"))], "has no name"),
        ([member("a", node("object"))], "names no key"),
        ([member("a"), node("detail", leaf("NAME", "b"), node("object", member("c")))], "'b' is not named before"),
        ([typed("a", "string"), node("detail", leaf("NAME", "a"), node("object", member("c")))], "said twice"),
        ([bullet(0), typed("a", "string"), bullet(2), member("b")], "a string has no keys of its own"),
        ([bullet(0), member("a"), bullet(2), member("b"), bullet(2), member("b")], "'b' is named twice"),
        ([member("a"), loose("b", "int")], "the type of 'b' may be meant for the key before it too"),
        ([typed("a", "int"), member("b", node("object", member("c"), loose("d", "int")))], "the type of 'd' may be"),
        ([node("array", leaf("COUNT", "0"))], "a list of 0 items"),
        ([node("array", leaf("COUNT", "1.5"))], "a list of 1.5 items"),
    ],
)
def test_what_is_no_shape_is_declined(children: list[Node | Leaf], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(*children)


@pytest.mark.parametrize("raw", ["name, age", {"type": "object"}, None, ("a", "b")])
def test_only_a_parse_tree_has_a_shape(raw: Any) -> None:
    with pytest.raises(ValueError, match="parse tree"):
        schema.convert(raw, "")


def test_a_schema_is_not_shared_between_readings() -> None:
    first, second = read(typed("a", "list"), typed("b", "list")), read(typed("a", "list"))
    assert first["properties"]["a"] is not first["properties"]["b"]
    assert second == object_of(a={"type": "array"})


def test_the_grammar_of_the_reference_page_reads_as_it_says() -> None:
    page = schema.__doc__ or ""
    text = page[page.index("start:") : page.index("    constraints:")]
    grammar = LarkGrammar("shape", "\n".join(line.strip() for line in text.splitlines()))
    assert schema.convert(grammar.parse("keys name, age (integer)"), "") == object_of(name=ANY, age=INTEGER)


names = st.lists(st.from_regex(r"[a-z]{1,6}", fullmatch=True), min_size=1, max_size=6, unique=True)


@given(names)
def test_the_right_object_passes_and_any_missing_key_fails(keys: list[str]) -> None:
    validator = Draft202012Validator(encode_plain(read(node("closed"), *map(member, keys))))
    whole: dict[str, Any] = dict.fromkeys(keys, 1)
    assert validator.is_valid(whole)
    assert not validator.is_valid(whole | {"Extra": 1})
    for key in keys:
        assert not validator.is_valid({other: 1 for other in keys if other != key})
