"""`date`: calendar days in prose.

Reads 2026-03-04, 4 March 2026, 4th of March 2026, March 4, 2026, each also with its weekday, and 25/12/2026.

Options: `day_first`, how 03/04/2026 is meant (without it such a day is refused); `after` and `before`, patterns of what
stands directly before and behind the day, to tell several days apart by their role.

    constraints:
      start: {type: date, after: '(?i)\\b(from|starting)', find: only}
      end: {type: date, after: '(?i)\\b(until|to|by)', find: only}

Refuses to read a text in which a day in this role is not whole ('March 4', '2026-03-04T10:00'), does not exist, may be
two days, or does not fall on the weekday named. Reads no days that depend on today ('tomorrow', 'next Monday').
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Pattern, RegexText
from stepflow.protocols import Found, Reader
from stepflow.texts.dates import find_dates

NAME = "date"
DEFAULT_CONVERTER = "date"
_REACH = 200


class Options(stepflow.options.Options):
    """What stands beside the day, and how it is written."""

    day_first: bool | None = Field(None, description="Whether 03/04/2026 is the third of April.")
    after: RegexText | None = Field(None, description="What stands directly before it.")
    before: RegexText | None = Field(None, description="What stands directly behind it.")


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of days."""
    return _Date(
        options.day_first,
        None if options.after is None else context.regex(rf"(?:{options.after})\s*\Z"),
        None if options.before is None else context.regex(rf"\A\s*(?:{options.before})"),
    )


@dataclass(frozen=True, slots=True)
class _Date:
    day_first: bool | None
    after: Pattern | None
    before: Pattern | None

    def read(self, text: str) -> Iterator[Found]:
        """The days in this role, left to right. Raises `ValueError` for one that cannot be read."""
        for start, end, day in find_dates(text, self.day_first):
            if self.after is not None and self.after.search(text[max(0, start - _REACH) : start]) is None:
                continue
            if self.before is not None and self.before.search(text[end : end + _REACH]) is None:
                continue
            if isinstance(day, str):
                raise ValueError(day)
            yield Found(start, end, day)
