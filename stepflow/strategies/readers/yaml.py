"""`yaml`: the one YAML document in the text, in a fence or alone.

    constraints:
      settings: {type: yaml}

Passes over a text that holds no fence and is no mapping or list; declines (an error) when a fence holds broken YAML, or
when there are several fences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import stepflow.options
from stepflow.jsontext import freeze
from stepflow.notation import BuildContext
from stepflow.protocols import Found, Reader
from stepflow.texts.markdown import only_fence

NAME = "yaml"
DEFAULT_CONVERTER = "value"


class Options(stepflow.options.Options):
    """There is nothing to set."""


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of an embedded YAML document."""
    return _Yaml(context.yaml)


@dataclass(frozen=True, slots=True)
class _Yaml:
    parse: Callable[[str], Any]

    def read(self, text: str) -> Iterator[Found]:
        """The document."""
        fenced = only_fence(text, ("yaml", "yml"), prose=True)
        if fenced is not None:
            start = text.index(fenced)
            yield Found(start, start + len(fenced), freeze(self.parse(fenced)))
            return
        try:
            data = self.parse(text)
        except ValueError:
            return
        if isinstance(data, dict | tuple):
            yield Found(0, len(text), freeze(data))
