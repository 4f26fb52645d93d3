"""`json`: the text must be one JSON value and nothing else.

Strict: duplicate keys, NaN, trailing commas, comments and text around the value fail.

Options: `root`, the kind of value.

    verify:
      - {type: json, root: object}

Fails with line and column of what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow import jsontext
from stepflow.notation import BuildContext
from stepflow.protocols import Verifier, View

NAME = "json"


class Options(stepflow.options.Options):
    """What kind of JSON."""

    root: jsontext.Root = Field("any", description="The kind of value that it must be.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier that a text is JSON."""
    return _Json(options.root)


@dataclass(frozen=True, slots=True)
class _Json:
    root: jsontext.Root

    def verify(self, view: View) -> str | None:
        """None when the text is JSON of the kind."""
        try:
            value = jsontext.parse(view.text)
        except ValueError as error:
            return f"is not JSON: {error}"
        if self.root != "any" and not jsontext.has_type(value, self.root):
            return f"is a JSON {jsontext.type_of(value)}, not an {self.root}"
        return None
