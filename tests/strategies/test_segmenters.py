from __future__ import annotations

from collections.abc import Callable
from json import dumps
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stepflow.compiler.workshop import Workshop
from stepflow.strategies.segmenters import (
    code_blocks,
    csv,
    json,
    lark,
    lines,
    markdown,
    markdown_table,
    numbered,
    paragraphs,
    regex,
    sentences,
    whole,
    yaml,
)

Make = Callable[..., Any]

ALL: list[tuple[Any, dict[str, Any]]] = [
    (whole, {}),
    (lines, {}),
    (paragraphs, {}),
    (sentences, {}),
    (regex, {"separator": r"\s*;\s*|-*"}),
    *((numbered, {"fallback": way}) for way in ("whole", "lines", "paragraphs", "sentences")),
    *((json, {"by": by}) for by in ("document", "member", "element", "part")),
    (lark, {"grammar": "equation"}),
    (lark, {"grammar": "pair"}),
    (lark, {"grammar": "pair", "emphasis": True}),
    (code_blocks, {}),
    (markdown, {}),
    (markdown_table, {}),
    *((yaml, {"by": by}) for by in ("document", "member", "element")),
    *((csv, {"delimiter": delimiter}) for delimiter in (",", ";")),
]
CLEANING = (json, code_blocks, markdown, csv, markdown_table, yaml)
DOCUMENTS = st.builds(
    dumps,
    st.dictionaries(st.text(max_size=3), st.lists(st.integers(), max_size=2), max_size=3) | st.lists(st.integers()),
    indent=st.sampled_from([None, 1]),
)
ALPHABET = '_ab1234.):(*# \t\n;-{}[]",stepSTEP\r`>|='


@pytest.mark.parametrize(("plug", "options"), ALL)
@given(text=st.text(alphabet=ALPHABET, max_size=60) | st.text(max_size=20) | DOCUMENTS)
def test_steps_and_separators_rejoin_to_the_text(
    context: Workshop, plug: Any, options: dict[str, Any], text: str
) -> None:
    segmenter = plug.build(plug.Options(**options), context)
    pieces = segmenter.segment(text)
    assert "".join(piece.text + piece.separator for piece in pieces) == text
    assert bool(pieces) == bool(text)
    assert all(0 <= segmenter.body(piece.text) <= len(piece.text) for piece in pieces)


