from __future__ import annotations

from collections.abc import Callable
from json import dumps
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stepflow.compiler.workshop import Workshop
from stepflow.strategies.segmenters import json, lines, numbered, paragraphs, regex, sentences, whole

Make = Callable[..., Any]

ALL: list[tuple[Any, dict[str, Any]]] = [
    (whole, {}),
    (lines, {}),
    (paragraphs, {}),
    (sentences, {}),
    (regex, {"separator": r"\s*;\s*|-*"}),
    *((numbered, {"fallback": way}) for way in ("whole", "lines", "paragraphs", "sentences")),
    *((json, {"by": by}) for by in ("document", "member", "element")),
]
DOCUMENTS = st.builds(
    dumps,
    st.dictionaries(st.text(max_size=3), st.lists(st.integers(), max_size=2), max_size=3) | st.lists(st.integers()),
    indent=st.sampled_from([None, 1]),
)
ALPHABET = 'ab1234.):(*# \t\n;-{}[]",stepSTEP\r'


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
        (json, {"by": "member"}, "{ }", [("{ }", "")]),
        (json, {"by": "element"}, '[{"a": 1}, 2 ]', [('[{"a": 1}', ", "), ("2", " ]")]),
        (json, {"by": "member"}, "[1]", [("[1]", "")]),
        (json, {}, '{"a": 1}', [('{"a": 1}', "")]),
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
        ("document", '{"a": 1}', '{"a": 1}'),
    ],
)
def test_the_opening_bracket_is_not_content_of_the_first_step(make: Make, by: str, text: str, body: str) -> None:
    assert text[make(json, by=by).body(text) :] == body


def test_json_takes_off_what_stands_around_the_value(make: Make) -> None:
    assert make(json, root="object").clean('Sure:\n```json\n{"a": 1}\n```') == '{"a": 1}'


@pytest.mark.parametrize("text", ["no json", "{} {}", '{"a": 1, "a": 2}', "[1]"])
def test_json_declines_a_reply_without_exactly_one_value(make: Make, text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        make(json, by="member").clean(text)


def test_json_parts_need_their_kind_of_value() -> None:
    with pytest.raises(ValidationError, match="needs `root: object`"):
        json.Options(by="member", root="array")


@pytest.mark.parametrize(("plug", "options"), [pair for pair in ALL if pair[0] is not json])
def test_other_segmenters_leave_the_reply_as_it_is(make: Make, plug: Any, options: dict[str, Any]) -> None:
    assert make(plug, **options).clean(" a ") == " a "
