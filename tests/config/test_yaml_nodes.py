import json
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stepflow.config import yaml_nodes
from stepflow.config.yaml_nodes import ExactFloat, read, read_file
from stepflow.errors import ConfigError, UsageError
from stepflow.source import Span, render


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True, scope="module")
def _parser(request):
    """Every test here runs on the parser written in C, where it is built in, and on the one in Python."""
    before = yaml_nodes._LOADER
    yaml_nodes._LOADER = getattr(yaml, request.param, yaml.SafeLoader)
    yield
    yaml_nodes._LOADER = before


def problems(text):
    with pytest.raises(ConfigError) as caught:
        read(text, "r.yaml")
    return caught.value.diagnostics


def told(text):
    return [f"{d.span.line}:{d.span.column}-{d.span.end_column} {d.code}: {d.message}" for d in problems(text)]


# --- data ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("---\n", None),
        ("a: no\nb: on\nc: 12:30\nd: 2026-01-02\ne: 1_000\nf: 012\n",
         {"a": "no", "b": "on", "c": "12:30", "d": "2026-01-02", "e": "1_000", "f": 12}),
        ("a: '3'\nb: \"true\"\nc: |\n  3\n", {"a": "3", "b": "true", "c": "3\n"}),
        ("on: 1\nno: 2\n1: 3\n0x10: 4\nnull: 5\n1.50: 6\n",
         {"on": 1, "no": 2, "1": 3, "0x10": 4, "null": 5, "1.50": 6}),
        ("a:\nb: ~\nc: ''\n", {"a": None, "b": None, "c": ""}),
        ("p: $.a[?(@.b)]\n", {"p": "$.a[?(@.b)]"}),
        ("- &x {k: [1]}\n- *x\n", [{"k": [1]}, {"k": [1]}]),
        ("'<<': text\n", {"<<": "text"}),
        ("a: x # why\n", {"a": "x"}),
        ("\ufeffa: 1\r\nb: 2\r", {"a": 1, "b": 2}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("a: {}\nb: []\n", {"a": {}, "b": []}),
    ],
)  # fmt: skip
def test_text_becomes_plain_data(text, data):
    assert read(text, "r.yaml").data == data


def test_floats_keep_their_text():
    value = read("a: 0.10\n", "r.yaml").data["a"]
    assert isinstance(value, ExactFloat)
    assert value.text == "0.10"


def test_aliases_become_copies():
    data = read("a: &x [1]\nb: *x\n", "r.yaml").data
    assert data["a"] is not data["b"]


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdef", min_size=1), inner, max_size=4),
    max_leaves=15,
)


@given(json_like, st.sampled_from([None, 2]))
def test_json_is_read_as_what_it_says(data, indent):
    assert read(json.dumps(data, indent=indent), "r.json").data == data


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_places(text):
    try:
        spans = [read(text, "r.yaml").locate(())]
    except ConfigError as error:
        spans = [problem.span for problem in error.diagnostics]
    assert spans
    assert all(span.line >= 1 and span.column >= 1 for span in spans)


# --- places -------------------------------------------------------------------------------------------------------

RULE = """\
id: demo

match:
  - {type: regex, pattern: 'x y'}
  - json

reuse:
  top_k: 3   # a few
  ignore:
    - please

  # the end of it
empty:
text: |
  one
  two
use: &anchor
  deep: 1
again: *anchor
"""


