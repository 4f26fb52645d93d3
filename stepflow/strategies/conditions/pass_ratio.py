"""`pass_ratio`: fewer steps of the candidate pass their verifiers than is worth keeping.

Options: `below`, a share from 0 to 1.

    reuse:
      skip_when:
        - {type: pass_ratio, below: 0.34}

Waits until the steps have been verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Missing, Names
from stepflow.protocols import Condition
from stepflow.values import exact

NAME = "pass_ratio"


class Options(stepflow.options.Options):
    """Which share."""

    below: float = Field(ge=0, le=1, description="The condition holds when a smaller share of the steps passes.")


def build(options: Options, context: BuildContext) -> Condition:
    """The condition that too few steps pass."""
    return _PassRatio(exact(options.below))


@dataclass(frozen=True, slots=True)
class _PassRatio:
    below: Any

    def holds(self, text: str, names: Names) -> bool:
        """Whether the share of passing steps is smaller. Raises `Missing` before there is one."""
        if "pass_ratio" not in names:
            raise Missing("pass_ratio is missing: no step has been verified yet")
        return bool(names["pass_ratio"] < self.below)
