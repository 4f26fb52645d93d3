"""Did you mean …? Near names, and never a silly one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that was probably meant by `word`: at most two typing mistakes away, or alike by 70 %; else None.

    Case does not count. Words of up to four letters may differ by one mistake only.
    """
    allowed = 1 if len(word) <= 4 else 2
    scored = [(_mistakes(word.lower(), choice.lower()), -_likeness(word, choice), choice) for choice in choices]
    good = [entry for entry in scored if entry[0] <= allowed or (len(word) > 4 and -entry[1] >= 0.7)]
    return min(good)[2] if good else None


def did_you_mean(word: str, choices: Iterable[str]) -> tuple[str, ...]:
    """The hint for a misspelt word, as a tuple of no or one sentence."""
    near = nearest(word, choices)
    return (f"did you mean '{near}'?",) if near is not None and near != word else ()


def _likeness(left: str, right: str) -> float:
    return SequenceMatcher(None, left.lower(), right.lower(), autojunk=False).ratio()


def _mistakes(left: str, right: str) -> int:
    """Letters to insert, drop, change or swap with a neighbour; anything above 2 is returned as 3."""
    if abs(len(left) - len(right)) > 2:
        return 3
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return min(row[-1], 3)
