"""Which members an expression reads, told from its syntax alone: `step.total`, `steps[0].text`, `map(attribute='a.b')`.

A path begins with a name; its next parts are keys, and `None` where it goes on with any item of a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stepflow.compiler.notations.loops import loop_of

Path = tuple[str | None, ...]
Bound = Mapping[str, Path | None]
Outline = Path | Mapping[str, Any] | None
"""What is known of a value from its syntax: that it is what stands at a path, a map of these members, or nothing."""

_SAME_ITEMS = frozenset({"select", "reject", "sort", "sorted", "reverse", "unique"})
_ONE_ITEM = frozenset({"first", "last", "nth"})
_BY_ATTRIBUTE = frozenset({"selectattr", "rejectattr"})


@dataclass(frozen=True, slots=True)
class Member:
    """A member that is read: its path, the last part of which is written at [start, end) of the text."""

    path: Path
    start: int
    end: int

    def shifted(self, offset: int) -> Member:
        """The same member of a text in which this one begins at `offset`."""
        return replace(self, start=self.start + offset, end=self.end + offset)


def members_read(text: str, node: Any) -> tuple[Member, ...]:
    """Every member that the expression reads and whose path is known, in the order of evaluation."""
    walk = _Walk(text)
    walk.visit(node, {})
    return tuple(walk.found)


def outline(node: Any) -> Outline:
    """The shape of an expression's value, as far as its syntax tells."""
    if type(node).__name__ == "Dict" and all(type(pair.key).__name__ == "Const" for pair in node.items):
        return {str(pair.key.value): outline(pair.value) for pair in node.items}
    return _Walk("").visit(node, {})


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Member] = []

    def visit(self, node: Any, bound: Bound) -> Path | None:
        """Note what the node and those below it read; the node's own path when it has one."""
        visit = getattr(self, "_" + type(node).__name__.lower(), self._other)
        path: Path | None = visit(node, bound)
        return path

    def _other(self, node: Any, bound: Bound) -> None:
        for child in node.iter_child_nodes():
            self.visit(child, bound)

    def _name(self, node: Any, bound: Bound) -> Path | None:
        return bound.get(node.name, (node.name,))

    def _getattr(self, node: Any, bound: Bound) -> Path | None:
        return self._member(self.visit(node.node, bound), node.attr, node.lineno)

    def _getitem(self, node: Any, bound: Bound) -> Path | None:
        holder = self.visit(node.node, bound)
        key = getattr(node.arg, "value", None) if type(node.arg).__name__ == "Const" else None
        if isinstance(key, str):
            return self._member(holder, key, node.lineno)
        self.visit(node.arg, bound)
        return holder if type(node.arg).__name__ == "Slice" else _item(holder)

    def _filter(self, node: Any, bound: Bound) -> Path | None:
        holder = self.visit(node.node, bound)
        self._arguments(node, bound)
        for attribute in _attributes(node):
            path = _item(holder)
            for key in attribute.value.split("."):
                path = self._member(path, key, attribute.lineno)
        return _of_call(node.name, holder)

    def _call(self, node: Any, bound: Bound) -> Path | None:
        name = getattr(node.node, "name", "")
        loop = loop_of(node)
        if loop is not None:
            items = self.visit(loop.items, bound)
            self.visit(loop.body, {**bound, loop.variable: _item(items)})
            return _of_call(name, items)
        arguments = self._arguments(node, bound)
        return _of_call(name, arguments[0]) if arguments else None

    def _arguments(self, node: Any, bound: Bound) -> list[Path | None]:
        for keyword in node.kwargs:
            self.visit(keyword.value, bound)
        return [self.visit(argument, bound) for argument in node.args]

    def _member(self, holder: Path | None, key: str, start: int) -> Path | None:
        if holder is None:
            return None
        place = max(self.text.find(key, start), 0)
        self.found.append(Member((*holder, key), place, place + len(key)))
        return self.found[-1].path


def _item(path: Path | None) -> Path | None:
    return None if path is None else (*path, None)


def _of_call(name: str, holder: Path | None) -> Path | None:
    """The path of what a filter or function gives whose first argument stands at `holder`."""
    if name in _ONE_ITEM:
        return _item(holder)
    return holder if name in _SAME_ITEMS or name in _BY_ATTRIBUTE else None


def _attributes(node: Any) -> Iterator[Any]:
    """The quoted names of members that a filter reaches in each item."""
    named = [each.value for each in node.kwargs if node.name == "map" and each.key == "attribute"]
    for argument in [*named, *(node.args[:1] if node.name in _BY_ATTRIBUTE else ())]:
        if isinstance(getattr(argument, "value", None), str):
            yield argument
