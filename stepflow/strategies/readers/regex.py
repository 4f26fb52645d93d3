"""`regex`: whatever matches a regular expression.

A pattern with the one named group `value` gives the text of that group. Several named groups give a map of those that
took part. No named group gives the whole match. Names are written `(?P<name>…)`.

Options: `pattern`.

    constraints:
      unknown: {type: regex, pattern: '(?i)\\bfor\\s+(?P<value>[a-z])\\b'}

Finds nothing where no group took part, nor in an empty match. Refuses to read when the pattern takes too long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Pattern, RegexMatch, RegexText
from stepflow.protocols import Found, Groups, Reader

NAME = "regex"
_GROUP = re.compile(r"\(\?P?<([A-Za-z_]\w*)>")


class Options(stepflow.options.Options):
    """What to look for."""

    pattern: RegexText = Field(description="The regular expression; named groups say what is read.")


def groups(options: Options) -> frozenset[str]:
    """The members of the map that is read; none when a text is read."""
    names = frozenset(_GROUP.findall(options.pattern))
    return frozenset() if names == {"value"} else names


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of a pattern's matches."""
    return _Regex(context.regex(options.pattern), frozenset(_GROUP.findall(options.pattern)))


@dataclass(frozen=True, slots=True)
class _Regex:
    pattern: Pattern
    groups: frozenset[str]

    def read(self, text: str) -> Iterator[Found]:
        """The matches, left to right."""
        for match in self.pattern.finditer(text):
            found = self._found(match)
            if found is not None:
                yield found

    def _found(self, match: RegexMatch) -> Found | None:
        if not self.groups:
            return Found(match.start, match.end, match.text) if match.text else None
        if not match.groups:
            return None
        if self.groups == {"value"}:
            start, end = match.spans["value"]
            return Found(start, end, match.groups["value"])
        return Found(match.start, match.end, Groups(match.groups), tuple(sorted(match.spans.values())))
