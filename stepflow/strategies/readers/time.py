"""`time`: times of day in prose, as a text of 24 hours such as '09:05'.

Reads 09:05, 9:05, 21:40, 9 am, 9:05 p.m., noon and midnight (00:00). Without am or pm it is a time of 24 hours.

Options, to tell several times apart by their role: `labels`, words of which one stands before the time, with at most
'is', 'at', a colon and the like between; `either_side`, so that a label may also stand directly behind it ('the 9:05
departure'); `after` and `before`, patterns of what stands directly before and behind.

    constraints:
      start: {type: time, after: '(?i)\\b(at|from)', find: only}
      stop: {type: time, labels: [arrival], find: only}

Refuses to read a text in which a time in this role does not exist (25:10, '13 pm'), is joined to another by a dash, may
be a length, a ratio or a verse ('2:30 hours', 'John 3:16'), names seconds, a time zone or a part of the day ('9:05 in
the evening'), or, unless `after` says so, is only a bound or a guess ('about 9:05'). Reads no 'half past nine'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stepflow.notation import BuildContext
from stepflow.protocols import Found, Reader
from stepflow.strategies.readers.roles import Role, RoleOptions
from stepflow.texts.times import find_times

NAME = "time"
DEFAULT_CONVERTER = "time"


class Options(RoleOptions):
    """What stands beside the time."""


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of times of day."""
    return _Time(Role.of(options, context))


@dataclass(frozen=True, slots=True)
class _Time:
    role: Role

    def read(self, text: str) -> Iterator[Found]:
        """The times in this role, left to right. Raises `ValueError` for one that cannot be read."""
        return self.role.found(text, find_times(text))
