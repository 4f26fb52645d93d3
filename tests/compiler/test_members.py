"""Which members an expression reads is told from its syntax; a rule's shapes tell which of them there are."""

import pytest

from stepflow.catalog import registry
from stepflow.compiler.notations.expressions import compile_expression
from stepflow.compiler.notations.templates import compile_template
from stepflow.compiler.shapes import lacking

FUNCTIONS = registry().functions


def paths(source):
    return [member.path for member in compile_expression(source, FUNCTIONS).members]


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("a + 1", []),
        ("a.b.c", [("a", "b"), ("a", "b", "c")]),
        ("a['b'] + a[0].c + a[i].d + a[1:].e", [("a", "b"), ("a", None, "c"), ("a", None, "d"), ("a", "e")]),
        ("a.b is defined and a.c | default(a.d)", [("a", "b"), ("a", "c"), ("a", "d")]),
        ("(a if b.c else d).e", [("b", "c")]),
        ("a | map(attribute='b.c')", [("a", None, "b"), ("a", None, "b", "c")]),
        ("a | selectattr('b', 'gt', c.d) | rejectattr('e')", [("c", "d"), ("a", None, "b"), ("a", None, "e")]),
        ("(a | last).b + (sorted(a) | first).c", [("a", None, "b"), ("a", None, "c")]),
        ("first(a.b).c", [("a", "b"), ("a", "b", None, "c")]),
        ("max(a.b, [c.d, {'k': e.f}])", [("a", "b"), ("c", "d"), ("e", "f")]),
        ("{'a': b}.a", []),
    ],
)  # fmt: skip
def test_each_member_that_is_read_has_its_path(source, read):
    assert paths(source) == read


def test_a_member_stands_where_its_name_is_written():
    text = "ü {{ a. b }}{{ c['d'] ~ e | map(attribute='f') }}"
    found = compile_template(text, FUNCTIONS).members
    assert [(member.path[-1], text[member.start : member.end]) for member in found] == [
        ("b", "b"), ("d", "d"), ("f", "f")
    ]  # fmt: skip


ITEMS = ({"m": None},)
A = {"b": None, "l": ITEMS, "text": {}}


@pytest.mark.parametrize(
    ("path", "holder"),
    [
        (("a", "b"), None),
        (("a", "x"), A),
        (("a", "b", "x"), None),
        (("a", "l", None, "x"), ITEMS[0]),
        (("a", "l", "x"), ITEMS),
        (("a", "l", "0"), None),
        (("a", "text", "x"), {}),
        (("a", "text", None), None),
        (("a", None, "x"), None),
        (("a", "x", "y"), None),
        (("u", "x"), None),
        (("none", "x"), None),
    ],
)
def test_a_member_is_lacking_only_where_it_is_known_what_there_is(path, holder):
    assert lacking({"a": A, "u": None}, path) == holder
