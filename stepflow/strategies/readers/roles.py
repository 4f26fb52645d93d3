"""The role of an amount in running text: what its labels, and the patterns before and behind it, say it is."""

from __future__ import annotations

from dataclasses import dataclass

from stepflow.notation import Pattern
from stepflow.texts.labels import Labels
from stepflow.texts.quantities import refuse_qualified

_REACH = 200


@dataclass(frozen=True, slots=True)
class Role:
    """What stands beside an amount: `after` ends where it starts, `before` starts where it ends."""

    labels: Labels | None
    after: Pattern | None
    before: Pattern | None

    def plays(self, text: str, start: int, end: int, doubt: str, claimed: dict[int, int]) -> bool:
        """Whether [start, end) plays this role.

        Raises `ValueError` where it does but is in doubt, is only a bound or a guess, or its label (noted in `claimed`)
        may be another's.
        """
        if self.after is not None and self.after.search(text[max(0, start - _REACH) : start]) is None:
            return False
        if self.before is not None and self.before.search(text[end : end + _REACH]) is None:
            return False
        labelled = None if self.labels is None else self.labels.find(text, start, end)
        if self.labels is not None and labelled is None:
            return False
        if doubt:
            raise ValueError(doubt)
        if self.labels is not None and labelled is not None:
            self.labels.claim(text, claimed, start, labelled)
        if self.after is None:
            refuse_qualified(text, start, labelled.end if labelled else end)
        return True
