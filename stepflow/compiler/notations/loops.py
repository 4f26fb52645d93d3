"""Expressions over each item of a list: `all(x in items, x > 0)`, and likewise `any`, `map` and `select`.

The first argument names the item and gives the list, the second is evaluated once for each item, with that name beside
all others. All loops of one evaluation share a bound on their turns and on their time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stepflow.budget import Budget
from stepflow.notation import Names
from stepflow.values import describe

MAX_TURNS = 20_000
MAX_SECONDS = 1.0

Turn = tuple[Any, Any]
"""An item of the list, and what the expression gives for it."""


@dataclass(frozen=True, slots=True)
class Loop:
    """The parts of a call that is a loop, as nodes; `variable` is what its items are called."""

    variable: str
    items: Any
    body: Any


def loop_of(node: Any) -> Loop | None:
    """The loop that a call is; None for any other call."""
    if getattr(node.node, "name", "") not in LOOPS or len(node.args) != 2 or node.kwargs:
        return None
    head = node.args[0]
    is_head = type(head).__name__ == "Compare" and type(head.expr).__name__ == "Name"
    if not is_head or [each.op for each in head.ops] != ["in"]:
        return None
    return Loop(head.expr.name, head.ops[0].expr, node.args[1])


def loop_budget() -> Budget:
    """What all loops of one evaluation may cost."""
    return Budget("a loop", MAX_SECONDS, MAX_TURNS)


class Scope(Mapping[str, Any]):
    """The names outside a loop and, before them, the loop's own; with the budget of the evaluation."""

    __slots__ = ("_name", "_outer", "_value", "budget")

    def __init__(self, outer: Names, budget: Budget, name: str | None = None, value: Any = None) -> None:
        self._outer = outer
        self._name = name
        self._value = value
        self.budget = budget

    def __getitem__(self, name: str) -> Any:
        return self._value if name == self._name else self._outer[name]

    def __contains__(self, name: object) -> bool:
        return name == self._name or name in self._outer

    def __iter__(self) -> Iterator[str]:
        own = () if self._name is None or self._name in self._outer else (self._name,)
        return iter((*self._outer, *own))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def turns(name: str, variable: str, items: Any, body: Callable[[Names], Any], scope: Scope) -> Iterator[Turn]:
    """Each item with what the body gives for it, one after the other, within the budget."""
    if not isinstance(items, list | tuple):
        raise ValueError(f"{name}({variable} in …): {describe(items)} is not a list")
    for item in items:
        scope.budget.spend()
        yield item, body(Scope(scope, scope.budget, variable, item))


def _holds(turn: Turn) -> bool:
    if not isinstance(turn[1], bool):
        raise ValueError(f"the condition of a loop gives {describe(turn[1])}, not true or false")
    return turn[1]


LOOPS: Mapping[str, Callable[[Iterator[Turn]], Any]] = {
    "all": lambda found: all(map(_holds, found)),
    "any": lambda found: any(map(_holds, found)),
    "map": lambda found: tuple(value for _, value in found),
    "select": lambda found: tuple(turn[0] for turn in found if _holds(turn)),
}
"""What each loop makes of its turns."""
