"""YAML text to plain data in which everything knows its place.

The language is a strict part of YAML 1.2: one document, core scalars, anchors and aliases; no tags, merge keys,
duplicate keys or directives. Every problem of a file is reported at once, except after a syntax error, which stands
alone. This is the only module that knows the YAML library; the parser written in C is used where it is built in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from stepflow.config.document import (
    AliasNode,
    Document,
    ListNode,
    MapNode,
    Node,
    Scalar,
    measure,
    plain_data,
    target_of,
)
from stepflow.config.scalars import ExactFloat, NumberTooLarge, Plain, resolve
from stepflow.config.source_text import SourceText
from stepflow.config.suggest import did_you_mean
from stepflow.config.yaml_syntax import QUOTE_IT, Complaint, explain
from stepflow.errors import ConfigError, UsageError
from stepflow.source import Diagnostic

__all__ = ["Document", "ExactFloat", "Scalar", "read", "read_file"]

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 50
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
MAX_EXPANDED = 10_000
"""Nodes that all aliases of a file may stand for together."""
KEPT = 64
"""Files that stay read, found again by their whole text."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_ANCHOR = re.compile(r"&[^\s,\[\]{}]+\s*")


def read_file(path: str | Path) -> Document:
    """Read a file of UTF-8 text. Raises `UsageError` when it cannot be read, `ConfigError` when it is not valid."""
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(raw) <= MAX_BYTES:
            raise _not_utf8(raw, error, str(path)) from None
        text = raw.decode("utf-8", "replace")
    document = _kept(text, str(path))
    return document if document.root is None else replace(document, data=plain_data(document.root))


@lru_cache(maxsize=KEPT)
def _kept(text: str, path: str) -> Document:
    """A file's text, read: a command asks for the same file again and again. Its places are shared, its data is not."""
    return read(text, path)


def _not_utf8(raw: bytes, error: UnicodeDecodeError, path: str) -> ConfigError:
    before = raw[: error.start].decode("utf-8")
    source = SourceText.of(before + "\ufffd" + raw[error.start + 1 :].decode("utf-8", "replace"), path)
    offset = len(SourceText.of(before, path).text)
    message = f"byte 0x{raw[error.start]:02x} is not UTF-8 text"
    return ConfigError([source.problem("encoding", message, offset, offset + 1, ["save the file as UTF-8"])])


def read(text: str, path: str) -> Document:
    """Read YAML text; `path` is what problems call the file. Raises `ConfigError` with every problem found."""
    source = SourceText.of(text, path)
    _check_text(source, text)
    builder = _Builder(source, yaml.parse(source.text, Loader=_LOADER))
    try:
        root = builder.build()
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_syntax_error(source, error)]) from None
    except _Unbounded as stop:
        builder.problems.append(stop.problem)
        root = None
    if builder.problems:
        raise ConfigError(sorted(builder.problems, key=lambda problem: problem.sort_key))
    return Document(plain_data(root) if root is not None else None, source, root)


def _check_text(source: SourceText, text: str) -> None:
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        message = f"a file may hold at most {MAX_BYTES // 1024} KiB"
        raise ConfigError([source.problem("file-too-large", message, 0, 0, ["split it into several files"])])
    found = [
        source.problem(
            "control-character",
            f"the invisible character U+{ord(match.group()):04X} cannot stand in YAML",
            *match.span(),
            ["remove it; in double quotes it can be written as an escape"],
        )
        for match in _UNPRINTABLE.finditer(source.text)
    ]
    if found:
        raise ConfigError(found)


def _syntax_error(source: SourceText, error: yaml.MarkedYAMLError) -> Diagnostic:
    at = error.problem_mark.index if error.problem_mark else len(source.text)
    if "nesting depth" in (error.problem or ""):  # a limit of libyaml's own, from PyYAML 6.0.4 on
        return source.problem("too-deep", _TOO_DEEP, at, at + 1)
    context_at = error.context_mark.index if error.context_mark else at
    told = Complaint(source, error.problem or "", at, error.context or "", context_at)
    explanation = explain(told)
    return source.problem("syntax", explanation.message, explanation.start, explanation.end, explanation.hints)


