import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.config.environment import substitute
from stepflow.config.yaml_nodes import read

ENVIRON = {"MODEL": "m-1", "EMPTY": "", "NESTED": "${MODEL}", "COUNT": "3"}


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("${MODEL}", "m-1"),
        ("a/${MODEL}/b", "a/m-1/b"),
        ("${MODEL}${COUNT}", "m-13"),
        ("${OTHER:-ollama/llama3.2:3b}", "ollama/llama3.2:3b"),
        ("${MODEL:-other}", "m-1"),
        ("${EMPTY:-other}", "other"),
        ("${OTHER:-}", ""),
        ("${EMPTY}", ""),
        ("${NESTED}", "${MODEL}"),
        ("$${MODEL}", "${MODEL}"),
        ("costs $5 {x} {{ y }}", "costs $5 {x} {{ y }}"),
        ("${COUNT}", "3"),
    ],
)
def test_references_in_values_are_replaced_once(written, read_as):
    assert substitute({"k": [written]}, ENVIRON) == ({"k": [read_as]}, [])


@pytest.mark.parametrize(
    ("written", "name"),
    [("${NOPE}", "NOPE"), ("${1X}", "1X"), ("${MODEL-x}", "MODEL-x"), ("${}", ""), ("${MODEL", "MODEL")],
)
def test_a_reference_that_cannot_be_replaced_stays_and_is_listed_with_its_place(written, name):
    assert substitute({"a": 1, "b": [{"c": written}]}, ENVIRON) == (
        {"a": 1, "b": [{"c": written}]},
        [(("b", 0, "c"), name)],
    )


def test_keys_and_other_values_are_left_alone_and_the_data_is_not_changed():
    data = {"${MODEL}": [1, None, True, "${MODEL}"]}
    assert substitute(data, ENVIRON)[0] == {"${MODEL}": [1, None, True, "m-1"]}
    assert data == {"${MODEL}": [1, None, True, "${MODEL}"]}


def test_unquoted_references_are_read_like_plain_scalars_and_quoted_ones_stay_text():
    document = read("a: ${COUNT}\nb: '${COUNT}'\nc: ${OTHER:-0.50}\nd: ${OTHER:-no}\ne: ${OTHER:-1e999}\n", "p.yaml")
    data, unresolved = substitute(document.data, ENVIRON, is_plain=document.is_plain)
    assert data == {"a": 3, "b": "3", "c": 0.5, "d": "no", "e": "1e999"}
    assert data["c"].text == "0.50"
    assert unresolved == []


@given(st.recursive(st.text(max_size=6) | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=3)))
def test_data_without_references_is_returned_equal(data):
    if "${" not in str(data):
        assert substitute(data, {}) == (data, [])
