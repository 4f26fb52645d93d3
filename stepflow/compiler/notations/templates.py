"""Templates: plain text with `{{ expression }}` holes, and nothing else.

There are no statements and no comments: `{%` and `{#` are refused, since a model would read them as text. Values are
shown (`stepflow.values.show`) and never rendered again. `{{-` and `-}}` strip the blanks beside the hole, as in Jinja.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.notations.expressions import CompiledExpression, Function, compile_expression
from stepflow.compiler.notations.members import Member
from stepflow.compiler.notations.operators import MAX_TEXT
from stepflow.notation import Names
from stepflow.values import show

_MARK = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[\[({\])}]""", re.DOTALL)
_JINJA = re.compile(r"\{[%#]")
_INSTEAD = {
    "%": "for a list write {{ map(x in items, …) | join(', ') }}, for a choice {{ a if condition else b }}",
    "#": "a comment belongs into the YAML, behind a # outside the text",
}
_OPENERS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """A compiled template: a pure function of the names."""

    text: str
    names: frozenset[str]
    parts: tuple[str | CompiledExpression, ...]
    members: tuple[Member, ...] = ()

    def __call__(self, names: Names) -> str:
        """The text. Raises `Missing` or `ValueError` when a hole has no value, or above a million characters."""
        shown: list[str] = []
        size = 0
        for part in self.parts:
            shown.append(part if isinstance(part, str) else show(part(names)))
            size += len(shown[-1])
            if size > MAX_TEXT:
                raise ValueError(f"a text of more than {MAX_TEXT:,} characters")
        return "".join(shown)


def compile_template(text: str, functions: Mapping[str, Function]) -> CompiledTemplate:
    """The compiled template. Raises `NotationError` with the offset of what is wrong, inside holes too."""
    parts: list[str | CompiledExpression] = []
    members: list[Member] = []
    position = 0
    strip = False
    while (opened := text.find("{{", position)) >= 0:
        closed = _closing(text, opened)
        start, end = opened + 2, closed
        start += text.startswith("-", start)
        end -= text[start:end].endswith("-")
        _refuse_jinja(text, position, opened)
        parts.append(_plain(text[position:opened], strip, start > opened + 2))
        hole = _hole(text, start, end, functions)
        parts.append(hole)
        members += [member.shifted(start) for member in hole.members]
        position, strip = closed + 2, end < closed
    _refuse_jinja(text, position, len(text))
    parts.append(_plain(text[position:], strip, False))
    names = frozenset[str]().union(*(part.names for part in parts if isinstance(part, CompiledExpression)))
    return CompiledTemplate(text, names, tuple(part for part in parts if part != ""), tuple(members))


def _refuse_jinja(text: str, start: int, end: int) -> None:
    """Statements and comments of Jinja, between holes. Their signs themselves can be written as a text in a hole."""
    found = _JINJA.search(text, start, end)
    if found:
        sign = found.group()
        hint = f"{_INSTEAD[sign[1]]}; for the characters, write {{{{ '{sign}' }}}}"
        raise NotationError(f"a template knows {{{{ … }}}} only, not '{sign}'", *found.span(), hint=hint)


def _plain(text: str, strip_left: bool, strip_right: bool) -> str:
    text = text.lstrip() if strip_left else text
    return text.rstrip() if strip_right else text


def _hole(text: str, start: int, end: int, functions: Mapping[str, Function]) -> CompiledExpression:
    try:
        return compile_expression(text[start:end], functions)
    except NotationError as error:
        raise error.shifted(start) from None


def _closing(text: str, opened: int) -> int:
    """Where the `}}` of the hole stands that opens at `opened`: not inside quotes, nor the end of a map."""
    stack: list[str] = []
    for mark in _MARK.finditer(text, opened + 2):
        sign = mark.group()
        if sign in "([{":
            stack.append(sign)
        elif sign in _OPENERS and stack and stack[-1] == _OPENERS[sign]:
            stack.pop()
        elif sign == "}" and text.startswith("}}", mark.start()):
            return mark.start()
    raise NotationError(
        "this '{{' is never closed by '}}'", opened, opened + 2, hint="for the characters, write {{ '{{' }}"
    )
