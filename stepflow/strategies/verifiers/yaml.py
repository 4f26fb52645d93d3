"""`yaml`: the text must be one YAML document, strictly read.

Strict as in rule files: duplicate keys, tags, merge keys and a second document fail. A fence around the text is taken
off. Scalars are those of YAML 1.2: `no` is text.

Options: `root` (mapping, sequence or any), `has_keys(_from)` and `only_keys(_from)` for the keys of a mapping.

    verify:
      - {type: yaml, root: mapping, has_keys_from: settings}

Fails with the line of what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, NameRef
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import Wanted, wanted
from stepflow.texts.markdown import only_fence

NAME = "yaml"
_ROOTS = {"mapping": dict, "sequence": tuple, "any": object}


class Options(stepflow.options.Options):
    """What the document must be."""

    root: Literal["mapping", "sequence", "any"] = Field("any", description="The kind of document.")
    has_keys: list[str] | None = Field(None, description="Keys that the mapping must have.")
    has_keys_from: NameRef | None = Field(None, description="Name of the value that lists such keys.")
    only_keys: list[str] | None = Field(None, description="The only keys that the mapping may have.")
    only_keys_from: NameRef | None = Field(None, description="Name of the value that lists the only keys.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier that a text is YAML."""
    return _Yaml(
        options.root,
        wanted(options.has_keys, options.has_keys_from),
        wanted(options.only_keys, options.only_keys_from),
        context.yaml,
    )


@dataclass(frozen=True, slots=True)
class _Yaml:
    root: str
    has_keys: Wanted | None
    only_keys: Wanted | None
    read: Callable[[str], Any]

    def verify(self, view: View) -> str | None:
        """None when the text is such a document."""
        try:
            fenced = only_fence(view.text, ("yaml", "yml"))
            data = self.read(view.text if fenced is None else fenced)
        except ValueError as error:
            return f"is not YAML: {error}"
        if not isinstance(data, _ROOTS[self.root]):
            return f"is not a YAML {self.root}"
        return self._keys(data, view)

    def _keys(self, data: Any, view: View) -> str | None:
        if self.has_keys is None and self.only_keys is None:
            return None
        if not isinstance(data, dict):
            return "is not a YAML mapping"
        missing = [key for key in self.has_keys.texts(view) if key not in data] if self.has_keys else []
        if missing:
            return f"lacks the keys {', '.join(map(str, missing))}"
        allowed = set(self.only_keys.texts(view)) if self.only_keys else set(data)
        surplus = [key for key in data if key not in allowed]
        return f"has the keys {', '.join(surplus)}, which are not asked for" if surplus else None
