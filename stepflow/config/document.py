"""A file that was read: its plain data, and where each part of it is written, be it in another file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from stepflow.config.scalar_offsets import origins
from stepflow.config.scalars import Plain
from stepflow.config.source_text import SourceText
from stepflow.source import Diagnostic, Severity, Span

NodePath = tuple[str | int, ...]
Part = Literal["key", "value"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar: where it is written, its text, its style ('' is plain) and the value that the text denotes."""

    start: int
    end: int
    text: str
    style: str
    value: Plain

    @property
    def is_blank(self) -> bool:
        """Whether nothing is written at all, as after a bare `key:`."""
        return self.start == self.end


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list: where it begins and ends, and its items."""

    start: int
    end: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapNode:
    """A map: where it begins and ends, and its keys and values by the text of the key."""

    start: int
    end: int
    keys: dict[str, Scalar]
    values: dict[str, Node]


@dataclass(frozen=True, slots=True)
class AliasNode:
    """An alias: where `*name` is written, and the anchored node that it stands for."""

    start: int
    end: int
    target: Scalar | ListNode | MapNode


@dataclass(frozen=True, slots=True)
class ForeignNode:
    """A node that is written in another file: a rule's parent, a table, a grammar. So is its key, if `with_key`."""

    source: SourceText
    node: Node
    with_key: bool = True

    @property
    def start(self) -> int:
        """Where it begins, in its own file."""
        return self.node.start

    @property
    def end(self) -> int:
        """Where it ends, in its own file."""
        return self.node.end


Node = Scalar | ListNode | MapNode | AliasNode | ForeignNode
VERBATIM = "verbatim"
"""The style of a scalar that is a stretch of a file as it is, not YAML."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A node on the way along a path and its file; its key, which may stand in another file."""

    node: Scalar | ListNode | MapNode | AliasNode
    source: SourceText
    key: Scalar | None
    key_source: SourceText


