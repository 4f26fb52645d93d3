"""Which of several things of one kind in a text is meant: by the words beside it, by repetition, or by its sentence.

'Ann was born on 3 May 1990 and Bob on 4 June 1985' holds two names and two days, one after the other and twice: the
first name goes with the first day. 'The total of 30 EUR, 5 EUR of it fees' says by a word which is the total.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from stepflow.prose import sentence_starts
from stepflow.texts.denials import find_denials

_REACH = 80  # characters looked at on either side
_WORDS_BEFORE = 4
_BREAK = re.compile(r"[.!?](?=\s)|[,;\n()]|(?<!\w)(?:and|or|plus|but|while|whereas)(?!\w)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_LINK = re.compile(r"[\s:-]*(?:(?:were|was|are|is|in|of|as|for|the|an?|per)\s+)*", re.IGNORECASE)
_PAST = re.compile(
    r"(?<!\w)(?:formerly|former|previous(?:ly)?|original(?:ly)?|initial(?:ly)?|old|once|estimated|expected)(?!\w)", re.I
)
_NOW = re.compile(r"(?<!\w)(?:now|currently|today|new|latest|instead)(?!\w)", re.IGNORECASE)
_TIE = re.compile(r"(?:(?<!\w)(?:in|at|from|for|to|of|by|with|near)\s+(?:the\s+)?|\()\Z", re.IGNORECASE)
_JOIN = re.compile(
    r"\s*(?:[-–—/~]|,?\s+(?:to|or|and|until|through|then|not|but|instead\s+of|rather\s+than)\s+)\W*", re.IGNORECASE
)
_LEADING = frozenset(("from", "to", "until", "till", "by", "at", "for", "since", "through", "on", "with"))
"""Words that speak of what stands behind them, never of what stands before."""
_PRONOUN = re.compile(r"(?<!\w)(?:he|she|they|him|his|her|hers|their|it|its)(?!\w)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something at [start, end) of a text; two with one `identity` are the same thing said twice."""

    start: int
    end: int
    identity: str


def labelled(text: str, candidates: Sequence[Candidate], concepts: Sequence[Collection[str]]) -> set[str]:
    """The identities beside which the most concepts stand, each a set of words that say the same; empty without any.

    Where the text says of one that it is so now, the others do not count.
    """
    now = {each for index, each in enumerate(candidates) if _NOW.search(_before(text, candidates, index))}
    scores = {
        each: _score(text, candidates, index, concepts)
        for index, each in enumerate(candidates)
        if not now or each in now
    }
    most = max(scores.values(), default=0)
    return {each.identity for each, score in scores.items() if most and score == most}


def chained(candidates: Sequence[Candidate], text: str, index: int) -> set[str]:
    """The identities of the neighbours that 'to', 'or', 'and', a dash and the like join to a candidate."""
    pairs = ((index - 1, index), (index, index + 1))
    inside = [(a, b) for a, b in pairs if a >= 0 and b < len(candidates)]
    joined = [(a, b) for a, b in inside if _JOIN.fullmatch(text[candidates[a].end : candidates[b].start])]
    return {candidates[a if b == index else b].identity for a, b in joined} - {candidates[index].identity}


def repetitions(kinds: Sequence[Sequence[Candidate]]) -> list[set[Candidate]]:
    """The candidates by repetition, where those of several kinds follow each other in one order again and again.

    Empty when they do not.
    """
    order = sorted((each.start, kind, each) for kind, found in enumerate(kinds) for each in found)
    sequence = [kind for _, kind, _ in order]
    for length in range(2, len(sequence) // 2 + 1):
        block = sequence[:length]
        if len(set(block)) > 1 and len(sequence) % length == 0 and block * (len(sequence) // length) == sequence:
            return [{each for _, _, each in order[at : at + length]} for at in range(0, len(order), length)]
    return []


def sentences(text: str) -> list[tuple[int, int]]:
    """The sentences of a text as [start, end), also those that a semicolon divides."""
    ends = sorted({*sentence_starts(text), *(match.end() for match in re.finditer(";", text)), len(text)})
    return list(zip([0, *ends[:-1]], ends, strict=True))


def nearest(names: Iterable[Candidate], to: Candidate) -> Candidate | None:
    """The last of some candidates before another one, or the first behind it when there is none before."""
    listed = sorted(names, key=lambda each: each.start)
    before = [each for each in listed if each.end <= to.start]
    behind = [each for each in listed if each.start >= to.end]
    return before[-1] if before else behind[0] if behind else None


def speaks_of_another(text: str, names: Sequence[Candidate], meant: set[Candidate], value: Candidate) -> bool:
    """Whether the sentence of a value names others than those meant, or by a pronoun one of several named before."""
    start, end = next(span for span in sentences(text) if span[0] <= value.start < span[1])
    named = [each for each in names if start <= each.start < end]
    if named:
        return not any(each in meant for each in named)
    before = {each.identity for each in names if each.start < start}
    return len(before) > 1 and _PRONOUN.search(text, start, end) is not None


def tied(text: str, names: Sequence[Candidate], value: Candidate) -> list[Candidate]:
    """Other names that the same word ties to something as it does the value: Rome, in 'Ann in Rome, Bob in Oslo'."""
    tie = _tie(text, value)
    return [each for each in names if tie and _tie(text, each) == tie and each.identity != value.identity]


def _tie(text: str, candidate: Candidate) -> str:
    match = _TIE.search(text, max(0, candidate.start - 20), candidate.start)
    return match.group().split()[0].lower() if match else ""


def _before(text: str, candidates: Sequence[Candidate], index: int) -> str:
    """What stands before a candidate and may speak of it: its clause, back to the candidate before it."""
    start = candidates[index].start
    floor = max([0, start - _REACH, *(other.end for other in candidates if other.end <= start)])
    before = text[floor:start]
    return before[max((match.end() for match in _BREAK.finditer(before)), default=0) :]


def _score(text: str, candidates: Sequence[Candidate], index: int, concepts: Sequence[Collection[str]]) -> int:
    """How many concepts stand beside a candidate."""
    before = _before(text, candidates, index)
    if find_denials(before) or _PAST.search(before):
        return 0
    end = candidates[index].end
    link = _LINK.match(text, end, end + _REACH)
    follows = _WORD.match(text, link.end() if link else end)
    words = {word.lower() for word in _WORD.findall(before)[-_WORDS_BEFORE:]}
    words |= {follows.group().lower()} - _LEADING if follows else set()
    words |= {word.removesuffix("s") for word in words}
    return sum(not words.isdisjoint(concept) for concept in concepts)