class _Unbounded(Exception):
    """Reading must stop: what follows could exhaust the process, or belongs to another document."""

    def __init__(self, problem: Diagnostic) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Builder:
    """Builds nodes from the parser's events, collecting problems."""

    def __init__(self, source: SourceText, events: Iterator[Any]) -> None:
        self.problems: list[Diagnostic] = []
        self._source = source
        self._events = events
        self._anchors: dict[str, Node] = {}
        self._open: set[str] = set()
        self._expanded = 0

    def build(self) -> Node | None:
        """The root node; None for an empty file. Raises `_Unbounded`, or the parser's syntax error."""
        root = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    hint = "one file holds one rule or pipeline; move the rest to its own file"
                    raise self._stop("second-document", "a second document begins here", event, hint)
                if event.version or event.tags:
                    self._report("directive", "YAML directives are not part of the language", event, "remove the line")
                root = self._node(next(self._events), 1)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self._stop("too-deep", _TOO_DEEP, event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            hint = "quote the text when '!' belongs to it; the type follows from the value itself"
            self._report("tag", f"YAML tags are not part of the language: '{tag}'", event, hint)
        if event.anchor is not None:
            self._open.add(event.anchor)
        node = self._content(event, depth)
        if event.anchor is not None:
            self._open.discard(event.anchor)
            self._anchors[event.anchor] = node
        return node

    def _content(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(event, depth)
        return self._map(event, depth)

    def _scalar(self, event: Any) -> Scalar:
        start, end, style = event.start_mark.index, event.end_mark.index, event.style or ""
        if event.anchor is not None and (anchor := _ANCHOR.match(self._source.text, start)):
            start = min(anchor.end(), end)
        value: Plain = event.value
        if not style:
            try:
                value = resolve(event.value)
            except NumberTooLarge as error:
                self._report("number-too-large", str(error), event, "put it in quotes when it is meant as text")
        return Scalar(start, end, event.value, style, value)

    def _list(self, event: Any, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(following := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(following, depth + 1))
        return ListNode(event.start_mark.index, self._end(event, following, items), tuple(items))

    def _map(self, event: Any, depth: int) -> MapNode:
        keys: dict[str, Scalar] = {}
        values: dict[str, Node] = {}
        nodes: list[Node] = []
        while not isinstance(following := next(self._events), yaml.MappingEndEvent):
            key = self._node(following, depth + 1)
            value = self._node(next(self._events), depth + 1)
            nodes += (key, value)
            if self._is_usable(key, keys, value, is_flow=bool(event.flow_style)):
                assert isinstance(key, Scalar)
                keys[key.text], values[key.text] = key, value
        return MapNode(event.start_mark.index, self._end(event, following, nodes), keys, values)

    def _is_usable(self, key: Node, keys: dict[str, Scalar], value: Node, *, is_flow: bool) -> bool:
        if not isinstance(key, Scalar):
            self._complain_of_key(key)
        elif key.text == "<<" and not key.style:
            hint = "write the keys out; an alias (*name) can stand for a whole value only"
            self._report("merge-key", "merge keys ('<<') are not part of the language", key, hint)
        elif key.is_blank:
            self._report("syntax", "there is no key before this ':'", key)
        elif key.text in keys:
            line = self._source.position(keys[key.text].start)[0]
            self._report("duplicate-key", f"'{key.text}' is already given on line {line}", key, "keep one of the two")
        elif is_flow and self._has_no_colon(key, value):
            hint = f"a comma inside {{ }} begins a new key: {QUOTE_IT} when it belongs to the text before"
            self._report("syntax", f"'{key.text}' has no ': value'", key, hint)
        else:
            return True
        return False

    def _has_no_colon(self, key: Scalar, value: Node) -> bool:
        blank = isinstance(value, Scalar) and value.is_blank and value.start == key.end
        return blank and not self._source.text[max(key.start - 8, 0) : key.start].rstrip().endswith("{{")

    def _complain_of_key(self, key: Node) -> None:
        if self._source.text.startswith("{", key.start - 1) and isinstance(key, MapNode):
            place = Scalar(key.start - 1, key.start + 1, "", "", None)
            self._report("syntax", "a text that begins with '{{' must be in quotes", place, QUOTE_IT)
        else:
            self._report("syntax", "a key must be a plain word or a quoted text", key)

    def _alias(self, event: Any, depth: int) -> AliasNode:
        start, end, name = event.start_mark.index, event.end_mark.index, event.anchor
        if name in self._open:
            raise self._stop("recursive-alias", f"'*{name}' stands inside what it refers to", event)
        if name not in self._anchors:
            hints = (*did_you_mean(name, self._anchors), f"write it as '*{name}' in quotes when it is a text")
            self._report("unknown-anchor", f"there is no anchor '&{name}' above", event, *hints)
            return AliasNode(start, end, Scalar(start, end, "", "'", ""))
        target = target_of(self._anchors[name])
        size, height = measure(target)
        self._expanded += size
        if self._expanded > MAX_EXPANDED:
            message = f"the aliases of this file stand for more than {MAX_EXPANDED} values"
            raise self._stop("too-many-aliases", message, event)
        if depth + height > MAX_DEPTH:
            raise self._stop("too-deep", f"nested deeper than {MAX_DEPTH} levels through this alias", event)
        return AliasNode(start, end, target)

    def _end(self, event: Any, closing: Any, children: list[Node]) -> int:
        if event.flow_style or not children:
            return int(closing.end_mark.index)
        end = children[-1].end  # the parser's own mark lies after the empty lines and comments that follow
        while self._source.text.startswith("\n", end - 1):
            end -= 1
        return end

    def _report(self, code: str, message: str, place: Any, *hints: str) -> None:
        self.problems.append(self._problem(code, message, place, hints))

    def _stop(self, code: str, message: str, place: Any, *hints: str) -> _Unbounded:
        return _Unbounded(self._problem(code, message, place, hints))

    def _problem(self, code: str, message: str, place: Any, hints: tuple[str, ...]) -> Diagnostic:
        is_event = isinstance(place, yaml.Event)
        start, end = (place.start_mark.index, place.end_mark.index) if is_event else (place.start, place.end)
        return self._source.problem(code, message, start, end, hints)
