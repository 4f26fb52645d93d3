"""What changes around a number when its sign does: the sign before it, or the words of an operation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PLACE = "{}"
_SIGN = re.compile(r"[-−–+]\s*\Z")
_OPERAND_BEFORE = re.compile(r"(?:[\d)\]]|(?<![^\W\d_])[^\W\d_])\s*\Z")
_WORD = re.compile(r"[^\W\d_]+")
_REST_OF_OPERAND = r"[^\s,.;:=]*(?:\s[^\W\d_](?![^\W\d_]))?"


@dataclass(frozen=True, slots=True)
class Edit:
    """The text [start, end) becomes another one."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Words before a number and behind it, and those that they become."""

    before: re.Pattern[str] | None
    behind: re.Pattern[str] | None
    new_before: str
    new_behind: str

    def edits(self, text: str, start: int, end: int) -> list[Edit] | None:
        """The edits, when these words stand around text[start:end]."""
        around = [
            (self.new_before, self.before.search(text, 0, start) if self.before else None, self.before),
            (self.new_behind, self.behind.match(text, end) if self.behind else None, self.behind),
        ]
        if any(pattern is not None and found is None for _, found, pattern in around):
            return None
        return [Edit(*found.span("words"), _cased(new, found["words"])) for new, found, _ in around if found]


class Turns:
    """Knows pairs of opposites: single words (subtract: add), or phrases with {} for the number."""

    def __init__(self, opposites: Mapping[str, str]) -> None:
        both = [*opposites.items(), *((right, left) for left, right in opposites.items())]
        self.phrases = [_phrase(old, new) for old, new in both if PLACE in old]
        self.words = {old.casefold(): new for old, new in both if PLACE not in old}

    def edits(self, text: str, begin: int, start: int, end: int) -> list[Edit]:
        """How a text changes where the number text[start:end] turns; single words are looked for from `begin` on."""
        sign = _SIGN.search(text, begin, start)
        if sign is not None:
            return [_turned(text, sign)]
        for phrase in self.phrases:
            edits = phrase.edits(text, start, end)
            if edits is not None:
                return edits
        for word in reversed(list(_WORD.finditer(text, begin, start))):
            other = self.words.get(word.group().casefold())
            if other is not None:
                return [Edit(word.start(), word.end(), _cased(other, word.group()))]
        return [Edit(start, start, "-")]

    def speaks_before(self, text: str, start: int) -> bool:
        """Whether a word, or the first half of a phrase, that has an opposite stands directly before text[start:]."""
        word = re.search(r"[^\W\d_]+(?=\s*\Z)", text[:start])
        if word is not None and word.group().casefold() in self.words:
            return True
        return any(each.before is not None and each.before.search(text, 0, start) for each in self.phrases)


def _turned(text: str, sign: re.Match[str]) -> Edit:
    """A plus or minus between two numbers is exchanged; a minus that belongs to a number goes."""
    if _OPERAND_BEFORE.search(text, 0, sign.start()) is None:
        return Edit(sign.start(), sign.end(), "")
    return Edit(sign.start(), sign.start() + 1, "-" if sign.group()[0] == "+" else "+")


def _phrase(old: str, new: str) -> _Phrase:
    (before, behind), (new_before, new_behind) = (_halves(each) for each in (old, new))
    return _Phrase(
        re.compile(rf"(?<!\w)(?P<words>{_blanks(before)})\s+[(\[]*\Z", re.IGNORECASE) if before else None,
        re.compile(rf"{_REST_OF_OPERAND}\s+(?P<words>{_blanks(behind)})(?!\w)", re.IGNORECASE) if behind else None,
        new_before,
        new_behind,
    )


def _halves(phrase: str) -> tuple[str, str]:
    before, _, behind = phrase.partition(PLACE)
    return before.strip(), behind.strip()


def _blanks(words: str) -> str:
    return r"\s+".join(map(re.escape, words.split()))


def _cased(new: str, old: str) -> str:
    return new[:1].upper() + new[1:] if old[:1].isupper() else new


def written(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits made, each place once."""
    parts: list[str] = []
    position = 0
    for edit in sorted(set(edits), key=lambda edit: (edit.start, edit.end)):
        if edit.start >= position:
            parts += [text[position : edit.start], edit.text]
            position = edit.end
    return "".join([*parts, text[position:]])