@pytest.mark.parametrize(
    ("path", "part", "place"),
    [
        (("id",), "value", (1, 5, 1, 9)),
        (("id",), "key", (1, 1, 1, 3)),
        (("match",), "value", (4, 3, 5, 9)),
        (("match", 0), "value", (4, 5, 4, 34)),
        (("match", 0, "pattern"), "value", (4, 28, 4, 33)),
        (("match", 0, "pattern"), "key", (4, 19, 4, 26)),
        (("match", 1), "value", (5, 5, 5, 9)),
        (("match", 1), "key", (5, 5, 5, 9)),
        (("reuse",), "value", (8, 3, 10, 13)),
        (("reuse", "ignore", 0), "value", (10, 7, 10, 13)),
        (("empty",), "value", (13, 1, 13, 6)),
        (("text",), "value", (14, 7, 17, 1)),
        (("again",), "value", (19, 8, 19, 15)),
        (("again", "deep"), "key", (18, 3, 18, 7)),
        (("reuse", "nothing"), "value", (7, 1, 7, 6)),
        (("reuse", "top_k", "deeper", 4), "value", (8, 3, 8, 8)),
        (("match", 0, "nothing"), "value", (4, 5, 4, 34)),
        (("match", 9), "value", (3, 1, 3, 6)),
        (("match", "0"), "value", (3, 1, 3, 6)),
        (("nothing",), "value", (1, 1, 19, 15)),
        ((), "value", (1, 1, 19, 15)),
    ],
)
def test_every_part_knows_its_place(path, part, place):
    assert read(RULE, "r.yaml").locate(path, part) == Span("r.yaml", *place)


def test_an_empty_file_has_a_place():
    assert read("", "r.yaml").locate(("a", 0)) == Span("r.yaml", 1, 1, 1, 1)


def test_what_is_written_at_a_path_can_be_asked():
    document = read(RULE, "r.yaml")
    assert document.is_blank(("empty",))
    assert not document.is_blank(("id",))
    assert document.is_plain(("id",))
    assert not document.is_plain(("match", 0, "pattern"))
    assert document.scalar(("reuse",)) is None
    assert document.scalar(("id", "deeper")) is None
    assert document.lines[4] == "  - json"
    assert document.line_text(99) == ""


def test_a_diagnostic_shows_its_line_and_points_inside_the_text():
    problem = read(RULE, "r.yaml").diagnostic(
        "bad-regex", "no 'y' here", ("match", 0, "pattern"), offset=(2, 3), hints=("try z",), breadcrumb="rule demo"
    )
    assert render(problem).splitlines() == [
        "r.yaml:4:31: error[bad-regex]: no 'y' here",
        "  |",
        "4 |   - {type: regex, pattern: 'x y'}",
        "  |                               ^",
        "  = try z",
        "  = in: rule demo",
    ]


# --- problems -----------------------------------------------------------------------------------------------------

