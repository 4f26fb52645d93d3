from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.notations.templates import compile_template
from stepflow.notation import Missing

NAMES = {"a": 1, "half": Fraction(1, 2), "map": {"k": {"z": 1}}, "raw": "<b> {{ a }} {% x %}", "items": (1, "b")}


def render(source, **names):
    return compile_template(source, {})({**NAMES, **names})


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("plain } text {\n", "plain } text {\n"),
        ("{{a}} and {{ half }}\n\n", "1 and 0.5\n\n"),
        ("{{ '{%' }} if { % a %} {{ '{#' }} #} }}", "{% if { % a %} {# #} }}"),
        ("{{ raw }}", "<b> {{ a }} {% x %}"),
        ("{{ '{{' }} {{ \"}}\" }}", "{{ }}"),
        ("{{ {'k': {'z': 1}}.k.z }}", "1"),
        ("{{ map }}", '{"k": {"z": 1}}'),
        ("{{ items }} {{ none }} {{ true }}", "1, b none true"),
        ("x\n  {{- a -}}\n y", "x1y"),
        ("{{ - a }}|{{ a - 2 }}", "-1|-1"),
        ("{{ missing | default('?') }}", "?"),
        ("crlf\r\n{{ a }}\r\n", "crlf\r\n1\r\n"),
    ],
)
def test_only_double_braces_are_syntax_and_values_are_shown_once(source, text):
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "at", "message"),
    [
        ("ab {{ a", "{{ a", "never closed"),
        ("ab {{ 'a }}", "'a", "this quote is never closed"),
        ("ü {{ a }} {{ b + }}", " }}", "unexpected end of the expression"),
        ("ü\n{{ a }} {{ nope(1) }}", "nope", "there is no function 'nope'"),
        ("{{ (a }}", "(a", "never closed by"),
        ("{{ }}", " }}", "the expression is empty"),
        ("{{ a }} {{ {{ a }} }}", "{{ a }} }}", "does not belong"),
        ("{{ a }}{% for a in items %}", "{% for", "not '{%'"),
        ("ü {%- if a %}x{% endif %}", "{%-", "not '{%'"),
        ("{{ '{%' }} {# note #}", "{# note", "not '{#'"),
        ("{{ 'a\\d' }}", "\\d", "means nothing"),
    ],
)
def test_a_mistake_is_pointed_at_inside_its_hole(source, at, message):
    with pytest.raises(NotationError, match=message) as caught:
        compile_template(source, {})
    assert source[caught.value.start :].startswith(at) or source[caught.value.start - 1 :].startswith(at)


def test_a_hole_without_a_value_is_missing():
    with pytest.raises(Missing, match=r"map\.other is missing"):
        render("{{ map.other }}")


def test_the_names_of_all_holes_are_known():
    assert compile_template("{{ a.b }} {{ c[d] }}", {}).names == {"a", "c", "d"}


def test_a_huge_text_is_refused():
    with pytest.raises(ValueError, match="more than 1,000,000 characters"):
        render("{{ big }}{{ big }}", big="a" * 600_000)


@given(st.text(max_size=60).filter(lambda text: not any(sign in text for sign in ("{{", "{%", "{#"))))
def test_text_without_holes_is_itself(source):
    assert render(source) == source


@given(st.text(max_size=60))
def test_a_value_is_never_rendered_again(value):
    assert render("[{{ value }}]", value=value) == f"[{value}]"
