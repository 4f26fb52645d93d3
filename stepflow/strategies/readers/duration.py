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

from stepflow.notation import BuildContext
from stepflow.protocols import Found, Reader
from stepflow.strategies.readers.roles import Role, RoleOptions, with_doubts
from stepflow.texts.durations import find_durations

NAME = "duration"
DEFAULT_CONVERTER = "duration"


class Options(RoleOptions):
    """What stands beside the duration."""


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of durations."""
    return _Duration(Role.of(options, context))


@dataclass(frozen=True, slots=True)
class _Duration:
    role: Role

    def read(self, text: str) -> Iterator[Found]:
        """The durations in this role, left to right. Raises `ValueError` for one that cannot be read."""
        return self.role.found(text, with_doubts(find_durations(text)))
