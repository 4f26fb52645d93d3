"""`duration`: lengths of time in prose, as a map of `months` (calendar months) and `seconds` (exact).

Reads '90 minutes', '1 h 30 min', '1h30m', '2 weeks and 3 days', 'half an hour', '3 months', '1.5 years'. A day is 24
hours, a year twelve months; a month is no number of days.

Options: `after` and `before`, patterns of what stands directly before and behind the duration, to tell several apart by
their role.

    constraints:
      length: {type: duration, after: '(?i)\\b(takes|lasts)', find: only}
    let:
      minutes: length.seconds / 60

Refuses to read a text in which a duration in this role is part of a longer one ('an hour and 30 minutes'), negative,
unclear ('5m'), one end of a range or choice ('2 to 3 hours'), or, unless `after` says so, only a bound or a guess
('about 2 hours'). Reads no working days and no 'an hour'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Pattern, RegexText
from stepflow.protocols import Found, Reader
from stepflow.texts.durations import find_durations
from stepflow.texts.quantities import refuse_qualified

NAME = "duration"
DEFAULT_CONVERTER = "duration"
_REACH = 200


class Options(stepflow.options.Options):
    """What stands beside the duration."""

    after: RegexText | None = Field(None, description="What stands directly before it.")
    before: RegexText | None = Field(None, description="What stands directly behind it.")


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of durations."""
    return _Duration(
        None if options.after is None else context.regex(rf"(?:{options.after})\s*\Z"),
        None if options.before is None else context.regex(rf"\A\s*(?:{options.before})"),
    )


@dataclass(frozen=True, slots=True)
class _Duration:
    after: Pattern | None
    before: Pattern | None

    def read(self, text: str) -> Iterator[Found]:
        """The durations in this role, left to right. Raises `ValueError` for one that cannot be read."""
        for start, end, duration in find_durations(text):
            if self.after is not None and self.after.search(text[max(0, start - _REACH) : start]) is None:
                continue
            if self.before is not None and self.before.search(text[end : end + _REACH]) is None:
                continue
            if isinstance(duration, str):
                raise ValueError(duration)
            if self.after is None:
                refuse_qualified(text, start, end)
            yield Found(start, end, duration)
