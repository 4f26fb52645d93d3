import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stepflow.config.yaml_nodes import read

PRINTABLE = string.ascii_letters + string.digits + " '\"\\{}[]()^$.*+?|:#,&!%@`~-_=<>éß→😀"
LINE = st.text(PRINTABLE, min_size=1, max_size=30)


def assert_every_character_is_found(text, path):
    document = read(text, "f.yaml")
    value = document.data
    for part in path:
        value = value[part]
    assert isinstance(value, str)
    for index, char in enumerate(value):
        span = document.inside(path, index, index + 1)
        line = document.line_text(span.line)
        assert (line + "\n")[span.column - 1] == char


@given(LINE)
def test_offsets_inside_a_plain_scalar_point_at_the_same_character(text):
    plain = "x" + text.replace(": ", "").replace(" #", "").rstrip(": ")
    assert_every_character_is_found(f"a:\n  - key: {plain}\n", ("a", 0, "key"))


@given(LINE)
def test_offsets_inside_single_quotes_point_at_the_same_character(text):
    quoted = text.replace("'", "''")
    assert_every_character_is_found(f"a: {{key:   '{quoted}'}}\n", ("a", "key"))


@given(st.lists(LINE | st.just(""), min_size=1, max_size=5), st.sampled_from(["|", "|-", "|+", "| # why"]))
def test_offsets_inside_a_literal_block_point_at_the_same_character(lines, header):
    assume(lines[0].strip() and not lines[0].startswith(" "))
    body = "\n".join(f"    {line}" if line else "" for line in lines)
    assert_every_character_is_found(f"a:\n  key: {header}\n{body}\nb: 1\n", ("a", "key"))


@given(st.lists(LINE | st.just(""), min_size=1, max_size=6))
def test_offsets_inside_a_folded_block_point_at_the_same_character_or_the_line_end_it_stands_for(lines):
    assume(lines[0].strip() and not lines[0].startswith(" "))
    body = "\n".join(f"  {line}" if line else "" for line in lines)
    document = read(f"key: >\n{body}\nb: 1\n", "f.yaml")
    for index, char in enumerate(document.data["key"]):
        span = document.inside(("key",), index, index + 1)
        found = (document.line_text(span.line) + "\n")[span.column - 1]
        assert found == char or (char == " " and found == "\n")


@given(LINE)
def test_offsets_inside_double_quotes_point_at_the_character_or_its_escape(text):
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    document = read(f'key: "{quoted}"\n', "f.yaml")
    for index, char in enumerate(text):
        column = document.inside(("key",), index, index + 1).column
        found = document.line_text(1)[column - 1]
        assert found == ("\\" if char in '\\"' else char)


@pytest.mark.parametrize(
    ("text", "word", "place"),
    [
        ("key: a 'b' word\n", "word", (1, 12, 1, 16)),
        ("key: 'it''s word'\n", "word", (1, 13, 1, 17)),
        ('key: "\\t\\u00e9\\x41 word"\n', "word", (1, 20, 1, 24)),
        ('key: "a \\\n  b\n\n  word"\n', "word", (4, 3, 4, 7)),
        ("key: a\n  b\n\n  word c\n", "word", (4, 3, 4, 7)),
        ("key: |\n  a\n    word\n", "word", (3, 5, 3, 9)),
        ("key: |2\n    a\n  word\n", "word", (3, 3, 3, 7)),
        ("key: >-\n  a\n\n   deeper\n  word\n", "word", (5, 3, 5, 7)),
        ("key: &anchor 'a word'\n", "word", (1, 17, 1, 21)),
        ("- &anchor a word\n- key: *anchor\n", "word", (1, 13, 1, 17)),
        ("key: |\n  word", "word", (2, 3, 2, 7)),
        ("key: |\r\n  a\r\n  word\r\n", "word", (3, 3, 3, 7)),
        ("\ufeffkey: word\n", "word", (1, 6, 1, 10)),
    ],
)
def test_a_stretch_of_the_value_is_found_in_every_style(text, word, place):
    document = read(text, "f.yaml")
    path = (1, "key") if isinstance(document.data, list) else ("key",)
    value = document.scalar(path).text
    start = value.index(word)
    span = document.inside(path, start, start + len(word))
    assert (span.line, span.column, span.end_line, span.end_column) == place


def test_offsets_outside_the_value_are_clamped():
    document = read("key: 'abc'\n", "f.yaml")
    assert str(document.inside(("key",), 99, 120)) == "f.yaml:1:10"
    assert str(document.inside(("key",), -5, 2)) == "f.yaml:1:7"


def test_inside_something_that_is_no_text_is_the_whole_of_it():
    document = read("key: [a, b]\n", "f.yaml")
    assert document.inside(("key",), 0, 1) == document.locate(("key",))
