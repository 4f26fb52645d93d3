"""The lines of a batch: read, checked, and turned into requests before the first of them is answered."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepflow.engine import make_request
from stepflow.errors import UsageError
from stepflow.fingerprint import fingerprint
from stepflow.model import Message, Request

TEXTS = ("prompt", "system", "rule", "tenant")
FIELDS = frozenset({*TEXTS, "id", "messages", "parameters"})
SETTINGS = ("system", "rule", "tenant", "parameters")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of input."""

    index: int
    key: str
    request: Request
    id: Any = None


def read_items(source: str, defaults: Mapping[str, Any], files: str) -> list[Item]:
    """The lines of a batch file ('-' is stdin). Raises `UsageError` naming the line that is wrong.

    `files` is the fingerprint of what the lines are answered with; it goes into each item's key.
    """
    name = "stdin" if source == "-" else source
    lines = [(number, line) for number, line in enumerate(_text(source, name).split("\n"), start=1) if line.strip()]
    if not lines:
        raise UsageError(f"{name} holds no prompt")
    items = []
    for index, (number, line) in enumerate(lines):
        try:
            data = _data(line)
            settings = {**defaults, **{key: data[key] for key in SETTINGS if key in data}}
            request = make_request(_prompt(data), **settings)
        except ValueError as error:
            raise UsageError(f"{name}:{number}: {error}") from None
        items.append(Item(index, fingerprint(files, data, dict(defaults)), request, data.get("id")))
    return items


def _text(source: str, name: str) -> str:
    try:
        if source != "-":
            return Path(source).read_text(encoding="utf-8-sig")
        return "" if sys.stdin is None else sys.stdin.read()
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text (byte {error.start + 1})") from None
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {(error.strerror or str(error)).lower()}") from None


def _data(line: str) -> dict[str, Any]:
    """A line as a map. Raises `ValueError` with a sentence."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError('this is not JSON; a prompt alone stands in double quotes: "Solve 2x = 4 for x."') from None
    data = {"prompt": data} if isinstance(data, str) else data
    unknown = sorted(set(data) - FIELDS) if isinstance(data, dict) else []
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}; fields: {', '.join(sorted(FIELDS))}")
    if not isinstance(data, dict) or ("prompt" in data) == ("messages" in data):
        raise ValueError("a text is expected, or a map with either `prompt` or `messages`")
    for name in TEXTS:
        if not isinstance(data.get(name, ""), str):
            raise ValueError(f"`{name}` is not a text")
    if not isinstance(data.get("parameters", {}), dict):
        raise ValueError("`parameters` is not a map")
    return data


def _prompt(data: Mapping[str, Any]) -> str | list[Message]:
    """The prompt or conversation of a line. Raises `ValueError` when there is nothing in it to answer."""
    if "prompt" in data:
        if not data["prompt"].strip():
            raise ValueError("the prompt is empty")
        return str(data["prompt"])
    turns = data["messages"] if isinstance(data["messages"], list) else []
    messages = [Message(turn["role"], turn["content"]) for turn in turns if _is_turn(turn)]
    if len(messages) != len(turns) or not any(message.role == "user" for message in messages):
        raise ValueError("`messages` is a list of maps with `role` and `content`, one of them the user's")
    return messages


def _is_turn(turn: Any) -> bool:
    return isinstance(turn, dict) and isinstance(turn.get("role"), str) and isinstance(turn.get("content"), str)
