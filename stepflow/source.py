"""Where something stands in a source file, and how a problem there is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning"]

LONGEST_LINE = 160
"""Characters shown of a line at most; of a longer one, those around the place."""

_CREDENTIALS = re.compile(r"(?<=://)[^\s/@:]*:[^\s@]+(?=@)")
"""User and password of a URL. A line is shown on screens and in the logs of others."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a file. Lines and columns count from 1; the end is exclusive."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem in a YAML file: a stable code, where, what, and how to mend it.

    The same problem of a part that several rules inherit is one problem, whichever rule's `breadcrumb` it has.
    """

    code: str
    message: str
    span: Span
    severity: Severity = "error"
    hints: tuple[str, ...] = ()
    breadcrumb: str = field(default="", compare=False)
    see: str = ""
    source_line: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.span}: {self.severity}[{self.code}]: {self.message}"

    @property
    def sort_key(self) -> tuple[str, int, int, str]:
        """Order of a listing: by file, then by position."""
        return self.span.path, self.span.line, self.span.column, self.code


def render(diagnostic: Diagnostic) -> str:
    """The diagnostic with its source line, a caret under the place, and its hints (plain text, no trailing newline)."""
    lines = [str(diagnostic)]
    source_line = _CREDENTIALS.sub(lambda found: "*" * len(found.group()), diagnostic.source_line)
    span = diagnostic.span
    gutter = len(str(span.line))
    if diagnostic.source_line:
        end = span.end_column if span.end_line == span.line else len(diagnostic.source_line) + 1
        width = max(1, min(end, len(diagnostic.source_line) + 1) - span.column)
        shown, start = _excerpt(source_line, span.column - 1)
        padding = "".join("\t" if char == "\t" else " " for char in shown[:start])
        lines += [
            " " * gutter + " |",
            f"{span.line} | {shown}",
            " " * gutter + " | " + padding + "^" * max(1, min(width, len(shown) - start)),
        ]
    lines += [" " * gutter + f" = {hint}" for hint in diagnostic.hints]
    tail = "        ".join(
        part
        for part in (
            f"in: {diagnostic.breadcrumb}" if diagnostic.breadcrumb else "",
            f"see: {diagnostic.see}" if diagnostic.see else "",
        )
        if part
    )
    if tail:
        lines.append(" " * gutter + f" = {tail}")
    return "\n".join(lines)


def _excerpt(line: str, start: int) -> tuple[str, int]:
    """What is shown of a line of which the character at `start` matters, and where that is then. Long lines are cut."""
    if len(line) <= LONGEST_LINE:
        return line, start
    begin = max(0, min(start - LONGEST_LINE // 3, len(line) - LONGEST_LINE))
    end = min(len(line), begin + LONGEST_LINE)
    before, behind = "…" if begin else "", "…" if end < len(line) else ""
    return f"{before}{line[begin:end]}{behind}", start - begin + len(before)
