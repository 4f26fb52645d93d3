"""`constraint_changed`: a constraint of the new prompt differs from the cached one's.

Options: `names`, the constraints to compare.

    reuse:
      skip_when:
        - {type: constraint_changed, names: [language]}

A constraint that only one of the two prompts fixes differs. Cannot be decided without a cached request.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Missing, NameRef, Names
from stepflow.protocols import Condition

NAME = "constraint_changed"
_ABSENT = object()


class Options(stepflow.options.Options):
    """Which constraints."""

    names: list[NameRef] = Field(description="Names of constraints.", min_length=1)


def build(options: Options, context: BuildContext) -> Condition:
    """The condition that constraints differ."""
    return _ConstraintChanged(tuple(options.names))


@dataclass(frozen=True, slots=True)
class _ConstraintChanged:
    names: tuple[str, ...]

    def holds(self, text: str, names: Names) -> bool:
        """Whether any of the constraints differs. Raises `Missing` without a cached request."""
        if "cached" not in names or "constraints" not in names:
            raise Missing("there is no cached request to compare with")
        new, old = names["constraints"], names["cached"]["constraints"]
        return any(new.get(name, _ABSENT) != old.get(name, _ABSENT) for name in self.names)
