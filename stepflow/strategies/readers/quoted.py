"""`quoted`: texts in quotes or backticks, as they stand between the marks.

Double quotes ("…", “…”, «…»), single quotes ('…', ‘…’) and backticks (`…`, ``…``). An apostrophe is no quote. Fenced
blocks are passed over. What is read keeps its blanks.

Options: `marks`, which of `double`, `single`, `backtick` are read; `after`, a pattern of what stands directly before
the opening mark.

    constraints:
      title: {type: quoted, marks: [double], after: '(?i)titled', find: only}

Refuses to read a text in which a double quote or a backtick of the kinds read has no partner.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Pattern, RegexText
from stepflow.protocols import Found, Reader
from stepflow.texts import markdown

NAME = "quoted"
DEFAULT_CONVERTER = "value"
Mark = Literal["double", "single", "backtick"]
_REACH = 200
_FORMS: dict[str, str] = {
    "double": r'(?<!\w)"(?P<d1>(?:[^"\\\n]|\\.|\n(?!\s*\n))*+)"(?!\w)|“(?P<d2>[^“”]*+)”|«(?P<d3>[^«»]*+)»',
    "single": r"(?<!\w)'(?P<s1>(?:[^'\n]|(?<=\w)'(?=\w))++)'(?!\w)|(?<!\w)‘(?P<s2>(?:[^‘’\n]|(?<=\w)’(?=\w))++)’(?!\w)",
    "backtick": r"(?<!`)(?P<tick>`{1,2})(?!`)(?P<b1>.+?)(?<!`)(?P=tick)(?!`)",
}
_LONELY: dict[str, str] = {"double": '"“”«»', "single": "", "backtick": "`"}


class Options(stepflow.options.Options):
    """Which marks, and where."""

    marks: list[Mark] = Field(
        default=["double", "single", "backtick"], min_length=1, description="Which kinds of marks are read."
    )
    after: RegexText | None = Field(None, description="What stands directly before the opening mark.")


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of quoted texts."""
    after = None if options.after is None else context.regex(rf"(?:{options.after})\s*\Z")
    pattern = re.compile("|".join(_FORMS[mark] for mark in options.marks))
    return _Quoted(pattern, "".join(_LONELY[mark] for mark in options.marks), after)


@dataclass(frozen=True, slots=True)
class _Quoted:
    pattern: re.Pattern[str]
    marks: str
    after: Pattern | None

    def read(self, text: str) -> Iterator[Found]:
        """The texts between marks, left to right. Raises `ValueError` for a mark without a partner."""
        visible = _without_fences(text)
        position = 0
        for match in self.pattern.finditer(visible):
            self._refuse_lonely(visible, position, match.start())
            position = match.end()
            name = next(name for name, found in match.groupdict().items() if found is not None and name != "tick")
            if self.after is None or self.after.search(text[max(0, match.start() - _REACH) : match.start()]):
                yield Found(match.start(), match.end(), _plain(match[name], name))
        self._refuse_lonely(visible, position, len(visible))

    def _refuse_lonely(self, text: str, start: int, end: int) -> None:
        lonely = next((char for char in text[start:end] if char in self.marks), None)
        if lonely is not None:
            raise ValueError(f"a {lonely} without a partner")


def _plain(content: str, name: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", content) if name == "d1" else content


def _without_fences(text: str) -> str:
    """The text with blanks in place of fenced blocks."""
    for fence in markdown.fences(text):
        text = text[: fence.start] + " " * (fence.end - fence.start) + text[fence.end :]
    return text