SYNTAX = [
    ("a: {{ x }}\n", "1:4-6", "a text that begins with '{{' must be in quotes"),
    ("a: {{ x }} and more\n", "1:4-6", "a text that begins with '{{' must be in quotes"),
    ("a: {t: {{x}}}\n", "1:8-10", "a text that begins with '{{' must be in quotes"),
    ("a: 1\nb: Hello {{ x }}: y\n", "2:17-18", "': ' inside a text needs quotes around the text"),
    ("a: b: c\n", "1:5-6", "': ' inside a text needs quotes around the text"),
    ("p: ^\\d+: x\n", "1:8-9", "': ' inside a text needs quotes around the text"),
    ("a:\n\tb: 1\n", "2:1-2", "a tab cannot indent YAML"),
    ("a:\n  b: 1\n\tc: 2\n", "3:1-2", "a tab cannot indent YAML"),
    ('p: "^\\d+$"\n', "1:6-8", "'\\d' is not an escape that double quotes know"),
    ('p: "\\u12"\n', "1:5-7", "'\\u' is not an escape that double quotes know"),
    ("a: 1\nverify\n  - x\n", "2:1-7", "this line has no ':'"),
    ("a:1\nb: 2\n", "1:2-3", "a space is missing after ':'"),
    ("a: 1\nb:2\n", "2:2-3", "a space is missing after ':'"),
    ("p: [a-z]+\n", "1:4-10", "a text that begins with '[' must be in quotes"),
    ("p: [a-z\nb: 1\n", "1:4-5", "'[' is never closed"),
    ("a: {b: 1\nc: 2\n", "1:4-5", "'{' is never closed"),
    ("a: {p: x{2}}\n", "1:9-10", "expected ',' or '}' here"),
    ("a: {text: a, b}\n", "1:14-15", "'b' has no ': value'"),
    ("p: @x\n", "1:4-5", "a text that begins with '@' must be in quotes"),
    ("p: `x`\n", "1:4-5", "a text that begins with '`' must be in quotes"),
    ("p: %d\n", "1:4-5", "a text that begins with '%' must be in quotes"),
    ("%d\na: 1\n", "1:1-2", "a line that begins with '%' is a YAML directive"),
    ("p: **bold**\n", "1:4-5", "'*' at the beginning of a text refers to an anchor in YAML"),
    ("p: &\n", "1:4-5", "'&' at the beginning of a text names an anchor in YAML"),
    ("a: 'it\nb: 2\n", "1:4-5", "this quote is never closed"),
    ('a: "it\nb: 2\n', "1:4-5", "this quote is never closed"),
    ("a: 'it's'\n", "1:8-10", "this stands after the closing quote"),
    ('a: "x" y\n', "1:8-9", "this stands after the closing quote"),
    ("a: 1\n b: 2\n", "2:2-3", "this line is indented deeper than the one above, which already has a value"),
    ("a:\n  b: 1\n c: 2\n", "3:2-6", "the indentation of this line does not fit the map that begins on line 1"),
    ("a:\n  - x\n  b: 1\n", "3:3-7", "expected a list item ('- ') of the list that begins on line 2"),
    ("a: 1\n- b\n", "2:1-4", "expected a key ('key: value') of the map that begins on line 1"),
    ("a: 1}\nb: 2 ]\nc: 'x' ]\n", "3:8-9", "this stands after the closing quote"),
    ("a: | x\n", "1:4-7", "after '|' a text begins on the next line"),
    ("p: >= 3\n", "1:4-8", "after '>' a text begins on the next line"),
    ("a: - b\n", "1:4-5", "a list cannot begin on the line of its key"),
    ("p: ? x\n", "1:4-5", "a text cannot begin with '?' without quotes"),
    ("p: , x\n", "1:4-5", "a text cannot begin with ',' without quotes"),
    ("? [a, b]\n: 1\n", "1:3-9", "a key must be a plain word or a quoted text"),
]


@pytest.mark.parametrize(("text", "place", "message"), SYNTAX)
def test_a_syntax_error_stands_where_its_cause_is_and_says_it_plainly(text, place, message):
    assert told(text) == [f"{place} syntax: {message}"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('p: "^\\d+$"\n', "use single quotes: in them a backslash is an ordinary character"),
        ("p: @it's\n", "write it as '@it''s'"),
        ("p: [a-z]+\n", "write it as '[a-z]+'"),
        ("a: {{ x }}\n", "put the whole text in single quotes"),
        ("a:\n\tb: 1\n", "indent with spaces"),
        ("a: 'it's'\n", "an apostrophe inside single quotes is written twice: 'it''s'"),
        ("p: >= 3\n", "when '>' belongs to the text: write it as '>= 3'"),
        ("p: *x\n", "write it as '*x' in quotes when it is a text"),
    ],
)
def test_a_syntax_error_says_how_to_mend_it(text, hint):
    assert hint in problems(text)[0].hints


