"""From a character of a scalar's value to the place in the file where that character is written.

The scalar's source is read a second time here, keeping for each character of the value where it came from. The result
counts only when the text read this way is the value that the YAML parser saw; otherwise the answer is "unknown".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Origins = list[int]
"""For each character of the value, the offset in the source where it begins; then one more: where the value ends."""

_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_CODE_POINT = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})")
_FOLD = re.compile(r"[ \t]*\n[ \t\n]*")
_JOIN = re.compile(r"\\\n(?P<blank>(?:[ \t]*\n)*)[ \t]*")
_HEADER = re.compile(r"([|>][-+0-9]*)[ \t]*(?:#[^\n]*)?")
_Piece = tuple[str, int]


def origins(source: str, style: str, value: str) -> Origins | None:
    """Where each character of `value` stands in `source`, the scalar as written, quotes and block header included.

    `style` is '' (plain), a quote, '|' or '>'. None when the two cannot be aligned with certainty.
    """
    for pieces, end in _block_readings(source, style) if style in ("|", ">") else [_flow_reading(source, style)]:
        if "".join(char for char, _ in pieces) == value:
            return [offset for char, offset in pieces for _ in char] + [end]
    return None


def _flow_reading(source: str, style: str) -> tuple[list[_Piece], int]:
    start, end = (1, len(source) - 1) if style else (0, len(source))
    pieces: list[_Piece] = []
    at = start
    while at < end:
        found, at = _flow_step(source, style, at, end)
        pieces += found
    return pieces, end


def _flow_step(source: str, style: str, at: int, end: int) -> tuple[list[_Piece], int]:
    if fold := _FOLD.match(source, at, end):
        return _folded_break(source, fold), fold.end()
    if style == "'" and source.startswith("''", at):
        return [("'", at)], at + 2
    if style == '"' and source[at] == "\\":
        return _escape(source, at, end)
    return [(source[at], at)], at + 1


def _folded_break(source: str, fold: re.Match[str]) -> list[_Piece]:
    breaks = [index for index in range(fold.start(), fold.end()) if source[index] == "\n"]
    return [("\n", index) for index in breaks[1:]] or [(" ", fold.start())]


def _escape(source: str, at: int, end: int) -> tuple[list[_Piece], int]:
    if join := _JOIN.match(source, at, end):
        start, stop = join.span("blank")
        return [("\n", index) for index in range(start, stop) if source[index] == "\n"], join.end()
    if point := _CODE_POINT.match(source, at + 1, end):
        code = int(point[1] or point[2] or point[3], 16)
        return [(chr(code) if code < 0x110000 else "", at)], point.end()
    return [(_ESCAPES.get(source[at + 1 : at + 2], ""), at)], at + 2


def _block_readings(source: str, style: str) -> Iterator[tuple[list[_Piece], int]]:
    """Readings under every indentation that the lines allow, the deepest (nearly always right) first."""
    header = _HEADER.match(source)
    if header is None:
        return
    body: list[_Piece] = []
    at = header.end() + 1
    for line in source[at:].split("\n"):
        body.append((line, at))
        at += len(line) + 1
    depths = [len(line) - len(line.lstrip(" ")) for line, _ in body if line.strip(" ")]
    for indent in range(min(depths, default=0), -1, -1):
        pieces = _block_reading(body, indent, header[1], folded=style == ">")
        yield pieces, pieces[-1][1] + 1 if pieces else header.end()


def _block_reading(body: list[_Piece], indent: int, header: str, *, folded: bool) -> list[_Piece]:
    pieces: list[_Piece] = []
    newline: list[_Piece] = []  # the line end after the last line of text, not yet known to be kept
    blanks: list[_Piece] = []  # the line ends of empty lines after it
    was_deeper = False
    for index, (line, offset) in enumerate(body):
        text, end = line[indent:], offset + len(line)
        last = index == len(body) - 1
        if not text:
            blanks += [] if last else [("\n", end)]
            continue
        deeper = text[0] in " \t"
        if folded and newline and not was_deeper and not deeper:
            pieces += blanks or [(" ", newline[0][1])]
        else:
            pieces += newline + blanks
        pieces += [(char, offset + indent + column) for column, char in enumerate(text)]
        newline, blanks, was_deeper = [] if last else [("\n", end)], [], deeper
    if "-" not in header:
        pieces += newline
    if "+" in header:
        pieces += blanks
    return pieces
