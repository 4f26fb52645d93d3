"""`template`: renders a failing step anew from constraints and `let`.

Options: `text`, a template; it may name everything that a step's verifier may, and `step` is the failing one.

    rewrite:
      - {type: template, when: step.index == 1, text: 'Start from {{ equation }}'}

Proposes nothing when a name in the text has no value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Template, TemplateText
from stepflow.protocols import Rewriter, Rewriting

NAME = "template"


class Options(stepflow.options.Options):
    """What the step becomes."""

    text: TemplateText = Field(description="The step's new text, without its marker.")


def build(options: Options, context: BuildContext) -> Rewriter:
    """The rewriter that renders this text."""
    return _Template(context.template(options.text))


@dataclass(frozen=True, slots=True)
class _Template:
    template: Template

    def rewrite(self, rewriting: Rewriting) -> Iterable[str]:
        """The rendered text."""
        try:
            return (self.template(rewriting.names),)
        except ValueError:
            return ()