def test_after_a_syntax_error_nothing_else_is_said():
    assert len(problems("a: 1\na: 2\nb: @x\n")) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n'a': 4\n",
         ["3:1-2 duplicate-key: 'a' is already given on line 1",
          "4:1-4 duplicate-key: 'a' is already given on line 1"]),
        ("a: {b: 1, b: 2}\nc:\n  d: 1\n  d: 2\n",
         ["1:11-12 duplicate-key: 'b' is already given on line 1",
          "4:3-4 duplicate-key: 'd' is already given on line 3"]),
        ("x: &x {a: 1}\ny:\n  <<: *x\n",
         ["3:3-5 merge-key: merge keys ('<<') are not part of the language"]),
        ("a: 1\n---\nb: 2\n---\nc: 3\n", ["2:1-4 second-document: a second document begins here"]),
        ("%YAML 1.1\n---\na: 1\n", ["1:1-4 directive: YAML directives are not part of the language"]),
        ("a: *y\n", ["1:4-6 unknown-anchor: there is no anchor '&y' above"]),
        ("a: &x [*x]\n", ["1:8-10 recursive-alias: '*x' stands inside what it refers to"]),
        ("? \n: 1\n", ["1:2-2 syntax: there is no key before this ':'"]),
        ("a: " + "9" * 500 + "\n", ["1:4-504 number-too-large: a number may have at most 400 digits"]),
        ("a: x\x00y\nb: \u2028\n",
         ["1:5-6 control-character: the invisible character U+0000 cannot stand in YAML",
          "2:4-5 control-character: the invisible character U+2028 cannot stand in YAML"]),
        ("a: !!python/name:os.system x\nb: !mine y\n",
         ["1:4-29 tag: YAML tags are not part of the language: '!!python/name:os.system'",
          "2:4-11 tag: YAML tags are not part of the language: '!mine'"]),
    ],
)  # fmt: skip
def test_what_is_not_part_of_the_language_is_refused_all_at_once(text, expected):
    assert told(text) == expected


def test_nesting_is_bounded_also_through_aliases():
    assert read("[" * 50 + "]" * 50, "r.yaml").data
    assert [problem.code for problem in problems("[" * 51 + "]" * 51)] == ["too-deep"]
    assert [problem.code for problem in problems("[" * 100_000)] == ["too-deep"]
    assert [problem.code for problem in problems("- " * 20_000)] == ["too-deep"]
    half = "[" * 30 + "]" * 30
    assert [problem.code for problem in problems(f"a: &a {half}\nb: {'[' * 30}*a{']' * 30}\n")] == ["too-deep"]


def test_alias_expansion_is_bounded():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 9)
    )
    assert [problem.code for problem in problems(bomb)] == ["too-many-aliases"]


def test_a_large_file_is_refused():
    assert [problem.code for problem in problems("#" + "x" * 1024 * 1024)] == ["file-too-large"]
    assert [problem.code for problem in problems("#" + "é" * 600_000)] == ["file-too-large"]


# --- files --------------------------------------------------------------------------------------------------------


def test_a_file_is_read_with_its_name(tmp_path: Path):
    file = tmp_path / "r.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\r\n")
    document = read_file(file)
    assert document.data == {"a": "é"}
    assert document.path == str(file)


@pytest.mark.parametrize(("name", "reason"), [("none.yaml", "there is no such file"), ("", "cannot be read: ")])
def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path, name: str, reason: str):
    with pytest.raises(UsageError, match=reason):
        read_file(tmp_path / name)


def test_bytes_that_are_not_utf8_are_pointed_at(tmp_path: Path):
    file = tmp_path / "r.yaml"
    file.write_bytes("a: é\n".encode() + "b: é\n".encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        read_file(file)
    assert render(caught.value.diagnostics[0]).splitlines() == [
        f"{file}:2:4: error[encoding]: byte 0xe9 is not UTF-8 text",
        "  |",
        "2 | b: \ufffd",
        "  |    ^",
        "  = save the file as UTF-8",
    ]


def test_a_large_file_is_not_read_whole(tmp_path: Path):
    file = tmp_path / "r.yaml"
    file.write_bytes(b"# " + "é".encode() * 1024 * 1024)
    with pytest.raises(ConfigError, match="at most 1024 KiB"):
        read_file(file)


def test_what_one_reader_does_to_the_data_of_a_file_the_next_does_not_see(tmp_path: Path):
    file = tmp_path / "r.yaml"
    file.write_text("a: {b: [1]}\n")
    read_file(file).data["a"]["b"].append(2)
    assert read_file(file).data == {"a": {"b": [1]}}


def test_a_file_of_the_same_name_size_and_time_is_read_anew_when_its_text_differs(tmp_path: Path):
    file = tmp_path / "r.yaml"
    file.write_text("a: 1\n")
    before = read_file(file).data, file.stat()
    file.write_text("a: 2\n")
    os.utime(file, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))
    assert (before[0], read_file(file).data) == ({"a": 1}, {"a": 2})
