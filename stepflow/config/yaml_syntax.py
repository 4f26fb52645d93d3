"""What a YAML parser's complaint means for the author, and how to mend it.

The parser says where it gave up; the cause is usually an unquoted text that begins with, or holds, a character that
YAML reads as its own. Each explanation below recognises one such cause and declines otherwise; the first one wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from stepflow.config.source_text import SourceText

_VALUE = re.compile(r"\s*(?:- +)*(?:[^\s'\"#{\[-][^:#]*:[ \t]+)?(?=\S)")
_NO_SPACE = re.compile(r"\s*(?:- +)*[A-Za-z_][\w-]*(:)(?=[^\s:/])")
_CLOSED = {"[": re.compile(r"\[[^\[\]]*\]"), "{": re.compile(r"\{[^{}]*\}")}
_OPENING_TEMPLATE = re.compile(r"(?:^|[\s,\[{])(\{\{)")
QUOTE_IT = "put the whole text in single quotes"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What the parser said: the problem and where (offset), the context and where that began."""

    source: SourceText
    problem: str
    at: int
    context: str
    context_at: int

    @property
    def line(self) -> str:
        """The line of the problem."""
        return self.source.line_text(self.source.position(self.at)[0])

    @property
    def char(self) -> str:
        """The character at the problem, empty at the end of the file."""
        return self.source.text[self.at : self.at + 1]

    @property
    def line_start(self) -> int:
        """The offset of the first character of the problem's line."""
        return self.source.starts[self.source.position(self.at)[0] - 1]

    @property
    def line_end(self) -> int:
        """The offset after the last character of the problem's line."""
        return self.line_start + len(self.line)

    @property
    def value_at(self) -> int:
        """The offset of the line's value: after `key:` and `- ` marks."""
        found = _VALUE.match(self.line)
        return self.line_start + (found.end() if found else 0)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is wrong, at the stretch [start, end) of offsets, and hints how to mend it."""

    message: str
    start: int
    end: int
    hints: tuple[str, ...] = ()


def explain(complaint: Complaint) -> Explanation:
    """The first explanation that fits; the parser's own words when none does."""
    for candidate in _EXPLANATIONS:
        explanation = candidate(complaint)
        if explanation is not None:
            return explanation
    return Explanation(f"this is not valid YAML here: {complaint.problem}", complaint.at, complaint.at + 1)


def _escape(told: Complaint) -> Explanation | None:
    if "escape" not in told.problem and "hex" not in told.problem:
        return None
    start = told.at if told.char == "\\" else told.source.text.rfind("\\", 0, told.at)
    written = told.source.text[start : start + 2]
    return Explanation(
        f"'{written}' is not an escape that double quotes know",
        start,
        start + 2,
        ("use single quotes: in them a backslash is an ordinary character",),
    )


def _open_quote(told: Complaint) -> Explanation | None:
    if "end of stream" not in told.problem or "quoted" not in told.context:
        return None
    single = told.source.text.startswith("'", told.context_at)
    hints = ("an apostrophe inside single quotes is written twice: 'it''s'",) if single else ()
    return Explanation("this quote is never closed", told.context_at, told.context_at + 1, hints)


def _tab(told: Complaint) -> Explanation | None:
    if told.char != "\t":
        return None
    return Explanation("a tab cannot indent YAML", told.at, told.at + 1, ("indent with spaces",))


def _template(told: Complaint) -> Explanation | None:
    in_line = _OPENING_TEMPLATE.search(told.line[: max(told.at - told.line_start, 0) + 2])
    if in_line is None or not _is_bare(told, in_line.start(1)):
        return None
    start = told.line_start + in_line.start(1)
    return Explanation("a text that begins with '{{' must be in quotes", start, start + 2, (QUOTE_IT,))


def _is_bare(told: Complaint, column: int) -> bool:
    before = told.line[:column].rstrip()
    return not before or before[-1] in ":-,[{"


def _reserved_start(told: Complaint) -> Explanation | None:
    if "cannot start any token" not in told.problem:
        return None
    written = told.source.text[told.at : told.line_end].strip()
    return Explanation(
        f"a text that begins with '{told.char}' must be in quotes", told.at, told.at + 1, (_quoted(written),)
    )


def _anchor_mark(told: Complaint) -> Explanation | None:
    if "alphabetic or numeric" not in told.problem:
        return None
    mark = told.source.text[told.context_at : told.context_at + 1]
    meaning = "refers to an anchor" if mark == "*" else "names an anchor"
    return Explanation(
        f"'{mark}' at the beginning of a text {meaning} in YAML",
        told.context_at,
        told.context_at + 1,
        (_quoted(told.source.text[told.context_at : told.line_end].strip()),),
    )


def _no_space_after_colon(told: Complaint) -> Explanation | None:
    if "mapping values" in told.problem:
        number = told.source.position(told.at)[0] - 1
    elif "expected ':'" in told.problem:
        number = told.source.position(told.context_at)[0]
    else:
        return None
    found = _NO_SPACE.match(told.source.line_text(number))
    if found is None:
        return None
    start = told.source.offset(number, found.start(1) + 1)
    return Explanation("a space is missing after ':'", start, start + 1, ("write 'key: value'",))


def _no_colon(told: Complaint) -> Explanation | None:
    if "expected ':'" not in told.problem:
        return None
    number = told.source.position(told.context_at)[0]
    end = told.source.starts[number - 1] + len(told.source.line_text(number))
    return Explanation(
        "this line has no ':'",
        told.context_at,
        end,
        ("a line of a map is 'key: value'; a text over several lines begins with '|' after its key",),
    )


