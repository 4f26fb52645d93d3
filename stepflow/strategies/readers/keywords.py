"""`keywords`: words or phrases of a list, whole and in any case; the longest wins.

What is read is the word as the list writes it, not as the text does.

Options: `words`, or `table` whose keys are the words (with `via:` of the constraint, a table also normalises synonyms).

    constraints:
      unit: {type: keywords, table: units}

Finds nothing inside a longer word: 'm' is not in 'metre' nor in 'm2'; a digit may stand before it, as in '5m'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.prose import find_phrases, phrase_pattern
from stepflow.protocols import Found, Reader

NAME = "keywords"


class Options(stepflow.options.WordList):
    """Which words."""


def build(options: Options, context: BuildContext) -> Reader:
    """The reader of listed words."""
    words = options.listed(context)
    return _Keywords(words, phrase_pattern(words))


@dataclass(frozen=True, slots=True)
class _Keywords:
    words: tuple[str, ...]
    pattern: re.Pattern[str]

    def read(self, text: str) -> Iterator[Found]:
        """The words found, left to right."""
        for start, end, index in find_phrases(self.pattern, text):
            yield Found(start, end, self.words[index])
