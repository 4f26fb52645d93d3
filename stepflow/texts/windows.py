"""Places in a text that belong together: whether groups of values can each have a stretch of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

Span = tuple[int, int]

MOST = 2_000
"""How many readings of one group, and how many choices among them, are looked at; more cannot be decided."""


def lie_apart(groups: Sequence[Sequence[Sequence[Span]]]) -> bool:
    """Whether each group has a stretch of the text that holds all of its values and overlaps with no other's.

    A group is a list of values, a value the list of places [start, end) at which it stands.
    """
    return _choose([_stretches(group) for group in groups], (), iter(range(MOST)))


def _stretches(group: Sequence[Sequence[Span]]) -> list[Span]:
    """The stretches that hold one place of each value, the shortest first, without those that hold another."""
    count = 1
    for places in group:
        count *= len(places)
    if count > MOST:
        return []
    found = {
        (min(start for start, _ in chosen), max(end for _, end in chosen))
        for chosen in itertools.product(*group)
        if chosen
    }
    least = [each for each in found if not any(each != other and _holds(each, other) for other in found)]
    return sorted(least, key=lambda each: each[1] - each[0])


def _holds(outer: Span, inner: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _choose(left: list[list[Span]], taken: tuple[Span, ...], budget: Iterator[int]) -> bool:
    if not left:
        return True
    return any(
        _choose(left[1:], (*taken, each), budget)
        for each in left[0]
        if not any(each[0] < end and start < each[1] for start, end in taken) and next(budget, None) is not None
    )
