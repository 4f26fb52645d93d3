"""`excludes`: none of some texts may occur.

Options: `values`, or `values_from` (a name: the items of a list, the keys of a map, or one value); `ignore_case`;
`whole_words` (on by default: 'net' is not in 'network').

    verify:
      - {type: excludes, values_from: forbidden_words, ignore_case: true}

Fails naming every text that occurs, and when an item is blank. An empty list passes.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field, model_validator

import stepflow.options
from stepflow.notation import BuildContext, NameRef
from stepflow.prose import find_phrases, phrase_pattern
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import Wanted, at_least_one

NAME = "excludes"


class Options(stepflow.options.Options):
    """Which texts."""

    values: list[str] | None = Field(None, description="The texts.", min_length=1)
    values_from: NameRef | None = Field(None, description="Name of the value that lists the texts.")
    ignore_case: bool = Field(False, description="Whether capitals count as small letters.")
    whole_words: bool = Field(True, description="Whether a text must not begin or end inside a word.")

    @model_validator(mode="after")
    def _given(self) -> Options:
        at_least_one(self, ("values", "values_from"))
        return self


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