@dataclass(frozen=True, slots=True)
class Document:
    """A file read: its plain data (dict, list, str, int, ExactFloat, bool, None), and where each part is written.

    A path into the data is a tuple of keys and list positions. Where an alias stands, the alias itself is the place of
    the whole, and the anchored text is the place of its parts. `source` is the file of the root; parts may come from
    others, and know it.
    """

    data: Any
    source: SourceText
    root: Node | None = field(repr=False)

    @property
    def path(self) -> str:
        """The file, as the caller named it."""
        return self.source.path

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the file, without line ends."""
        return self.source.lines

    def line_text(self, line: int) -> str:
        """The text of a line of the root's file (from 1), empty when there is no such line."""
        return self.source.line_text(line)

    def scalar(self, path: NodePath) -> Scalar | None:
        """The scalar written at a path; None when there is something else, or nothing."""
        place = self._place(path)
        node = None if place is None else target_of(place.node)
        return node if isinstance(node, Scalar) else None

    def source_of(self, path: NodePath) -> SourceText:
        """The file in which the value at a path (or its nearest existing ancestor) is written."""
        trail = self._trail(path)
        return trail[-1].source if trail else self.source

    def is_blank(self, path: NodePath) -> bool:
        """Whether a key (or list mark) stands there with nothing after it."""
        scalar = self.scalar(path)
        return scalar is not None and scalar.is_blank

    def is_plain(self, path: NodePath) -> bool:
        """Whether a scalar without quotes is written there."""
        scalar = self.scalar(path)
        return scalar is not None and scalar.style == ""

    def locate(self, path: NodePath, part: Part = "value") -> Span:
        """Where the key or the value at a path is written.

        Where the path leads on to something that is not there, the place is the key of the nearest existing ancestor
        (an item of a list has no key: then its value). A key with nothing after it is its own value's place.
        """
        trail = self._trail(path)
        if not trail:
            return self.source.span(0, 0)
        place = trail[-1]
        blank = isinstance(place.node, Scalar) and place.node.is_blank
        if place.key is not None and (part == "key" or blank or len(trail) <= len(path)):
            return place.key_source.span(place.key.start, place.key.end)
        return place.source.span(place.node.start, place.node.end)

    def inside(self, path: NodePath, start: int, end: int) -> Span:
        """Where the characters [start, end) of the text at a path are written.

        Exact in every scalar style; the span of the whole scalar when characters and source cannot be aligned.
        """
        place, scalar = self._place(path), self.scalar(path)
        if place is None or scalar is None:
            return self.locate(path)
        raw = place.source.text[scalar.start : scalar.end]
        places = list(range(len(raw) + 1)) if scalar.style == VERBATIM else origins(raw, scalar.style, scalar.text)
        if places is None:
            return self.locate(path)
        # The end of a block's text lies behind its last line end: what ends too early does so on the line before.
        limit = len(scalar.text.rstrip("\n")) if start >= len(scalar.text.rstrip("\n")) else len(places) - 1
        first, last = (min(max(offset, 0), limit) for offset in (start, max(start, end)))
        return place.source.span(scalar.start + places[first], scalar.start + places[last])

    def diagnostic(
        self,
        code: str,
        message: str,
        path: NodePath,
        *,
        part: Part = "value",
        offset: tuple[int, int] | None = None,
        severity: Severity = "error",
        hints: tuple[str, ...] = (),
        breadcrumb: str = "",
        see: str = "",
    ) -> Diagnostic:
        """A problem at a path, or at the characters `offset` of the text there, with its source line filled in."""
        span = self.inside(path, *offset) if offset is not None else self.locate(path, part)
        return Diagnostic(code, message, span, severity, hints, breadcrumb, see, self._line_of(path, span))

    def part(self, path: NodePath) -> Document:
        """What stands at a path as a document of its own."""
        place = self._place(path)
        data = self.data
        for part in path:
            data = data[part]
        return Document(data, self.source if place is None else place.source, None if place is None else place.node)

    def _line_of(self, path: NodePath, span: Span) -> str:
        """The line on which a span along a path begins."""
        trail = self._trail(path)
        sources = [self.source, *(source for place in trail for source in (place.source, place.key_source))]
        return next(source.line_text(span.line) for source in reversed(sources) if source.path == span.path)

    def _place(self, path: NodePath) -> _Place | None:
        """The node at a path, None when there is nothing."""
        trail = self._trail(path)
        return trail[-1] if trail and len(trail) == len(path) + 1 else None

    def _trail(self, path: NodePath) -> list[_Place]:
        """The nodes from the root along the path, as deep as they exist."""
        if self.root is None:
            return []
        trail = [_place_of(None, self.root, self.source)]
        for part in path:
            place = trail[-1]
            node = target_of(place.node)
            if isinstance(node, MapNode) and isinstance(part, str) and part in node.values:
                trail.append(_place_of(node.keys[part], node.values[part], place.source))
            elif isinstance(node, ListNode) and isinstance(part, int) and 0 <= part < len(node.items):
                trail.append(_place_of(None, node.items[part], place.source))
            else:
                break
        return trail


def _place_of(key: Scalar | None, node: Node, source: SourceText) -> _Place:
    key_source = source
    while isinstance(node, ForeignNode):
        key_source = node.source if node.with_key else key_source
        source, node = node.source, node.node
    return _Place(node, source, key, key_source)


def target_of(node: Node) -> Scalar | ListNode | MapNode:
    """The node itself, or what an alias stands for."""
    if isinstance(node, ForeignNode):
        return target_of(node.node)
    return node.target if isinstance(node, AliasNode) else node


def _children(node: Node) -> tuple[Node, ...]:
    node = target_of(node)
    if isinstance(node, MapNode):
        return tuple(node.values.values())
    return node.items if isinstance(node, ListNode) else ()


def measure(node: Node) -> tuple[int, int]:
    """How many nodes it stands for, and how many levels lie below it."""
    inner = [measure(child) for child in _children(node)]
    return 1 + sum(size for size, _ in inner), max((height + 1 for _, height in inner), default=0)


def plain_data(node: Node) -> Any:
    """The node as dict, list and scalar values; aliases become copies."""
    if isinstance(node, Scalar):  # most are
        return node.value
    node = target_of(node)
    if isinstance(node, MapNode):
        return {key: plain_data(value) for key, value in node.values.items()}
    return [plain_data(item) for item in node.items] if isinstance(node, ListNode) else node.value
