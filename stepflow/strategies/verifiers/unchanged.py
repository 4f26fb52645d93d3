"""`unchanged`: what a stored step was made from must be the same in both requests.

For what no check can judge: whether a translation, a summary or an answer is right. A step of the stored answer is kept
where its source has not changed; what the model writes for this request passes, to be judged by other checks.

Options: `of`, an expression that gives the source. It is asked of this request and of the stored one.

    verify:
      - {scope: step, type: unchanged, of: 'lookup(texts, step.entry.key)'}
      - {type: unchanged, of: passage, on_fail: skip_reuse}

Without `scope: step` it fails when any step is from the stored answer. Fails, too, when the source of either request is
not there. `rest` and `tools` of a stored request are not known, so a source that names them has always changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Expression, ExpressionText
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import named
from stepflow.values import meaning, show

NAME = "unchanged"
_UNKNOWN = ("rest", "tools")
_SHOWN = 60


class Options(stepflow.options.Options):
    """The source."""

    of: ExpressionText = Field(description="Gives what the step, or the answer, was made from.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier of an unchanged source."""
    return _Unchanged(context.expression(options.of))


@dataclass(frozen=True, slots=True)
class _Unchanged:
    of: Expression

    def verify(self, view: View) -> str | None:
        """None when nothing here is from a stored answer, or when what it was made from is the same."""
        steps = (view.names["step"],) if "step" in view.names else named("steps", view)
        if not any(step["stored"] for step in steps):
            return None
        new, old = self.of(view.names), self.of(_as_stored(view.names))
        if meaning(new) == meaning(old):
            return None
        return f"it was made from {_quoted(old)}, and this request says {_quoted(new)}"


def _as_stored(names: Mapping[str, Any]) -> dict[str, Any]:
    """The same names as the stored request has them."""
    cached = names["cached"]
    gone = {*names["constraints"], *cached["let"], *_UNKNOWN}
    same = {name: value for name, value in names.items() if name not in gone}
    own = {**cached["constraints"], **cached["let"]}
    return {**same, **own, "constraints": cached["constraints"], "prompt": cached["prompt"]}


def _quoted(value: Any) -> str:
    text = " ".join(show(value).split())
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")
