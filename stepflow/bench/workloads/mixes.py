"""Which perturbations of how many bases make a workload.

Every (base, perturbation) pair gives three variants; 74 pairs are 222 requests. The published mix is not described base
by base; ours has the published shares: 59 pairs whose base's answer still fits (79.7 %), 4 in which a key is added
(5.4 %, patched there) and 11 in which a constant, a name or a key is another one (14.9 %, skipped there). In the harsh
mix 25 of 74 pairs change a constant, a name or a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from stepflow.bench.item import Item, Workload
from stepflow.bench.workloads import equations, json_objects

Level = str
Pairs = tuple[tuple[str, Level, int], ...]
"""(perturbation, level, number of bases); an empty level gives one variant of each level."""

LEVELS = ("low", "medium", "high")
PAPER: dict[str, Pairs] = {
    "equation": (
        ("wording", "low", 10), ("wording", "medium", 8), ("wording", "high", 6), ("sides_swapped", "", 6),
        ("constant_changed", "", 6), ("variable_renamed", "", 4),
    ),
    "json": (
        ("wording", "low", 10), ("wording", "medium", 7), ("wording", "high", 6), ("order_changed", "", 4),
        ("key_removed", "", 2), ("key_added", "", 4), ("key_renamed", "", 1),
    ),
}  # fmt: skip
HARSH: dict[str, Pairs] = {
    "equation": (
        ("wording", "low", 7), ("wording", "medium", 7), ("wording", "high", 6), ("sides_swapped", "", 4),
        ("constant_changed", "", 8), ("variable_renamed", "", 5),
    ),
    "json": (
        ("wording", "low", 7), ("wording", "medium", 7), ("wording", "high", 5), ("order_changed", "", 3),
        ("key_removed", "", 3), ("key_added", "", 5), ("key_renamed", "", 5), ("subject_changed", "", 2),
    ),
}  # fmt: skip
VARIANTS = 3
MIXES = ("paper", "harsh", "repeat", "zipf")
DEFAULT_REQUESTS = 222


def workload(mix: str, seed: int, requests: int | None = None) -> Workload:
    """One of `MIXES`, drawn from a seed; at most, or for repeat and zipf exactly, `requests` requests."""
    rng = Random(seed)
    bases, variants = _drawn(rng, HARSH if mix == "harsh" else PAPER)
    if mix == "repeat":
        return Workload(mix, seed, bases, rng.choices(bases, k=requests or DEFAULT_REQUESTS))
    if mix == "zipf":
        pool = [*bases, *variants]
        rng.shuffle(pool)
        weights = [1 / rank for rank in range(1, len(pool) + 1)]
        return Workload(mix, seed, (), rng.choices(pool, weights, k=requests or DEFAULT_REQUESTS))
    rng.shuffle(variants)
    return Workload(mix, seed, bases, variants[:requests])


def _drawn(rng: Random, mix: dict[str, Pairs]) -> tuple[list[Item], list[Item]]:
    bases: list[Item] = []
    variants: list[Item] = []
    for module, pairs in ((equations, mix["equation"]), (json_objects, mix["json"])):
        problems: Sequence[Any] = module.bases(rng)
        bases += map(module.base_item, problems)
        variants += _variants(module.variant, problems, pairs, rng)
    return bases, variants


def _variants(make: Callable[..., Item], problems: Sequence[Any], pairs: Pairs, rng: Random) -> Iterator[Item]:
    """The variants of every pair; which bases a perturbation takes is drawn. No prompt comes twice."""
    seen: set[str] = set()
    for kind, level, count in pairs:
        for problem in rng.sample(problems, count):
            for number in range(VARIANTS):
                item = _fresh(lambda: make(problem, kind, level or LEVELS[number], rng), seen)  # noqa: B023
                seen.add(item.prompt)
                yield item


def _fresh(draw: Callable[[], Item], seen: set[str]) -> Item:
    """A variant that is neither its base nor one that came before, where there is one."""
    item = draw()
    for _ in range(100):
        if item.prompt not in seen and item.prompt != item.base:
            break
        item = draw()
    return item
