"""The role of an amount in running text: what its labels, and the patterns before and behind it, say it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import BuildContext, Pattern, RegexText
from stepflow.protocols import Found
from stepflow.texts.labels import Labels, check_labels
from stepflow.texts.quantities import refuse_qualified

_REACH = 200


class RoleOptions(stepflow.options.Options):
    """What stands beside an amount."""

    labels: list[str] | None = Field(None, min_length=1, description="Words of which one stands before it.")
    either_side: bool = Field(False, description="Whether a label may also stand directly behind it.")
    after: RegexText | None = Field(None, description="What stands directly before it.")
    before: RegexText | None = Field(None, description="What stands directly behind it.")

    @model_validator(mode="after")
    def _consistent(self) -> RoleOptions:
        check_labels(self.labels, self.either_side)
        return self


@dataclass(frozen=True, slots=True)
class Role:
    """What stands beside an amount: `after` ends where it starts, `before` starts where it ends."""

    labels: Labels | None
    after: Pattern | None
    before: Pattern | None

    @classmethod
    def of(cls, options: RoleOptions, context: BuildContext, links: Sequence[str] = ()) -> Role:
        """The role that the options describe; `links` are further words that may stand behind a label."""
        return cls(
            None if options.labels is None else Labels.of(options.labels, options.either_side, links),
            None if options.after is None else context.regex(rf"(?:{options.after})\s*\Z"),
            None if options.before is None else context.regex(rf"\A\s*(?:{options.before})"),
        )

    def found(self, text: str, amounts: Iterable[tuple[int, int, Any, str]]) -> Iterator[Found]:
        """Of the amounts in a text (start, end, value, doubt) those in this role.

        Raises `ValueError` for one that is in doubt, is only a bound or a guess, or whose label may be another's.
        """
        claimed: dict[int, int] = {}
        for start, end, value, doubt in amounts:
            if self._plays(text, start, end, doubt, claimed):
                yield Found(start, end, value)

    def _plays(self, text: str, start: int, end: int, doubt: str, claimed: dict[int, int]) -> bool:
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


def with_doubts(amounts: Iterable[tuple[int, int, Any]]) -> Iterator[tuple[int, int, Any, str]]:
    """The same amounts for a role, where in the place of one that cannot be read the reason stands as a text."""
    for start, end, value in amounts:
        yield start, end, value, value if isinstance(value, str) else ""
