"""`excludes`: none of some texts may occur.

Options: `values`, or `values_from` (a name: the items of a list, the keys of a map, or one value); `ignore_case`;
`whole_words` (on by default: 'net' is not in 'network').

    verify:
      - {type: excludes, values_from: forbidden_words, ignore_case: true}

Fails naming every text that occurs, and when an item is blank. An empty list passes.
"""

from __future__ import annotations

from dataclasses import dataclass

from stepflow.notation import BuildContext
from stepflow.prose import find_phrases, phrase_pattern
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import PhraseOptions, Wanted

NAME = "excludes"


class Options(PhraseOptions):
    """Which texts."""


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier that texts do not occur."""
    return _Excludes(Wanted(options.values, options.values_from), options.ignore_case, options.whole_words)


@dataclass(frozen=True, slots=True)
class _Excludes:
    wanted: Wanted
    ignore_case: bool
    whole_words: bool

    def verify(self, view: View) -> str | None:
        """None when no text occurs."""
        texts = self.wanted.texts(view)
        pattern = phrase_pattern(texts, ignore_case=self.ignore_case, whole_words=self.whole_words)
        found = dict.fromkeys(texts[index] for _, _, index in find_phrases(pattern, view.text))
        return f"holds {', '.join(map(repr, found))}" if found else None