@pytest.mark.parametrize(
    ("plug", "options", "text", "pieces"),
    [
        (whole, {}, "a\nb", [("a\nb", "")]),
        (lines, {}, "\na\n\n  b \nc", [("\na", "\n\n"), ("  b", " \n"), ("c", "")]),
        (paragraphs, {}, "a\nb\n \n\nc\n", [("a\nb", "\n \n\n"), ("c", "\n")]),
        (sentences, {}, "It is 3.5. Yes.", [("It is 3.5.", " "), ("Yes.", "")]),
        (regex, {"separator": ";"}, ";a;;b;", [(";a", ";;"), ("b", ";")]),
        (numbered, {}, "1. a\n2. b", [("1. a", "\n"), ("2. b", "")]),
        (numbered, {}, "Intro\n\n1) a\n more\n2) b\n", [("Intro", "\n\n"), ("1) a\n more", "\n"), ("2) b", "\n")]),
        (numbered, {}, "**Step 1:** a\n\n**Step 2:** b", [("**Step 1:** a", "\n\n"), ("**Step 2:** b", "")]),
        (numbered, {}, "### Step 3\na\n### Step 4\nb", [("### Step 3\na", "\n"), ("### Step 4\nb", "")]),
        (numbered, {}, "(1) a\n(2) b", [("(1) a", "\n"), ("(2) b", "")]),
        (numbered, {}, "1. a\n12. data\n2. b", [("1. a\n12. data", "\n"), ("2. b", "")]),
        (numbered, {}, "1. a\n   1. x\n   2. y\n2. b", [("1. a\n   1. x\n   2. y", "\n"), ("2. b", "")]),
        (numbered, {}, "Step 1: a\n1. x\n2. y\nStep 2: b", [("Step 1: a\n1. x\n2. y", "\n"), ("Step 2: b", "")]),
        (numbered, {}, "1.5 a\n2.5 b", [("1.5 a", "\n"), ("2.5 b", "")]),
        (numbered, {"fallback": "whole"}, "a\nb", [("a\nb", "")]),
        (json, {"by": "member"}, '{"a": 1,\n "b": [2, 3]}', [('{"a": 1', ",\n "), ('"b": [2, 3]', "}")]),
        (yaml, {}, "a: 1\nb: 2\n", [("a: 1\nb: 2\n", "")]),
        (
            yaml,
            {"by": "member"},
            "# all\na: |\n  # text\n  x: 1\n\n# of b\nb:\n- 1\n'c d': {e: 1,\n  f: 2}\n",
            [("# all\na: |\n  # text\n  x: 1", "\n\n"), ("# of b\nb:\n- 1", "\n"), ("'c d': {e: 1,\n  f: 2}", "\n")],
        ),
        (yaml, {"by": "member"}, "a: 1\r\nb: 2", [("a: 1", "\r\n"), ("b: 2", "")]),
        (yaml, {"by": "member"}, "{a: 1, b: 2}", [("{a: 1, b: 2}", "")]),
        (yaml, {"by": "member"}, "- a\n- b", [("- a\n- b", "")]),
        (
            yaml,
            {"by": "element"},
            "- a: 1\n  b: 2\n-\n  - x\n  - y\n- - z\n",
            [("- a: 1\n  b: 2", "\n"), ("-\n  - x\n  - y", "\n"), ("- - z", "\n")],
        ),
        (
            markdown_table,
            {},
            "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n",
            [("| a | b |\n|---|---|", "\n"), ("| 1 | 2 |", "\n"), ("| 3 | 4 |", "\n")],
        ),
        (markdown_table, {}, "a | b", [("a | b", "")]),
        (json, {"by": "member"}, "{ }", [("{ }", "")]),
        (json, {"by": "element"}, '[{"a": 1}, 2 ]', [('[{"a": 1}', ", "), ("2", " ]")]),
        (json, {"by": "member"}, "[1]", [("[1]", "")]),
        (json, {"by": "part"}, '{"a": 1, "b": 2}\n', [('{"a": 1', ", "), ('"b": 2', "}\n")]),
        (json, {"by": "part"}, '[{"a": 1}, 2]', [('[{"a": 1}', ", "), ("2", "]")]),
        (json, {"by": "part"}, '"a"', [('"a"', "")]),
        (json, {}, '{"a": 1}', [('{"a": 1}', "")]),
        (
            lark,
            {"grammar": "equation"},
            "So 2x = 8, x = 4\nDone",
            [
                ("So", " "),
                ("2x = 8", ""),
                (",", " "),
                ("x = 4", "\n"),
                ("Done", ""),
            ],
        ),
        (lark, {"grammar": "pair"}, " 5 km\n\n6 m ", [(" 5 km", "\n\n"), ("6 m", " ")]),
        (lark, {"grammar": "pair"}, "none", [("none", "")]),
        (lark, {"grammar": "pair"}, "_5 km_", [("_5 km_", "")]),
        (lark, {"grammar": "pair", "emphasis": True}, "__5 km_ 6 k_m", [("__", ""), ("5 km", ""), ("_ 6 k_m", "")]),
        (
            code_blocks,
            {},
            "Do:\n\n- a\n```\nx\n\ny\n```\nThen\n\nb",
            [
                ("Do:\n\n- a", "\n"),
                ("```\nx\n\ny\n```", "\n"),
                ("Then\n\nb", ""),
            ],
        ),
        (code_blocks, {}, "```\na\n```\n\n```\nb\n```\n", [("```\na\n```", "\n\n"), ("```\nb\n```", "\n")]),
        (
            markdown,
            {},
            "# T\na\nb\n\n- c\n  d\n- e",
            [
                ("# T", "\n"),
                ("a\nb", "\n\n"),
                ("- c\n  d", "\n"),
                ("- e", ""),
            ],
        ),
        (markdown, {}, "a | b\n--|--\n1 | 2\n\n~~~\nx\n~~~", [("a | b\n--|--\n1 | 2", "\n\n"), ("~~~\nx\n~~~", "")]),
        (csv, {}, 'a,b\n"x\ny",2\n\n3,4\n', [("a,b", "\n"), ('"x\ny",2', "\n\n"), ("3,4", "\n")]),
        (csv, {}, 'a,"b', [('a,"b', "")]),
    ],
)
def test_a_text_is_cut(
    make: Make, plug: Any, options: dict[str, Any], text: str, pieces: list[tuple[str, str]]
) -> None:
    assert [(piece.text, piece.separator) for piece in make(plug, **options).segment(text)] == pieces


