"""The blocks of a Markdown text, each with its place: headings, paragraphs, list items, tables, fences, quotes, rules.

Blocks never overlap, and what stands outside them is blank. Only what is needed to cut and read answers: inline marks
and HTML are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "paragraph", "item", "table", "fence", "quote", "rule"]

_FENCE = re.compile(r"(?P<indent>[ \t]*)(?P<mark>`{3,}(?=[^`]*$)|~{3,})[ \t]*(?P<info>.*?)[ \t]*$")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}(?:[ \t]+|$)")
_RULE = re.compile(r"[ ]{0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,9}[.)])(?:[ \t]+|$)")
_QUOTE = re.compile(r"[ ]{0,3}>[ \t]?")
_DELIMITER = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_CELL_END = re.compile(r"(?<!\\)(?:\\\\)*+\|")


@dataclass(frozen=True, slots=True)
class Block:
    """A block at [start, end) of the text, without the line break behind it.

    `inner` are the offsets of its content: behind the marker of a heading, item or quote, between the lines of a
    fence. `info` is the word behind a fence's opening; `closed` is false for a fence that does not end.
    """

    kind: Kind
    start: int
    end: int
    inner: tuple[int, int]
    info: str = ""
    closed: bool = True


def blocks(text: str) -> list[Block]:
    """The blocks of the text, in order."""
    return list(_blocks(text, _lines(text)))


def fences(text: str) -> list[Block]:
    """The fenced blocks of the text."""
    return [block for block in blocks(text) if block.kind == "fence"]


def only_fence(text: str, languages: Sequence[str] = (), *, prose: bool = False) -> str | None:
    """The content of the text's only fence, None when it has no fence.

    Raises `ValueError` when it has several, when the fence does not end or is in another language than these, and,
    unless `prose` is allowed, when anything stands around it.
    """
    found = fences(text)
    if not found:
        return None
    if len(found) > 1:
        raise ValueError(f"{len(found)} fenced blocks found, expected exactly one")
    fence = found[0]
    if not fence.closed:
        raise ValueError("the fenced block does not end")
    if languages and fence.info and fence.info.split()[0].lower() not in languages:
        raise ValueError(f"the fenced block is {fence.info}, not {languages[0]}")
    if not prose and (text[: fence.start].strip() or text[fence.end :].strip()):
        raise ValueError("there is text beside the fenced block")
    return text[fence.inner[0] : fence.inner[1]]


def table_rows(text: str) -> tuple[tuple[str, ...], ...]:
    """The cells of a text that is one table: header first, without the line of dashes. Raises `ValueError`."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    if len(lines) < 2 or not _is_table(lines[0], lines[1]):
        raise ValueError("a table has a header and a line of dashes below it")
    return tuple(tuple(cells(line)) for line in (lines[0], *lines[2:]))


def cells(line: str) -> list[str]:
    r"""The cells of one line of a table, `\|` as a plain bar."""
    inner = line.strip()
    inner = inner[1:] if inner.startswith("|") else inner
    found, begin = [], 0
    for bar in _CELL_END.finditer(inner):
        found.append(inner[begin : bar.end() - 1])
        begin = bar.end()
    if inner[begin:].strip() or not found:
        found.append(inner[begin:])
    return [cell.strip().replace("\\|", "|") for cell in found]


def _is_table(header: str, dashes: str) -> bool:
    return "|" in header and bool(_DELIMITER.match(dashes)) and len(cells(header)) == len(cells(dashes))


def _lines(text: str) -> list[tuple[int, int, str]]:
    """Start, end and text of each line, without its break."""
    found = []
    start = 0
    for line in text.split("\n"):
        body = line[:-1] if line.endswith("\r") else line
        found.append((start, start + len(body), body))
        start += len(line) + 1
    return found


Lines = list[tuple[int, int, str]]


def _blocks(text: str, lines: Lines) -> Iterator[Block]:
    number = 0
    while number < len(lines):
        if not lines[number][2].strip():
            number += 1
            continue
        block, number = _block(text, lines, number)
        yield block


def _block(text: str, lines: Lines, number: int) -> tuple[Block, int]:
    start, end, line = lines[number]
    fence = _FENCE.match(line)
    if fence:
        return _fence(text, lines, number, fence)
    if number + 1 < len(lines) and _is_table(line, lines[number + 1][2]):
        after = _while(lines, number + 2, lambda each: "|" in each and not _opens(each))
        return Block("table", start, lines[after - 1][1], (start, lines[after - 1][1])), after
    if heading := _HEADING.match(line):
        return Block("heading", start, end, (start + heading.end(), end)), number + 1
    if _RULE.match(line):
        return Block("rule", start, end, (start, end)), number + 1
    kind: Kind = "paragraph"
    inner = start
    if item := _ITEM.match(line):
        kind, inner = "item", start + item.end()
    elif quote := _QUOTE.match(line):
        kind, inner = "quote", start + quote.end()
    after = number + 1
    while after < len(lines) and not _interrupts(lines, after, kind):
        after += 1
    return Block(kind, start, lines[after - 1][1], (inner, lines[after - 1][1])), after


def _fence(text: str, lines: Lines, number: int, opening: re.Match[str]) -> tuple[Block, int]:
    mark = opening["mark"]
    closing = re.compile(rf"[ \t]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$")
    last = next((index for index in range(number + 1, len(lines)) if closing.match(lines[index][2])), None)
    start = lines[number][0]
    begin = min(lines[number][0] + len(lines[number][2]) + 1, len(text))
    begin = lines[number + 1][0] if number + 1 < len(lines) else begin
    if last is None:
        end = len(text.rstrip())
        return Block("fence", start, max(end, lines[number][1]), (min(begin, end), end), opening["info"], False), len(
            lines
        )
    inner_end = max(begin, lines[last][0] - 1) if last > number + 1 else begin
    return Block("fence", start, lines[last][1], (begin, inner_end), opening["info"]), last + 1


def _while(lines: Lines, number: int, fits: object) -> int:
    assert callable(fits)
    while number < len(lines) and lines[number][2].strip() and fits(lines[number][2]):
        number += 1
    return number


def _interrupts(lines: Lines, number: int, kind: Kind) -> bool:
    """Whether the line at `number` does not go on with a paragraph, item or quote."""
    line = lines[number][2]
    if not line.strip() or _opens(line):
        return True
    if kind != "quote" and _QUOTE.match(line):
        return True
    return number + 1 < len(lines) and _is_table(line, lines[number + 1][2])


def _opens(line: str) -> bool:
    return any(pattern.match(line) for pattern in (_FENCE, _HEADING, _RULE, _ITEM))
