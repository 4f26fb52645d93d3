"""What a model replied, written into the tests of a YAML file: by inserting text, so that nothing else of it changes.

A file is written only when reading it again gives exactly the data that it had, and the replies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stepflow.config.document import Document, MapNode, NodePath, target_of
from stepflow.config.source_text import SourceText
from stepflow.config.yaml_nodes import read
from stepflow.errors import UsageError
from stepflow.protocols import Backend, Call, Completion

_LITERAL = re.compile(r"(?!\s)(?:[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]*\S)?")
_AWKWARD = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")


class Recorder:
    """A backend that asks another one and remembers what it replied, as a test writes it."""

    def __init__(self, backend: Backend) -> None:
        self.model = backend.model
        self.identity = backend.identity
        self.replies: list[Any] = []
        self._backend = backend

    def complete(self, call: Call) -> Completion:
        """The other's reply."""
        completion = self._backend.complete(call)
        whole = completion.finish_reason != "length"
        self.replies.append(completion.text if whole else {"text": completion.text, "finish_reason": "length"})
        return completion

    async def acomplete(self, call: Call) -> Completion:
        """The other's reply; tests do not wait."""
        return self.complete(call)

    def close(self) -> None:
        """Nothing of its own is open."""


def with_replies(source: SourceText, document: Document, path: NodePath, replies: Sequence[Any]) -> str:
    """The text of a file with `model:` in the test at a path. Raises `UsageError` when that cannot be done safely.

    `document` is what was read of the file; the test is a map without `model:`.
    """
    test = target_of(_node(document, path))
    if not isinstance(test, MapNode) or "expect" not in test.keys:
        raise UsageError(f"{source.path}: the test cannot be written to where it stands")
    before = test.keys["expect"]
    column = source.position(before.start)[1]
    is_block = not source.line_text(source.position(before.start)[0])[: column - 1].strip(" -")
    addition = _block(replies, column - 1) if is_block else _flow(replies)
    text = source.text[: before.start] + addition + source.text[before.start :]
    if not _is_only_added(document, read(text, source.path), path, replies):
        raise UsageError(f"{source.path}: the replies cannot be written there without changing the rest")
    return text


def write(path: str, text: str) -> None:
    """Write the text with the file's own line ends and byte order mark."""
    raw = Path(path).read_bytes()
    if b"\r\n" in raw:
        text = text.replace("\n", "\r\n")
    mark = "\ufeff" if raw.startswith(b"\xef\xbb\xbf") else ""
    Path(path).write_bytes((mark + text).encode("utf-8"))


def _node(document: Document, path: NodePath) -> Any:
    node: Any = document.root
    for part in path:
        node = target_of(node)
        node = node.values[str(part)] if isinstance(node, MapNode) else node.items[part]
    return node


def _block(replies: Sequence[Any], indent: int) -> str:
    """Lines to stand before a key in a column; the key's own indentation is there already."""
    lines = ["model:"]
    for reply in replies:
        lines += [" " * (indent + 2) + line if line else "" for line in _item(reply)]
    return "\n".join(lines) + "\n" + " " * indent


def _item(reply: Any) -> list[str]:
    if isinstance(reply, str) and "\n" in reply and _LITERAL.fullmatch(reply):
        return ["- |-", *("  " + line if line else "" for line in reply.split("\n"))]
    return ["- " + _quoted(reply)]


def _flow(replies: Sequence[Any]) -> str:
    return f"model: [{', '.join(map(_quoted, replies))}], "


def _quoted(value: Any) -> str:
    """A value in JSON, which is YAML too but for a few invisible characters."""
    text = json.dumps(value, ensure_ascii=False)
    return _AWKWARD.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _is_only_added(before: Document, after: Document, path: NodePath, replies: Sequence[Any]) -> bool:
    data = after.data
    test: Any = data
    for part in path:
        test = test[part]
    return bool(test.pop("model", None) == list(replies) and data == before.data)
