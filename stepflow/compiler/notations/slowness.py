"""Patterns that take for ever: `(a+)*` on 'aaaa…!'. Found by their shape, and believed only when a trial is slow.

The shape alone would blame many good patterns (`(?:[a-z]+,)*` is fast), and a trial of every pattern would cost time:
so the shape chooses what is tried, and the trial decides. That a pattern is quick is kept for later processes; that one
is slow is not, because a trial may have had to wait.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from stepflow.compiler.notations.error import NotationError
from stepflow.compiler.notations.regexes import compile_regex
from stepflow.kept import Kept, texts_of
from stepflow.patterns import ENGINE, RegexPattern

TRIAL_S = 0.05
"""A pattern that needs longer for `LENGTH` characters needs for ever for twice as many."""
LENGTH = 40
_PIECE = re.compile(r"\\(?P<escape>.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<sign>.)", re.DOTALL)
_REPEAT = re.compile(r"(?:[*+]|\{\d*,\d*\}|\{\d{2,}\})(?P<possessive>\+)?")
_GROUP_HEAD = re.compile(r"\?(?:P?<[A-Za-z_]\w*>|[aiLmsux-]*:|[=!]|<[=!]|>|[aiLmsux]+(?=\)))")
_GROUP_HEADS = re.compile(r"(?<=\()" + _GROUP_HEAD.pattern)
_SAMPLES = {"d": "1", "w": "a", "s": " ", "S": "a", "W": "-", "D": "a", "b": "", "B": ""}
_KEPT = Kept("quick pattern", ENGINE, texts_of(__file__))


@dataclass(frozen=True, slots=True)
class Slow:
    """A stretch [start, end) of a pattern, and the beginning of a text on which it takes for ever."""

    start: int
    end: int
    example: str


@lru_cache(maxsize=1024)
def slow_part(text: str) -> Slow | None:
    """The first repeated group of a pattern that makes it take for ever; None when none is found."""
    if _KEPT.get(text):
        return None
    suspects = list(nested_repeats(text))
    pattern = compile_regex(text, TRIAL_S) if suspects else None
    for start, end in suspects:
        for unit in _units(text[start:end]):
            if pattern is not None and _is_slow(pattern, start, unit):
                return Slow(start, end, (unit * 8)[:12] + "…")
    _KEPT.put(lambda: True, text)
    return None


def nested_repeats(text: str) -> Iterator[tuple[int, int]]:
    """The stretches of repeated groups that hold a repeat, or a choice, themselves."""
    open_groups: list[tuple[int, bool]] = []
    position = 0
    while found := _PIECE.match(text, position):
        sign, position = found["sign"], found.end()
        if sign == "(":
            head = _GROUP_HEAD.match(text, position)
            open_groups.append((found.start(), False))
            position = head.end() if head else position
            continue
        holds = False
        start = found.start()
        if sign == ")" and open_groups:
            start, holds = open_groups.pop()
        repeat = _REPEAT.match(text, position)
        if repeat is not None:
            position = repeat.end()
            if holds and not repeat["possessive"]:
                yield start, position
        if open_groups and (repeat is not None or holds or sign in ("|", "?")):
            open_groups[-1] = (open_groups[-1][0], True)


def _units(group: str) -> list[str]:
    """Short texts that a repeated group may read: each of its characters, and all of them in a row."""
    singles = list(dict.fromkeys(_sample(group)))
    return [*singles[:8], "".join(singles)[:LENGTH]] if singles else []


@lru_cache(maxsize=1024)
def _sample(pattern: str) -> str:
    """A text that a pattern may read, more or less: a character for each of its pieces."""
    characters: list[str] = []
    for found in _PIECE.finditer(_GROUP_HEADS.sub("", pattern)):
        if found["escape"] is not None:
            characters.append(_SAMPLES.get(found["escape"], found["escape"] if not found["escape"].isalnum() else ""))
        elif found["set"] is not None:
            characters.append(_member(found["set"]))
        elif found["sign"] == ".":
            characters.append("a")
        elif found["sign"] not in "()*+?{}|^$":
            characters.append(found["sign"])
    return "".join(characters)


@lru_cache(maxsize=1024)
def _member(members: str) -> str:
    """A character that a set may hold."""
    for candidate in ("a", "1", " ", "A", "-", ".", ",", "é"):
        try:
            if compile_regex(members).fullmatch(candidate):
                return candidate
        except (NotationError, ValueError):
            return ""
    return ""


def _is_slow(pattern: RegexPattern, start: int, unit: str) -> bool:
    """Whether the pattern, whose group begins at `start`, takes too long on repeats of a text that end otherwise."""
    before, everything = _sample(pattern.text[:start]), _sample(pattern.text)
    repeats = (unit * LENGTH)[:LENGTH]
    try:
        for trial in (repeats + "\x00", before + repeats + "\x00" + everything, before + repeats):
            pattern.search(trial)
    except ValueError:
        return True
    return False
