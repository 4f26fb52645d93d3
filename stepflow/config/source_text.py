"""The text of one file, and the way from an offset in it to a line and a column."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from stepflow.source import Diagnostic, Span


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file's text, its lines (without line ends) and the offset at which each begins."""

    path: str
    text: str
    lines: tuple[str, ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, text: str, path: str) -> SourceText:
        """The text with every line end (`\\r\\n`, `\\r`) as `\\n` and without a byte order mark."""
        text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        lines = tuple(text.split("\n"))
        return cls(path, text, lines, tuple(accumulate((len(line) + 1 for line in lines[:-1]), initial=0)))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column (from 1) of an offset; offsets outside the text are clamped to it."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """The stretch [start, end) of offsets."""
        return Span(self.path, *self.position(start), *self.position(max(start, end)))

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column (from 1), clamped to the text."""
        line = min(max(line, 1), len(self.lines))
        return min(self.starts[line - 1] + max(column, 1) - 1, len(self.text))

    def line_text(self, line: int) -> str:
        """The text of a line (from 1), empty when there is no such line."""
        return self.lines[line - 1] if 1 <= line <= len(self.lines) else ""

    def problem(self, code: str, message: str, start: int, end: int, hints: Iterable[str] = ()) -> Diagnostic:
        """An error at the stretch [start, end) of offsets."""
        span = self.span(start, end)
        return Diagnostic(code, message, span, hints=tuple(hints), source_line=self.line_text(span.line))
