"""`list`: the items of an enumeration behind a pattern: with commas and 'and', or as bullets or numbered lines.

In a line, the list ends with its sentence. Commas in quotes and brackets separate nothing; neither does an 'and' within
an item when the last 'and' follows a comma ('salt and pepper, milk, and eggs'). Quotes, backticks and asterisks around
an item come off. As lines, the list ends at the first line that is no item and does not go on with one.

Options: `after`, the pattern that introduces it (colons and blanks behind it are skipped); `until`, a pattern that ends
it earlier; `item`, a pattern that every item must match as a whole.

    constraints:
      keys: {type: list, after: '(?i)\\bkeys\\b', until: '(?i)\\bin that order\\b', item: '[A-Za-z_]+'}

Refuses to read a list in which an 'and' or 'or' may separate or not, an item says 'not', 'without', 'except' or
'but', or begins with 'no', an item is empty or not as `item` says, or a quote or bracket does not close.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Pattern, RegexText
from stepflow.prose import sentence_starts
from stepflow.protocols import Found, Reader

NAME = "list"
_AROUND = " \t\r\n\"'`“”‘’*"
_BULLET = re.compile(r"[ \t]*(?:[-*+•–]|\(?\d{1,3}[.)]|\(?[a-z][.)])[ \t]+(?=\S)")
_INTRO = re.compile(r"[ \t]*:?[ \t]*")
_BREAKS = re.compile(r"[ \t]*:?[ \t]*(?:\r?\n[ \t]*)+")
_PIECE = re.compile(
    r"""(?P<quoted>(?<!\w)"[^"\n]*+"|“[^“”\n]*+”|`[^`\n]+`|(?<!\w)'(?:[^'\n]|(?<=\w)'(?=\w))++'(?!\w))
    |(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<lonely>["“”`])
    |(?P<comma>[,;])(?P<oxford>\s+(?:and|or|&)(?!\w))?
    |(?<=\s)(?P<word>(?:and/or|and|or)(?!\w)|&(?=\s))""",
    re.VERBOSE | re.IGNORECASE,
)
_NEGATED = re.compile(r"\A(?:no|never)\b|\b(?:not|without|except|excluding|but)\b", re.IGNORECASE)


class Options(stepflow.options.Options):
    """Where the list stands, and what its items look like."""

    after: RegexText = Field(description="The pattern that introduces the list.")
    until: RegexText | None = Field(None, description="A pattern that ends it earlier.")
    item: RegexText | None = Field(None, description="What every item must match as a whole.")


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of enumerations."""
    until, item = (None if text is None else context.regex(text) for text in (options.until, options.item))
    return _List(context.regex(options.after), until, item)


@dataclass(frozen=True, slots=True)
class _List:
    after: Pattern
    until: Pattern | None
    item: Pattern | None

    def read(self, text: str) -> Iterator[Found]:
        """The lists, left to right, each a tuple of texts. Raises `ValueError` for one that may be read in two ways."""
        position = 0
        for match in self.after.finditer(text):
            if match.start < position:
                continue
            end = self._end(text, match.end)
            spans = _lines(text, match.end, end) or _inline(text, match.end, end)
            items = tuple(text[start:stop].strip(_AROUND) for start, stop in spans)
            if spans:
                self._refuse(items)
                position = spans[-1][1]
                yield Found(spans[0][0], position, tuple(" ".join(item.split()) for item in items))

    def _end(self, text: str, start: int) -> int:
        stop = self.until.search(text, start) if self.until is not None else None
        return len(text) if stop is None else stop.start

    def _refuse(self, items: tuple[str, ...]) -> None:
        for item in items:
            if not item:
                raise ValueError("an item of the list is empty")
            if _NEGATED.search(item):
                raise ValueError(f"the item {item!r} says what is not in the list")
            if self.item is not None and self.item.fullmatch(item) is None:
                cure = "" if self.until is not None else "; if the list ends before it, say so with `until`"
                raise ValueError(f"the item {item!r} is not as expected: /{self.item.text}/{cure}")


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Spans of the items of a list of lines that begins at `start`; empty when there is none."""
    begin = _BREAKS.match(text, start, end)
    if begin is None:
        return []
    position = text.rfind("\n", start, begin.end()) + 1
    spans: list[tuple[int, int]] = []
    while position < end:
        stop = text.find("\n", position, end)
        stop = end if stop < 0 else stop
        bullet = _BULLET.match(text, position, stop)
        if bullet:
            spans.append((bullet.end(), stop))
        elif not spans:
            return []
        elif text[position:stop].strip():
            if not text[position].isspace() or text[spans[-1][1] : position].count("\n") > 1:
                break
            spans[-1] = (spans[-1][0], stop)
        position = stop + 1
    return [(first, first + len(text[first:last].rstrip())) for first, last in spans]


def _inline(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Spans of the items of a list within a sentence."""
    intro = _INTRO.match(text, start, end)
    start = intro.end() if intro else start
    blank = re.compile(r"\n\s*\n").search(text, start, end)
    end = blank.start() if blank else end
    sentence = text[start:end]
    end = start + next(sentence_starts(sentence), len(sentence))
    end = start + len(text[start:end].rstrip().rstrip(".!?").rstrip())
    separators = _separators(text, start, end)
    bounds = [start, *(edge for span in separators for edge in span), end]
    spans = [_trimmed(text, *pair) for pair in zip(bounds[::2], bounds[1::2], strict=True)]
    while spans and spans[-1][0] >= spans[-1][1]:  # a comma at the end, or nothing at all
        spans.pop()
    return spans


def _separators(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Where items are separated. Raises `ValueError` when an 'and' may separate or not."""
    commas: list[tuple[int, int]] = []
    words: list[tuple[int, int]] = []
    depth, oxford = 0, False
    for match in _PIECE.finditer(text, start, end):
        if match["lonely"]:
            raise ValueError(f"a {match.group()} without a partner in the list")
        depth += bool(match["open"]) - bool(match["close"])
        if depth < 0:
            break
        if depth == 0 and match["comma"]:
            commas.append(match.span())
            oxford = bool(match["oxford"])
        elif depth == 0 and match["word"]:
            words.append(match.span())
    if depth > 0:
        raise ValueError("a bracket in the list does not close")
    if oxford and (not words or words[-1] < commas[-1]):
        return commas
    if oxford or len(words) > 1 or (commas and words and words[0] < commas[-1]):
        raise ValueError(f"in {text[start:end]!r} an 'and' or 'or' may separate items or not")
    return sorted([*commas, *words])


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    body = text[start:end]
    return start + len(body) - len(body.lstrip()), end - (len(body) - len(body.rstrip()))
