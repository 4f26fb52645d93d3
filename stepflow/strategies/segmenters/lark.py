"""`lark`: a step is a text that a grammar of the rule accepts: the longest from where it begins.

What the grammar does not accept between two steps is a step of its own, so that no verifier overlooks it; blanks
separate.

Options: `grammar`, the grammar of one step; `emphasis`, for replies in Markdown: whether underscores at the edge of a
word (`_spam_`) are read as asterisks (`*spam*`), which mean the same there, instead of as a part of that word.

    grammars:
      entry: |
        start: NAME ":" NUMBER
        NAME: /[a-z]+/
        NUMBER: /\\d+/
        %ignore " "
    segment: {type: lark, grammar: entry}

A text in which nothing parses is one step. Declines a text with too many places where the grammar could begin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, Grammar, GrammarName
from stepflow.protocols import Piece, Segmenter
from stepflow.strategies.segmenters import cutting

NAME = "lark"
_EDGE = re.compile(r"(?<![^\W_])_+(?=[^\W_])|(?<=[^\W_])_+(?![^\W_])")


class Options(stepflow.options.Options):
    """Which grammar, and how it reads underscores."""

    grammar: GrammarName = Field(description="Name of the grammar of one step, under `grammars:`.")
    emphasis: bool = Field(False, description="Whether underscores at the edge of a word are read as asterisks.")


def build(options: Options, context: BuildContext) -> Segmenter:
    """Steps that a grammar accepts."""
    return _Lark(context.grammar(options.grammar), options.emphasis)


@dataclass(frozen=True, slots=True)
class _Lark:
    grammar: Grammar
    emphasis: bool

    def clean(self, text: str) -> str:
        """The reply, unchanged."""
        return text

    def segment(self, text: str) -> Sequence[Piece]:
        """The longest parses, and what stands between them. Raises `ValueError` when that costs too much."""
        read = _EDGE.sub(lambda found: "*" * len(found.group()), text) if self.emphasis else text
        return cutting.cut_at(text, self._starts(read))

    def _starts(self, text: str) -> Iterator[int]:
        end, budget = 0, self.grammar.budget()
        for start in self.grammar.starts(text, budget=budget):
            if start < end:
                continue
            parsed = self.grammar.longest(text, start, budget)
            if parsed is None:
                continue
            if text[end:start].strip():
                yield end + len(text[end:start]) - len(text[end:start].lstrip())
            yield start
            end = parsed[1]
        if text[end:].strip():
            yield len(text) - len(text[end:].lstrip())

    def body(self, text: str) -> int:
        """0: a step has no marker."""
        return 0

    def relabel(self, text: str, index: int) -> str:
        """The step, unchanged: it has no marker."""
        return text
