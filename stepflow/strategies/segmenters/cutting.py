"""The ways to cut a text that several segmenters share. Ground of this folder, not a plug.

Every function is lossless: texts and separators of the pieces, joined, are the identical text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Literal

from stepflow.prose import sentence_starts
from stepflow.protocols import Piece

LINE_END = re.compile(r"\r\n?|\n")
Way = Literal["whole", "lines", "paragraphs", "sentences"]


def whole(text: str) -> tuple[Piece, ...]:
    """The text as one piece."""
    return (Piece(text),) if text else ()


def lines(text: str) -> tuple[Piece, ...]:
    """One piece for each line that is not blank; line breaks and blank lines separate."""
    return cut_at(text, (start for start, _ in _filled_lines(text)))


def paragraphs(text: str) -> tuple[Piece, ...]:
    """One piece for each run of lines between blank lines."""
    return cut_at(text, (start for start, after_blank in _filled_lines(text) if after_blank))


def sentences(text: str) -> tuple[Piece, ...]:
    """One piece for each sentence; blanks separate."""
    return cut_at(text, sentence_starts(text))


WAYS: Mapping[Way, Callable[[str], tuple[Piece, ...]]] = {
    "whole": whole,
    "lines": lines,
    "paragraphs": paragraphs,
    "sentences": sentences,
}


def cut_at(text: str, starts: Iterable[int]) -> tuple[Piece, ...]:
    """The text cut where pieces start (ascending offsets). Blanks that end a piece are its separator.

    Blanks before the first piece belong to its text.
    """
    first = len(text) - len(text.lstrip())
    if first == len(text):
        return whole(text)
    offsets = [0, *(start for start in starts if start > first), len(text)]
    return tuple(_piece(text[start:end]) for start, end in pairwise(offsets) if start < end)


def cut_out(text: str, separators: Iterable[tuple[int, int]]) -> tuple[Piece, ...]:
    """The text cut by separators ([start, end) offsets, ascending). One that nothing precedes belongs to the text."""
    pieces: list[Piece] = []
    begin = 0
    for start, end in separators:
        if start > begin:
            pieces.append(Piece(text[begin:start], text[start:end]))
        elif pieces:
            pieces[-1] = Piece(pieces[-1].text, pieces[-1].separator + text[start:end])
        else:
            continue
        begin = end
    if begin < len(text):
        pieces.append(Piece(text[begin:]))
    return tuple(pieces)


def _piece(chunk: str) -> Piece:
    body = chunk.rstrip()
    return Piece(body, chunk[len(body) :])


def _filled_lines(text: str) -> Iterator[tuple[int, bool]]:
    """Start of each line that is not blank, and whether a blank line stands before it."""
    start, after_blank = 0, False
    for line in text.split("\n"):
        if line.strip():
            yield start, after_blank
        after_blank = not line.strip()
        start += len(line) + 1
