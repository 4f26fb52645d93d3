"""One rule on top of another: maps merge by key, everything else is replaced; each part keeps its place.

A map whose `type:` is another than that of the map below it replaces it whole: the parameters of one component mean
nothing to another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stepflow.config.document import Document, ForeignNode, ListNode, MapNode, Node, Scalar, target_of
from stepflow.config.source_text import SourceText

OWN_KEYS = frozenset({"stepflow", "kind", "id", "title", "extends", "overrides", "tests"})
"""Keys that a rule never takes from its parent; so are those that begin with `x-`."""
LISTS: tuple[tuple[str, ...], ...] = (
    ("match",), ("unless",), ("parse",), ("verify",), ("reuse", "skip_when"), ("rewrite",),
)  # fmt: skip
"""Where a rule holds lists of items that can be named by an override."""


@dataclass(frozen=True, slots=True)
class Part:
    """A value with the node that it is written as, and that node's file. `key` is where its key stands, if it has."""

    data: Any
    node: Node
    source: SourceText
    key: tuple[Scalar, SourceText] | None = None

    @classmethod
    def of(cls, document: Document) -> Part:
        """The whole of a document that is not empty."""
        assert document.root is not None
        return cls(document.data, *_opened(document.root, document.source)[:2])

    def at(self, name: str | int) -> Part:
        """A member of a map or list."""
        node = target_of(self.node)
        if isinstance(node, MapNode):
            inner, source, key_source = _opened(node.values[str(name)], self.source)
            return Part(self.data[name], inner, source, (node.keys[str(name)], key_source))
        assert isinstance(node, ListNode)
        return Part(self.data[name], *_opened(node.items[int(name)], self.source)[:2])

    def seen_from(self, holder: SourceText) -> Node:
        """The node as it is held by a node of another file."""
        key_source = self.source if self.key is None else self.key[1]
        node: Node = self.node if self.source is key_source else ForeignNode(self.source, self.node, with_key=False)
        return node if key_source is holder else ForeignNode(key_source, node)

    def document(self) -> Document:
        """The part as a document."""
        return Document(self.data, self.source, self.node)


def map_part(members: Mapping[str, Part], place: Part) -> Part:
    """A map of these members (each with its key) that is written at a place."""
    return replace(
        place,
        data={name: member.data for name, member in members.items()},
        node=MapNode(
            place.node.start,
            place.node.end,
            {name: member.key[0] for name, member in members.items() if member.key is not None},
            {name: member.seen_from(place.source) for name, member in members.items()},
        ),
    )


def list_part(items: list[Part], place: Part) -> Part:
    """A list of these items that is written at a place."""
    nodes = tuple(item.seen_from(place.source) for item in items)
    return replace(place, data=[item.data for item in items], node=ListNode(place.node.start, place.node.end, nodes))


def members_of(part: Part) -> dict[str, Part]:
    """The members of a map."""
    return {name: part.at(name) for name in part.data}


def inherit(parent: Part, child: Part) -> Part:
    """The child's rule with everything that it does not say itself taken from the parent's."""
    inherited = {
        name: part for name, part in members_of(parent).items() if name not in OWN_KEYS and not name.startswith("x-")
    }
    own = members_of(child)
    head = {name: part for name, part in own.items() if name in OWN_KEYS and name != "tests"}
    return map_part(head | _merged(inherited, own), child)


def override(item: Part, changes: Part) -> Part:
    """An item of a list with some of its keys given anew. It stays where it is written."""
    members = {name: part for name, part in members_of(changes).items() if name != "enabled"}
    return map_part(_merged(_as_map(item), members), item)


def _merged(below: Mapping[str, Part], above: Mapping[str, Part]) -> dict[str, Part]:
    """The members of both, those below first: what uses a name stands after what makes it."""
    merged = dict(below)
    for name, part in above.items():
        merged[name] = _merge(below[name], part, is_table=name == "tables") if name in below else part
    return merged


def _merge(below: Part, above: Part, *, is_table: bool) -> Part:
    both_maps = isinstance(below.data, dict) and isinstance(above.data, dict)
    if not both_maps or (not is_table and _other_type(below.data, above.data)):
        return above
    merged = dict(members_of(below))
    for name, part in members_of(above).items():
        merged[name] = _merge(merged[name], part, is_table=is_table) if name in merged else part
    return map_part(merged, above)


def _other_type(below: Mapping[str, Any], above: Mapping[str, Any]) -> bool:
    return "type" in above and above["type"] != below.get("type")


def _as_map(item: Part) -> dict[str, Part]:
    """The members of an item; a bare word is its type."""
    if isinstance(item.data, dict):
        return members_of(item)
    word = target_of(item.node)
    assert isinstance(word, Scalar)
    return {"type": replace(item, key=(word, item.source))}


def _opened(node: Node, source: SourceText) -> tuple[Node, SourceText, SourceText]:
    """The node itself, its file, and the file of its key, when it is held by a node of the file `source`."""
    key_source = source
    while isinstance(node, ForeignNode):
        key_source = node.source if node.with_key else key_source
        source, node = node.source, node.node
    return node, source, key_source