@pytest.mark.parametrize(
    ("text", "body", "relabelled"),
    [
        ("1. a 1.", "a 1.", "12. a 1."),
        ("  3) a", "a", "  12) a"),
        ("(2) a", "a", "(12) a"),
        ("**Step 2:** a", "a", "**Step 12:** a"),
        ("### Step 2\na", "\na", "### Step 12\na"),
        ("\n\n 1. a", "a", "\n\n 12. a"),
        ("1. **Bold** a", "**Bold** a", "12. **Bold** a"),
        ("Step 2 - a", "a", "Step 12 - a"),
        ("2. -8w + 7", "-8w + 7", "12. -8w + 7"),
        ("Step 2: -a", "-a", "Step 12: -a"),
        ("2. .5x", ".5x", "12. .5x"),
        ("2.5 is a", "2.5 is a", "2.5 is a"),
        ("no marker 1.", "no marker 1.", "no marker 1."),
    ],
)
def test_a_marker_is_told_from_the_content_and_renumbered(make: Make, text: str, body: str, relabelled: str) -> None:
    segmenter = make(numbered)
    assert text[segmenter.body(text) :] == body
    assert segmenter.relabel(text, 12) == relabelled


@pytest.mark.parametrize(
    ("by", "text", "body"),
    [
        ("member", '{"a": 1', '"a": 1'),
        ("member", '"b": {"c": 1}', '"b": {"c": 1}'),
        ("member", "{}", "{}"),
        ("element", "[ [1, 2]", "[1, 2]"),
        ("element", "[1, 2]", "[1, 2]"),
        ("part", '{"a": [1]', '"a": [1]'),
        ("part", '[{"a": 1}', '{"a": 1}'),
        ("part", '{"a": 1}', '{"a": 1}'),
        ("part", "[]", "[]"),
        ("document", '{"a": 1}', '{"a": 1}'),
    ],
)
def test_the_opening_bracket_is_not_content_of_the_first_step(make: Make, by: str, text: str, body: str) -> None:
    assert text[make(json, by=by).body(text) :] == body


@pytest.mark.parametrize(
    ("text", "first", "other"),
    [
        ('"a": {"b": 1}', '{"a": {"b": 1}', '"a": {"b": 1}'),
        ('{"a": 1', '{"a": 1', '"a": 1'),
        ('{"a": 1}', '[{"a": 1}', '{"a": 1}'),
        ("[[1]", "[[1]", "[1]"),
        ('"a: b"', '["a: b"', '"a: b"'),
    ],
)
def test_a_part_of_json_takes_the_bracket_of_its_value_to_the_first_place(
    make: Make, text: str, first: str, other: str
) -> None:
    segmenter = make(json, by="part")
    assert (segmenter.relabel(text, 1), segmenter.relabel(text, 2)) == (first, other)


def test_json_takes_off_what_stands_around_the_value(make: Make) -> None:
    assert make(json, root="object").clean('Sure:\n```json\n{"a": 1}\n```') == '{"a": 1}'


