"""`duration`: lengths of time in prose, as a map of `months` (calendar months) and `seconds` (exact).

Reads '90 minutes', '1 h 30 min', '1h30m', '2 weeks and 3 days', 'half an hour', '3 months', '1.5 years'. A day is 24
hours, a year twelve months; a month is no number of days.

Options, to tell several durations apart by their role: `labels`, words of which one stands before the duration, with at
most 'is', 'of', a colon and the like between; `either_side`, so that a label may also stand directly behind it ('a
break of 20 minutes', 'a 20-minute break'); `after` and `before`, patterns of what stands directly before and behind.

    constraints:
      length: {type: duration, after: '(?i)\\b(takes|lasts)', find: only}
      pause: {type: duration, labels: [break, pause], either_side: true, find: only}
    let:
      minutes: length.seconds / 60

Refuses to read a text in which a duration in this role is part of a longer one ('an hour and 30 minutes'), negative,
unclear ('5m'), one end of a range or choice ('2 to 3 hours'), or, unless `after` says so, only a bound or a guess
('about 2 hours'). With `either_side` also one whose label may as well belong to another duration, or may be part of a
longer name ('a 20-minute break room'). Reads no working days and no 'an hour'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import BuildContext, RegexText
from stepflow.protocols import Found, Reader
from stepflow.strategies.readers.roles import Role
from stepflow.texts.durations import find_durations
from stepflow.texts.labels import Labels, check_labels

NAME = "duration"
DEFAULT_CONVERTER = "duration"


class Options(stepflow.options.Options):
    """What stands beside the duration."""

    labels: list[str] | None = Field(None, min_length=1, description="Words of which one stands before it.")
    either_side: bool = Field(False, description="Whether a label may also stand directly behind it.")
    after: RegexText | None = Field(None, description="What stands directly before it.")
    before: RegexText | None = Field(None, description="What stands directly behind it.")

    @model_validator(mode="after")
    def _consistent(self) -> Options:
        check_labels(self.labels, self.either_side)
        return self


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of durations."""
    return _Duration(
        Role(
            None if options.labels is None else Labels.of(options.labels, options.either_side),
            None if options.after is None else context.regex(rf"(?:{options.after})\s*\Z"),
            None if options.before is None else context.regex(rf"\A\s*(?:{options.before})"),
        )
    )


@dataclass(frozen=True, slots=True)
class _Duration:
    role: Role

    def read(self, text: str) -> Iterator[Found]:
        """The durations in this role, left to right. Raises `ValueError` for one that cannot be read."""
        claimed: dict[int, int] = {}
        for start, end, duration in find_durations(text):
            doubt = duration if isinstance(duration, str) else ""
            if self.role.plays(text, start, end, doubt, claimed):
                yield Found(start, end, duration)
