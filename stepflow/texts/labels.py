"""Labels of amounts in running text: the words beside a number, an amount of money or a duration that say what it is.

A label stands before its amount ('the fee is $5') or, where that is allowed, directly behind it ('a $5 fee').
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stepflow.prose import find_phrases, phrase_pattern

_REACH = 200  # characters looked at before an amount
_LINKS = ("is", "was", "are", "were", "be", "of", "at", "to", "equal", "equals", "a", "an", "the")
_COUNTED = re.compile(
    r"[ \t-](?!(?:dollars?|euros?|pounds?|bucks|cents?|USD|EUR|GBP|and|or|but|for|on|in|at|per|to|with|from|by|if|is"
    r"|was|are|which|that|then|each|total|when|before|after|off|as)(?!\w))[^\W\d_]",
    re.IGNORECASE,
)
_GAP = re.compile(r"[ \t-]?")
# What may make another name of a label: 'a 20% VAT cut', 'for 20 euros VAT included'; but not '20% VAT on it'.
_GOES_ON = re.compile(
    r"[ \t-]+(?!(?:and|or|but|for|on|in|at|of|per|to|with|from|by|if|which|that|then|when|as|the|an?|applies"
    r"|please|(?:is|was|are)(?!\s+(?:in|ex)clu))(?!\w))[^\W\d_]\w*",
    re.IGNORECASE,
)


def check_labels(labels: Sequence[str] | None, either_side: bool) -> None:
    """Raise `ValueError` for options of a reader that make no sense together."""
    if either_side and labels is None:
        raise ValueError("`either_side` needs `labels`")
    if any(not word.strip() for word in labels or ()):
        raise ValueError("`labels` holds an empty word")


@dataclass(frozen=True, slots=True)
class Labelled:
    """An amount with a label: where the labels before and behind it begin, and where it ends, one behind included."""

    before: int | None
    behind: int | None
    end: int


@dataclass(frozen=True, slots=True)
class Labels:
    """Words of which one must stand beside an amount."""

    words: re.Pattern[str]
    either_side: bool
    link: re.Pattern[str]

    @classmethod
    def of(cls, words: Sequence[str], either_side: bool, links: Sequence[str] = ()) -> Labels:
        """Labels that stand before an amount, or on either side of it; `links` are further words between the two."""
        between = "|".join([*_LINKS, *links])
        link = rf"(?:\s+(?:{between})(?!\w))*+\s*+[:=]?\s*+(?:[A-Z]{{0,3}}[$€£¥₹])?\s*+\Z"
        return cls(phrase_pattern(words), either_side, re.compile(link, re.IGNORECASE))

    def find(self, text: str, start: int, end: int, *, counted: int | None = None) -> Labelled | None:
        """The labels of the amount at [start, end), its unit included; None when it has none.

        `counted` is where the word behind a bare number begins that it may count: in 'price of 5 apples' 5 is no price.
        """
        before = self._before(text, start, counted)
        behind = self._behind(text, end) if self.either_side else None
        if before is None and behind is None:
            return None
        return Labelled(before, behind[0] if behind else None, behind[1] if behind else end)

    def claim(self, text: str, claimed: dict[int, int], start: int, labelled: Labelled) -> None:
        """Note in `claimed` (label to amount) whose labels these are.

        Raises `ValueError` for one that may be another amount's, or only part of a longer name.
        """
        if not self.either_side:
            return
        for label in (labelled.before, labelled.behind):
            if label is not None and claimed.setdefault(label, start) != start:
                between = text[claimed[label] : labelled.end]
                raise ValueError(f"in {between!r} the label may belong to either amount")
        name = None if labelled.behind is None or labelled.before is not None else _GOES_ON.match(text, labelled.end)
        if name:
            written = text[start : name.end()]
            raise ValueError(f"{written!r} may be of something else: name it whole under `labels` if it is not")

    def _before(self, text: str, start: int, counted: int | None) -> int | None:
        """Where a label begins that stands before, with nothing but link words between."""
        offset = max(0, start - _REACH)
        before = text[offset:start]
        counts = counted is not None and _COUNTED.match(text, counted) is not None
        for begin, end, _ in find_phrases(self.words, before):
            link = self.link.match(before, end)
            if link and not (counts and "of" in link.group().lower().split()):
                return offset + begin
        return None

    def _behind(self, text: str, end: int) -> tuple[int, int] | None:
        """Where a label stands that directly follows."""
        gap = _GAP.match(text, end)
        label = self.words.match(text, gap.end() if gap else end)
        return label.span() if label else None
