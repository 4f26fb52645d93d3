"""`contains`: each of some texts must occur.

Options: `values`, or `values_from` (a name: the items of a list, the keys of a map, or one value); `ignore_case`;
`whole_words` (on by default: 'net' is not in 'network').

    verify:
      - {type: contains, values_from: required_words, ignore_case: true}

Fails naming every text that is missing, and when an item is blank. An empty list passes.
"""

from __future__ import annotations

from dataclasses import dataclass

from stepflow.notation import BuildContext
from stepflow.prose import phrase_pattern
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import PhraseOptions, Wanted

NAME = "contains"


class Options(PhraseOptions):
    """Which texts."""


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier that texts occur."""
    return _Contains(Wanted(options.values, options.values_from), options.ignore_case, options.whole_words)


@dataclass(frozen=True, slots=True)
class _Contains:
    wanted: Wanted
    ignore_case: bool
    whole_words: bool

    def verify(self, view: View) -> str | None:
        """None when every text occurs."""
        missing = [text for text in self.wanted.texts(view) if not self._occurs(text, view.text)]
        return f"lacks {', '.join(map(repr, missing))}" if missing else None

    def _occurs(self, phrase: str, text: str) -> bool:
        pattern = phrase_pattern([phrase], ignore_case=self.ignore_case, whole_words=self.whole_words)
        return pattern.search(text) is not None