def _colon_in_text(told: Complaint) -> Explanation | None:
    if "mapping values" not in told.problem or told.value_at > told.at:
        return None
    if not re.search(r":\s", told.line[: told.value_at - told.line_start]):
        return None
    written = told.line[told.value_at - told.line_start :].strip()
    return Explanation("': ' inside a text needs quotes around the text", told.at, told.at + 1, (_quoted(written),))


def _deeper_than_allowed(told: Complaint) -> Explanation | None:
    if "mapping values" not in told.problem:
        return None
    number = told.source.position(told.at)[0]
    indent = len(told.line) - len(told.line.lstrip())
    return Explanation(
        "this line is indented deeper than the one above, which already has a value",
        told.line_start + indent,
        told.at,
        (f"line {number - 1} must end with ':' to hold this line, or both must begin in the same column",),
    )


def _block_header(told: Complaint) -> Explanation | None:
    if "block scalar" not in told.context:
        return None
    mark = told.source.text[told.context_at]
    written = told.source.text[told.context_at : told.line_end].strip()
    return Explanation(
        f"after '{mark}' a text begins on the next line",
        told.context_at,
        told.line_end,
        (f"when '{mark}' belongs to the text: {_quoted(written)}",),
    )


def _mark_as_text(told: Complaint) -> Explanation | None:
    if "sequence entries are not allowed" in told.problem:
        hint = "begin the list on its own line, or write it as [a, b]"
        return Explanation("a list cannot begin on the line of its key", told.at, told.at + 1, (hint,))
    if "mapping keys" not in told.problem and "node content" not in told.problem:
        return None
    written = told.source.text[told.at : told.line_end].strip()
    return Explanation(
        f"a text cannot begin with '{told.char}' without quotes", told.at, told.at + 1, (_quoted(written),)
    )


def _flow(told: Complaint) -> Explanation | None:
    if "flow" not in told.context:
        return None
    opened = told.source.text[told.context_at]
    closing = "]" if opened == "[" else "}"
    same_line = told.source.position(told.at)[0] == told.source.position(told.context_at)[0]
    if not same_line:
        return Explanation(
            f"'{opened}' is never closed",
            told.context_at,
            told.context_at + 1,
            (f"close it with '{closing}', or put the text in quotes",),
        )
    return Explanation(
        f"expected ',' or '{closing}' here",
        told.at,
        told.at + 1,
        (f"inside {opened} {closing} a text holding one of , [ ] {{ }} ? or ': ' needs quotes",),
    )


def _bracket_at_start(told: Complaint) -> Explanation | None:
    rest = told.source.text[told.value_at : told.line_end]
    pattern = _CLOSED.get(rest[:1])
    found = pattern.match(rest) if pattern else None
    if found is None or told.value_at + found.end() > told.at:
        return None
    return Explanation(
        f"a text that begins with '{rest[0]}' must be in quotes", told.value_at, told.line_end, (_quoted(rest.strip()),)
    )


def _text_after_quote(told: Complaint) -> Explanation | None:
    before = told.source.text[told.line_start : told.at].rstrip()
    if told.at == told.line_end or before[-1:] not in ("'", '"') or not before[:-1].strip():
        return None
    hint = "an apostrophe inside single quotes is written twice: 'it''s'"
    if before.endswith('"'):
        hint = "put single quotes around the whole text; double quotes inside them are ordinary characters"
    return Explanation("this stands after the closing quote", told.at, told.line_end, (hint,))


def _unopened_bracket(told: Complaint) -> Explanation | None:
    if told.char not in ("]", "}"):
        return None
    return Explanation(f"'{told.char}' closes nothing", told.at, told.at + 1, (QUOTE_IT,))


def _item_in_map(told: Complaint) -> Explanation | None:
    if "parsing a block" not in told.context:
        return None
    start, number = told.context_at, told.source.position(told.context_at)[0]
    column = told.source.position(start)[1]
    where = f"the {'list' if 'collection' in told.context else 'map'} that begins on line {number}"
    if told.source.position(told.at)[1] != column:
        return Explanation(
            f"the indentation of this line does not fit {where}",
            told.at,
            told.line_end,
            (f"begin it in column {column}, or in the column of an outer key",),
        )
    if "collection" in told.context:
        return Explanation(f"expected a list item ('- ') of {where}", told.at, told.line_end)
    return Explanation(f"expected a key ('key: value') of {where}", told.at, told.line_end)


def _directive(told: Complaint) -> Explanation | None:
    if not told.source.text.startswith("%"):
        return None
    return Explanation("a line that begins with '%' is a YAML directive", 0, 1, ("remove it, or use quotes",))


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"write it as '{doubled}'" if len(doubled) <= 60 else QUOTE_IT


_EXPLANATIONS: tuple[Callable[[Complaint], Explanation | None], ...] = (
    _escape,
    _open_quote,
    _tab,
    _template,
    _reserved_start,
    _anchor_mark,
    _no_space_after_colon,
    _no_colon,
    _colon_in_text,
    _deeper_than_allowed,
    _block_header,
    _mark_as_text,
    _flow,
    _bracket_at_start,
    _text_after_quote,
    _unopened_bracket,
    _item_in_map,
    _directive,
)
