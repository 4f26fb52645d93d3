"""`whole`: the entire text, without the blanks around it.

Options: none.

    constraints:
      request: {type: whole}

Finds nothing in a blank text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.protocols import Found, Reader

NAME = "whole"


class Options(stepflow.options.Options):
    """None."""


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of the entire text."""
    return _Whole()


@dataclass(frozen=True, slots=True)
class _Whole:
    def read(self, text: str) -> Iterator[Found]:
        """The stripped text, with its span."""
        body = text.strip()
        if body:
            start = len(text) - len(text.lstrip())
            yield Found(start, start + len(body), body)
