"""`unique`: nothing occurs twice.

By default no two steps may say the same. `of` gives a list of values to look at instead.

Blanks and capitals do not count in texts; numbers are compared as numbers.

Options: `of`, an expression that gives a list.

    verify:
      - {type: unique}
      - {type: unique, of: steps | map(attribute='name')}

Fails naming what occurs twice, and when `of` gives no list. An empty list passes.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Expression, ExpressionText
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import named
from stepflow.values import describe, identity, show

NAME = "unique"


class Options(stepflow.options.Options):
    """Of what."""

    of: ExpressionText | None = Field(None, description="Gives the list of values, instead of the steps' texts.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier that nothing occurs twice."""
    return _Unique(None if options.of is None else context.expression(options.of))


@dataclass(frozen=True, slots=True)
class _Unique:
    of: Expression | None

    def verify(self, view: View) -> str | None:
        """None when nothing occurs twice."""
        items = tuple(step["text"] for step in named("steps", view)) if self.of is None else self.of(view.names)
        if not isinstance(items, list | tuple):
            return f"{self.of.text if self.of else 'steps'} gives {describe(items)}, not a list"
        seen: set[Hashable] = set()
        for item in items:
            key = _key(item)
            if key in seen:
                return f"{show(item).strip()!r} occurs twice"
            seen.add(key)
        return None


def _key(item: Any) -> Hashable:
    return ("text", " ".join(item.split()).casefold()) if isinstance(item, str) else identity(item)
