"""How a problem is shown: its line, cut where it is long, and the caret below the place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stepflow.source import LONGEST_LINE, Diagnostic, Span, render

WORDS = [f"w{number}" for number in range(300)]
LINE = " ".join(WORDS)


def shown(line: str, column: int, width: int) -> tuple[str, str]:
    """The line as shown, and what stands above the carets."""
    span = Span("a.yaml", 7, column, 7, column + width)
    _, _, code, carets, *_ = render(Diagnostic("code", "wrong", span, source_line=line)).splitlines()
    start = carets.index("^")
    return code.partition("| ")[2], code[start : start + carets.count("^")]


def test_a_line_that_fits_is_shown_whole() -> None:
    assert shown("a: [b, c]", 5, 1) == ("a: [b, c]", "b")


@given(st.sampled_from(WORDS))
def test_the_caret_of_a_long_line_stands_below_the_word_all_the_same(word: str) -> None:
    place = f" {LINE} ".index(f" {word} ")
    line, marked = shown(LINE, place + 1, len(word))
    assert marked == word
    assert len(line) <= LONGEST_LINE + 2
    assert line.strip("…") in LINE
    assert line.startswith("…") != LINE.startswith(line[:LONGEST_LINE])


def test_a_place_that_is_longer_than_what_is_shown_is_marked_to_the_end_of_the_line() -> None:
    line, marked = shown(LINE, 1, len(LINE))
    assert marked == line
