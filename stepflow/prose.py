"""Words, phrases and sentences of running text, for every plug that looks at prose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

QUOTED = re.compile(
    r"""(?<!\w)"([^"\n]+)"(?!\w)|“([^”\n]+)”|(?<!\w)'((?:[^'\n]|(?<=\w)'(?=\w))+)'(?!\w)|‘([^’\n]+)’|`([^`\n]+)`"""
)
"""A text in quotes of any kind, in one of five groups; an apostrophe is no quote."""
_SENTENCE_END = re.compile(r"""(?<![.!?…])[.!?…]++["'”’)\]*_]{0,4}+(\s++)""")
_NUMBER_BEFORE = r"(?<!\d\.)(?:(?<!\d,)|(?!\d{3}(?!\d)))"
_NUMBER_BEHIND = r"(?!\.\d|,\d{3}(?!\d))"
_WORDS_OF_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_A-Za-z]+")
_LAST_TOKEN = re.compile(r"[^\s(\[\"'“‘]{1,20}\Z")
_ABBREVIATIONS = frozenset(
    ("e.g", "i.e", "etc", "cf", "vs", "approx", "ca", "no", "fig", "figs", "eq", "vol", "pp", "mr", "mrs", "ms", "dr")
)


def phrase_pattern(phrases: Sequence[str], *, ignore_case: bool = True, whole_words: bool = True) -> re.Pattern[str]:
    """A pattern that finds any of the phrases, longest first; group i + 1 took part when `phrases[i]` was found.

    Blanks in a phrase stand for any blanks. With `whole_words` a phrase never begins or ends inside a word; a digit
    may stand before it, so that 'km' is found in '5km'; '5' is in neither '1.5' nor '5,000'. Without phrases it finds
    nothing.
    """
    return _pattern(tuple(phrases), ignore_case, whole_words)


@lru_cache(maxsize=128)  # a rule reads by one table of units again and again
def _pattern(phrases: tuple[str, ...], ignore_case: bool, whole_words: bool) -> re.Pattern[str]:
    order = sorted(range(len(phrases)), key=lambda index: -len(phrases[index]))
    branches = [f"(?P<g{index}>{_phrase(phrases[index], whole_words)})" for index in order]
    return re.compile("|".join(branches) or r"(?!)", re.IGNORECASE if ignore_case else 0)


def find_phrases(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int, int]]:
    """What a `phrase_pattern` finds, as (start, end, index of the phrase)."""
    for match in pattern.finditer(text):
        yield match.start(), match.end(), int((match.lastgroup or "g0")[1:])


def plain_spelling(name: str) -> str:
    """The name without capitals, blanks, hyphens and underscores: `firstName` and `first_name` are one name."""
    return "".join(char for char in name.casefold() if char not in "_-" and not char.isspace())


def name_words(name: str) -> list[str]:
    """The words that a name is made of, in small letters: first and name of firstName and first_name."""
    return [word.lower() for word in _WORDS_OF_NAME.findall(name)]


def _phrase(phrase: str, whole_words: bool) -> str:
    words = phrase.split()
    if not words:
        raise ValueError("an empty phrase is found everywhere")
    body = r"\s+".join(re.escape(word) for word in words)
    if not whole_words:
        return body
    first, last = words[0][0], words[-1][-1]
    before = r"(?<![^\W\d])" if first.isalpha() else r"(?<!\w)" if _in_word(first) else ""
    before += _NUMBER_BEFORE if first.isdigit() else ""
    behind = r"(?!\w)" if _in_word(last) else ""
    return before + body + behind + (_NUMBER_BEHIND if last.isdigit() else "")


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def sentence_starts(text: str) -> Iterator[int]:
    """Offsets where a new sentence begins (the first one's is left out).

    A full stop within a number, after an abbreviation, an initial or a list number ends no sentence; a blank line
    always does.
    """
    position = 0
    for end in _SENTENCE_END.finditer(text):
        if end.end() < len(text) and _ends_sentence(text, position, end):
            yield (position := end.end())


def _ends_sentence(text: str, begin: int, end: re.Match[str]) -> bool:
    if end[1].count("\n") > 1:
        return True
    if text[end.end()].islower():
        return False
    if end.group().strip().strip("*_") != ".":
        return True
    token = _LAST_TOKEN.search(text, max(begin, end.start() - 20), end.start())
    if token is None:
        return True
    word = token.group()
    is_label = word.isdigit() and not text[begin : token.start()].strip()
    is_initial = len(word) == 1 and word.isupper() and bool(text[begin : token.start()].strip())
    return not (is_label or word.lower() in _ABBREVIATIONS or (is_initial and text[end.end()].isupper()))