@pytest.mark.parametrize("text", ["no json", "{} {}", '{"a": 1, "a": 2}', "[1]"])
def test_json_declines_a_reply_without_exactly_one_value(make: Make, text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        make(json, by="member").clean(text)


@pytest.mark.parametrize(
    ("plug", "options", "text", "cleaned"),
    [
        (csv, {}, "a,b\n1,2\n", "a,b\n1,2\n"),
        (csv, {}, "Sure, here it is:\na,b\n1,2\n\nI hope, this helps.", "a,b\n1,2"),
        (csv, {}, "Sure:\n```csv\na,b\n1,2\n```\nDone.", "a,b\n1,2"),
        (code_blocks, {"prose": "drop"}, "Sure:\n```py\nx = 1\n```\nDone.", "x = 1"),
        (code_blocks, {"prose": "drop", "bare": True}, "Sure:\n```\nx = 1\n```", "x = 1"),
        (code_blocks, {"prose": "drop", "bare": True}, "x = 1", "x = 1"),
        (markdown_table, {}, "Sure:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nDone.", "| a | b |\n|---|---|\n| 1 | 2 |"),
        (yaml, {"by": "member"}, "Sure:\n```yaml\na: 1\nb: 2\n```\nDone.", "a: 1\nb: 2"),
        (yaml, {}, "[1, 2]", "[1, 2]"),
        (code_blocks, {}, "Sure:\n```\nx\n```", "Sure:\n```\nx\n```"),
    ],
)
def test_what_stands_around_the_answer_comes_off(
    make: Make, plug: Any, options: dict[str, Any], text: str, cleaned: str
) -> None:
    assert make(plug, **options).clean(text) == cleaned


@pytest.mark.parametrize(
    ("plug", "options", "text", "reason"),
    [
        (csv, {}, "a,b\n1,2\n3,4,5", "row of another length"),
        (csv, {}, "a,b\n1,2\n\n3,4,5", "row of another length"),
        (csv, {}, "a,b\n1,2\n\nc,d\n3,4", "2 tables found"),
        (csv, {}, "No table, sorry.\nReally.", "0 tables found"),
        (csv, {}, "```csv\na,b", "does not end"),
        (csv, {}, "```json\n{}\n```", "not csv"),
        (markdown_table, {}, "no table", "0 tables found"),
        (markdown_table, {}, "|a|b|\n|-|-|\n|1|2|\n\n|3|4|", "a row stands apart from the table"),
        (yaml, {}, "Here you are", "no YAML mapping or list"),
        (yaml, {}, "Sure:\na: 1\na: 2", "line"),
        (yaml, {}, "a: 1\n---\nb: 2", "line 2"),
        (yaml, {}, "a: !!python/name:os.system x", "tag"),
        (yaml, {}, "```yaml\na: 1\n```\n```yaml\nb: 2\n```", "2 fenced blocks"),
        (yaml, {"by": "member"}, "- a", "no YAML mapping"),
        (yaml, {"by": "element"}, "a: 1", "no YAML list"),
        (yaml, {"by": "member"}, "{a: 1, b: 2}", "not written as one member a line"),
        (code_blocks, {}, "```\nx", "does not end"),
        (code_blocks, {"prose": "drop"}, "no code", "no fenced block"),
        (code_blocks, {"prose": "drop"}, "```\na\n```\n```\nb\n```", "2 fenced blocks"),
        (markdown, {}, "a\n~~~\nb", "does not end"),
    ],
)
def test_a_reply_without_exactly_one_whole_answer_is_declined(
    make: Make, plug: Any, options: dict[str, Any], text: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        make(plug, **options).clean(text)


HEAD = "| a | b |\n|---|---|"


@pytest.mark.parametrize(
    ("plug", "text", "head", "whole"),
    [
        (markdown_table, "| 1 | 2 |\n| 3 | 4 |\n", HEAD, f"{HEAD}\n| 1 | 2 |\n| 3 | 4 |"),
        (markdown_table, "Here:\n\n| 1 | 2 |\n\nDone.", HEAD, f"{HEAD}\n| 1 | 2 |"),
        (markdown_table, "Here:\n```\n| 1 | 2 |\n```", HEAD, f"{HEAD}\n| 1 | 2 |"),
        (markdown_table, "|a|b|\n|1|2|", HEAD, f"{HEAD}\n|1|2|"),
        (csv, "1,2", "a,b", "a,b\n1,2"),
        (csv, "The missing row is:\n\n1,2\n", "a,b", "a,b\n1,2"),
        (csv, "Here:\n```csv\n1,2\n3,4\n```", "a,b", "a,b\n1,2\n3,4"),
    ],
)
def test_rows_alone_make_a_table_with_the_header_that_they_belong_below(
    make: Make, plug: Any, text: str, head: str, whole: str
) -> None:
    assert make(plug).below(text, head) == whole


@pytest.mark.parametrize(
    ("plug", "text", "head", "reason"),
    [
        (markdown_table, "no rows, sorry", HEAD, "no rows"),
        (markdown_table, "| 1 | 2 |\nor\n| 3 | 4 |", HEAD, "stand apart"),
        (markdown_table, "| 1 | 2 |\n\n| 3 | 4 |", HEAD, "stand apart"),
        (csv, "There is none.", "a,b", "0 tables"),
        (csv, "1,2,3", "a,b", "0 tables"),
        (csv, "Or so, perhaps.\n\n1,2", "a,b", "another length"),
    ],
)
def test_a_reply_without_one_run_of_rows_makes_no_table(
    make: Make, plug: Any, text: str, head: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        make(plug).below(text, head)


@pytest.mark.parametrize(
    ("text", "body"),
    [("## T", "T"), ("- a", "a"), ("  2. a", "a"), ("> a", "a"), ("a - b", "a - b"), ("```\na\n```", "```\na\n```")],
)
def test_a_block_of_markdown_is_told_from_its_marker(make: Make, text: str, body: str) -> None:
    segmenter = make(markdown)
    assert text[segmenter.body(text) :] == body
    assert segmenter.relabel(text, 7) == text


def test_json_parts_need_their_kind_of_value() -> None:
    with pytest.raises(ValidationError, match="needs `root: object`"):
        json.Options(by="member", root="array")


@pytest.mark.parametrize(("plug", "options"), [pair for pair in ALL if pair[0] not in CLEANING])
def test_other_segmenters_leave_the_reply_as_it_is(make: Make, plug: Any, options: dict[str, Any]) -> None:
    assert make(plug, **options).clean(" a ") == " a "
