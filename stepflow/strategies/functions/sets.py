"""Functions that take lists as sets: order and repetitions do not count. Values are compared by meaning."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from stepflow.values import describe, identity


def union(a: Any, b: Any) -> tuple[Any, ...]:
    """The items that stand in one list or the other, each once, in their first order.

    Examples:
        union([1, 2], [2, 3]) == [1, 2, 3]
    """
    kept: dict[Hashable, Any] = {}
    for each in (*_list(a, "union"), *_list(b, "union")):
        kept.setdefault(identity(each), each)
    return tuple(kept.values())


def intersect(a: Any, b: Any) -> tuple[Any, ...]:
    """The items that stand in both lists, each once, in the order of the first.

    Examples:
        intersect([1, 2, 2, 3], [3, 2]) == [2, 3]
    """
    wanted = set(map(identity, _list(b, "intersect")))
    return tuple(each for each in union(a, ()) if identity(each) in wanted)


def same_set(a: Any, b: Any) -> bool:
    """Whether two lists hold the same items, however often and in whatever order.

    Examples:
        same_set([1, 2, 2], [2, 1])
        same_set([0.5], [1/2])
        not same_set([1], [1, 2])
    """
    return set(map(identity, _list(a, "same_set"))) == set(map(identity, _list(b, "same_set")))


def disjoint(a: Any, b: Any) -> bool:
    """Whether no item stands in both lists.

    Examples:
        disjoint([1], [2])
        not disjoint([1, 2], [2])
    """
    return not set(map(identity, _list(a, "disjoint"))) & set(map(identity, _list(b, "disjoint")))


def _list(value: Any, function: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{function}: {describe(value)} is not a list")
    return value


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "union": union,
    "intersect": intersect,
    "same_set": same_set,
    "disjoint": disjoint,
}
