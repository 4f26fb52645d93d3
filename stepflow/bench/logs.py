"""Logs of chat completions: one request with its response a line, in OpenAI's shape or a close relative's.

    {"request": {"model": …, "messages": […]}, "response": {"choices": […], "usage": {…}}}

The request's `messages` may also stand at the top, or under `body`, `input` or `kwargs`; the response may stand under
`response` (or `response.body`), `output`, `completion` or `reply`, at the top, or be the answer's text. A `prompt` with
an `answer` will do. `tenant` is whose records may be used; without one, all lines share theirs. A response may be a
stream: a list of its chunks, or what went over the wire. The file may be compressed with gzip, and begin with a BOM.
What is no answered chat in text (tool calls, pictures, errors, lines cut off) is skipped, with the reason.
"""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepflow.adapters.backends.simulated import count_tokens
from stepflow.bench.replies import calls_tools, read_reply, read_usage, text_of
from stepflow.errors import UsageError
from stepflow.model import Message, Request, Usage

_ASKED = ("request", "body", "input", "kwargs")
_ANSWERED = ("response", "output", "completion", "reply", "answer", "chunks")
_GZIP = b"\x1f\x8b"
_NOT_THE_ANSWER = frozenset({"messages", "stream", "stream_options", "user", "metadata", "store", "service_tier"})
"""Keys of a request that say nothing about what the answer will be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: the request, the answer that was given, what it cost (`estimated` when the log does not say)."""

    line: int
    request: Request
    answer: str
    finish_reason: str
    model: str
    usage: Usage
    estimated: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that cannot be played, and why."""

    line: int
    why: str


def read_log(path: str) -> tuple[list[Entry], list[Skipped]]:
    """The entries in order, and what was skipped. Raises `UsageError` when the file cannot be read or holds none."""
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            try:
                entries.append(_entry(number, _data(line)))
            except ValueError as why:
                skipped.append(Skipped(number, str(why)))
            except RecursionError:
                skipped.append(Skipped(number, "this is nested too deep"))
    if not entries:
        said = f"; line {skipped[0].line}: {skipped[0].why}" if skipped else ""
        raise UsageError(f"{path} holds no answered chat request{said}")
    return entries, skipped


def _lines(path: str) -> list[bytes]:
    """The lines of a file, which may be compressed. Raises `UsageError`."""
    try:
        raw = Path(path).read_bytes()
        if raw.startswith(_GZIP):
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"the log {path} cannot be read: {error}") from error
    return raw.removeprefix(codecs.BOM_UTF8).split(b"\n")


def _data(line: bytes) -> dict[str, Any]:
    """A line as a map. Raises `ValueError` with a sentence."""
    try:
        data = json.loads(line.decode("utf-8"))
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # an escape may stand for half of a character pair
    except UnicodeError:
        raise ValueError("this is not UTF-8 text") from None
    except ValueError:
        raise ValueError("this is not JSON; was the line cut off?") from None
    if not isinstance(data, dict):
        raise ValueError("a line is a JSON object, a request with its response; of an array, each element is a line")
    return data


def _entry(number: int, data: Mapping[str, Any]) -> Entry:
    asked = next((data[key] for key in _ASKED if isinstance(data.get(key), dict)), data)
    if asked is data and data.get("object") == "chat.completion.chunk":
        raise ValueError("a chunk of a stream, without its request: a line is a request with its whole response")
    answered = read_reply(_response(data))
    text, finish_reason = answered.text, answered.finish_reason
    messages = tuple(_messages(asked))
    model = str(answered.model or asked.get("model") or data.get("model") or "")
    parameters = {} if asked is data else {key: asked[key] for key in sorted(asked.keys() - _NOT_THE_ANSWER)}
    parameters.pop("prompt", None)
    usage = answered.usage or read_usage(data.get("usage"))
    counted = Usage(sum(count_tokens(each.content) + 4 for each in messages), count_tokens(text))
    tenant = str(data.get("tenant") or "")
    request = Request(messages, {"model": model, **parameters}, tenant)
    return Entry(number, request, text, finish_reason, model, usage or counted, usage is None)


def _messages(asked: Mapping[str, Any]) -> Iterator[Message]:
    turns = asked.get("messages")
    if turns is None and isinstance(asked.get("prompt"), str):
        turns = [{"role": "user", "content": asked["prompt"]}]
    if not isinstance(turns, list) or not turns:
        raise ValueError("no `messages` were found")
    if asked.get("tools") or asked.get("functions"):
        raise ValueError("the request offers tools")
    for turn in turns:
        if not isinstance(turn, dict) or not isinstance(turn.get("role"), str):
            raise ValueError("a message is a map with `role` and `content`")
        if calls_tools(turn) or turn["role"] in ("tool", "function"):
            raise ValueError("the conversation holds tool calls")
        yield Message(turn["role"], text_of(turn.get("content")))


def _response(data: Mapping[str, Any]) -> Any:
    if "choices" in data:
        return data
    if data.get("error"):
        return {"error": data["error"]}
    found = next((data[key] for key in _ANSWERED if data.get(key) is not None), None)
    return found["body"] if isinstance(found, dict) and isinstance(found.get("body"), dict) else found
