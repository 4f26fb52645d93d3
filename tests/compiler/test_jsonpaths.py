from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from types import MappingProxyType

import pytest

from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.notations.jsonpaths import compile_jsonpath

DATA = {
    "items": (
        {"price": Fraction(21, 2), "name": "a"},
        {"price": 10, "name": "b"},
        MappingProxyType({"price": Fraction(1, 10), "name": "c"}),
    ),
    "a-b": {"x y": True},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.items[*].name", ["a", "b", "c"]),
        ("items[0].name", ["a"]),
        ("$.items[-1].name", ["c"]),
        ("$.items[1:].name", ["b", "c"]),
        ("$..name", ["a", "b", "c"]),
        ("$['a-b']['x y']", [True]),
        ("$.nothing.here", []),
        ("$.items[9]", []),
        ("$.items[?(@.price > 10)].name", ["a"]),
        ("$.items[?(@.price >= 10)].name", ["a", "b"]),
        ("$.items[?(@.price == 0.1)].name", ["c"]),
        ("$.items[?(@.price < 10 && @.name != 'a')].name", ["c"]),
        ("$.items[?(@.name == 'x + y =~')]", []),
    ],
)
def test_a_path_finds_values_in_document_order(path, found):
    assert compile_jsonpath(path).find(DATA) == found


def test_what_is_found_is_the_very_value_that_was_given():
    assert compile_jsonpath("$.items").find(DATA)[0] is DATA["items"]
    assert compile_jsonpath("$.items[0].price").find(DATA) == [Fraction(21, 2)]
    assert type(compile_jsonpath("$.items[0].price").find(DATA)[0]) is Fraction
    assert compile_jsonpath("$").find(DATA)[0] is DATA


@pytest.mark.parametrize(
    ("path", "start", "message"),
    [
        ("", 0, "ends too early"),
        ("$.items[", 8, "ends too early"),
        ("$.a b", 4, "unexpected 'b'"),
        ("$.a^", 3, "Unexpected character"),
        ("$.items[?(@.price > )]", 20, "unexpected ')'"),
        ("$.items[?(@.name =~ 'a')]", 17, "regular expressions are not allowed"),
        ("$.a.`sub(/a/, b)`", 4, "regular expressions are not allowed"),
        ("$.a + $.b", 3, "arithmetic is not allowed"),
        ("$." + "a" * 2000, 0, "more than 2000 characters"),
    ],
)
def test_a_bad_path_is_pointed_at(path, start, message):
    with pytest.raises(NotationError) as caught:
        compile_jsonpath(path)
    assert message in caught.value.message
    assert caught.value.start == start


@pytest.mark.parametrize("data", [None, 3, "text", (), {}])
def test_data_of_another_shape_holds_nothing(data):
    assert compile_jsonpath("$.a.b[0]").find(data) == []


def test_a_path_that_leaves_the_data_fails_with_a_reason():
    with pytest.raises(ValueError, match="cannot be applied"):
        compile_jsonpath("`parent`").find(DATA)


def test_paths_compile_in_many_threads():
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: compile_jsonpath(f"$.items[{n % 3}].name").find(DATA)[0], range(12)))
    assert found == ["a", "b", "c"] * 4
