"""`date`: calendar days in prose.

Reads 2026-03-04, 4 March 2026, 4th of March 2026, March 4, 2026, each also with its weekday, and 25/12/2026.

Options: `day_first`, how 03/04/2026 is meant (without it such a day is refused). To tell several days apart by their
role: `labels`, words of which one stands before the day, with at most 'is', 'on', 'by', a colon and the like between;
`either_side`, so that a label may also stand directly behind it ('the 4 March 2026 deadline'); `after` and `before`,
patterns of what stands directly before and behind.

    constraints:
      start: {type: date, after: '(?i)\\b(from|starting)', find: only}
      end: {type: date, labels: [end, deadline], either_side: true, find: only}

Refuses to read a text in which a day in this role is not whole ('March 4', '2026-03-04T10:00'), does not exist, may be
two days, does not fall on the weekday named, or, unless `after` says so, is one end of a range or a choice, or only a
bound or a guess ('not 4 March 2026'). Reads no days that depend on today ('tomorrow', 'next Monday').
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic import Field

from stepflow.notation import BuildContext
from stepflow.protocols import Found, Reader
from stepflow.strategies.readers.roles import Role, RoleOptions, with_doubts
from stepflow.texts.dates import find_dates

NAME = "date"
DEFAULT_CONVERTER = "date"
_LINKS = ("on", "by")
_JOINS = re.compile(r"\s*(?:[-–—/]|(?:to|or|until|till|through)\b)\s*", re.IGNORECASE)


class Options(RoleOptions):
    """What stands beside the day, and how it is written."""

    day_first: bool | None = Field(None, description="Whether 03/04/2026 is the third of April.")


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of days."""
    return _Date(options.day_first, Role.of(options, context, _LINKS))


@dataclass(frozen=True, slots=True)
class _Date:
    day_first: bool | None
    role: Role

    def read(self, text: str) -> Iterator[Found]:
        """The days in this role, left to right. Raises `ValueError` for one that cannot be read."""
        found = list(with_doubts(find_dates(text, self.day_first)))
        return self.role.found(text, found if self.role.after else _with_ranges(found, text))


def _with_ranges(found: list[tuple[int, int, Any, str]], text: str) -> Iterator[tuple[int, int, Any, str]]:
    """The same days, those in doubt that another one makes a range or a choice with."""
    joined = [_JOINS.fullmatch(text, first[1], second[0]) for first, second in pairwise(found)]
    for (start, end, day, doubt), before, behind in zip(found, [None, *joined], [*joined, None], strict=True):
        ranged = f"{text[start:end]!r} is one end of a range or a choice; name what stands before it under `after`"
        yield start, end, day, doubt or (ranged if before or behind else "")
