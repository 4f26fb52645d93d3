"""Logs of chat completions: one request with its response a line, in OpenAI's shape or a close relative's.

    {"request": {"model": …, "messages": […]}, "response": {"choices": […], "usage": {…}}}

The request's `messages` may also stand at the top, or under `body`, `input` or `kwargs`; the response may stand under
`response` (or `response.body`), `output`, `completion` or `reply`, at the top, or be the answer's text. A `prompt` with
an `answer` will do. `tenant` is whose records may be used; without one, all lines share theirs.
What is no answered chat in text (tool calls, pictures, errors) is skipped, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepflow.adapters.backends.simulated import count_tokens
from stepflow.errors import UsageError
from stepflow.model import Message, Request, Usage

_ASKED = ("request", "body", "input", "kwargs")
_ANSWERED = ("response", "output", "completion", "reply", "answer")
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
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the log {path} cannot be read: {error}") from error
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                entries.append(_entry(number, json.loads(line)))
            except (ValueError, RecursionError) as why:
                skipped.append(Skipped(number, str(why)))
    if not entries:
        said = f"; line {skipped[0].line}: {skipped[0].why}" if skipped else ""
        raise UsageError(f"{path} holds no answered chat request{said}")
    return entries, skipped


def _entry(number: int, data: Any) -> Entry:
    if not isinstance(data, dict):
        raise ValueError("a line is a JSON object")
    asked = next((data[key] for key in _ASKED if isinstance(data.get(key), dict)), data)
    answered = _response(data)
    text, finish_reason = _said(answered)
    messages = tuple(_messages(asked))
    model = str(_field(answered, "model") or asked.get("model") or data.get("model") or "")
    parameters = {} if asked is data else {key: asked[key] for key in sorted(asked.keys() - _NOT_THE_ANSWER)}
    parameters.pop("prompt", None)
    usage = _usage(_field(answered, "usage") or data.get("usage"))
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
        yield Message(turn["role"], _text(turn.get("content")))


def _response(data: Mapping[str, Any]) -> Any:
    if "choices" in data:
        return data
    found = next((data[key] for key in _ANSWERED if data.get(key) is not None), None)
    return found["body"] if isinstance(found, dict) and isinstance(found.get("body"), dict) else found


def _said(answered: Any) -> tuple[str, str]:
    """The answer's text and its finish reason."""
    if isinstance(answered, str):
        return answered, "stop"
    if isinstance(answered, dict) and isinstance(answered.get("text"), str):
        return answered["text"], str(answered.get("finish_reason") or "stop")
    choices = _field(answered, "choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ValueError("no answer was found: neither `choices` nor a text")
    message = choices[0].get("message")
    if not isinstance(message, dict) or message.get("tool_calls") or message.get("function_call"):
        raise ValueError("the answer is a tool call, or no message")
    return _text(message.get("content")), str(choices[0].get("finish_reason") or "stop")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        return "".join(str(part.get("text", "")) for part in content)
    raise ValueError("a message holds something else than text")


def _usage(usage: Any) -> Usage | None:
    prompt, completion = _field(usage, "prompt_tokens"), _field(usage, "completion_tokens")
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    return Usage(prompt, completion)


def _field(data: Any, name: str) -> Any:
    return data.get(name) if isinstance(data, dict) else None


def models_of(entries: Sequence[Entry]) -> list[str]:
    """The models that answered, those that answered most first."""
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.model] = counts.get(entry.model, 0) + 1
    return sorted(counts, key=lambda model: -counts[model])
