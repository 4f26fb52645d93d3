"""`replay`: replies from a recording of real traffic; no model, no network.

Reads a JSONL file, one call a line (blank lines are skipped), which `Recorder` writes:

```json
{"messages": [{"role": "user", "content": "Hi"}], "parameters": {},
 "reply": {"text": "Hello!", "usage": {"prompt_tokens": 9, "completion_tokens": 3}, "finish_reason": "stop"}}
```

A call gets the reply that was recorded for the same messages; parameters and response schema are not compared.
Where the same messages were recorded several times, their replies are given in that order, the last one for ever.

```yaml
backend: {type: replay, path: recordings/demo.jsonl}
```

Declines: `BackendError` when the file cannot be read or a line is malformed (naming its number), at build;
`ScriptExhausted` when a call's messages were never recorded.
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stepflow.errors import BackendError, ScriptExhausted
from stepflow.fingerprint import fingerprint
from stepflow.model import Message, Usage
from stepflow.options import Options as BaseOptions
from stepflow.protocols import Backend, Call, Completion

NAME = "replay"

_SHOWN_CHARS = 500


class Options(BaseOptions):
    """Which recording to replay."""

    path: str = Field(description="The JSONL file, e.g. recordings/demo.jsonl.")
    model: str = Field(default="replay", description="The name under which answers are stored.")


def build(options: Options, context: object = None) -> Replay:
    """A backend that replays the file; `context` is not used. Raises `BackendError` when it is not a recording."""
    return Replay(options.model, {"model": options.model}, options.path, read_recording(options.path))


def read_recording(path: str | Path) -> dict[str, tuple[Completion, ...]]:
    """The recorded replies by the fingerprint of their messages. Raises `BackendError` naming the malformed line."""
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")  # not splitlines: JSON text may hold U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise BackendError(f"the recording {path} cannot be read: {error}; `path` names a UTF-8 JSONL file") from error
    replies = defaultdict(list)
    for number, line in enumerate(lines, start=1):
        if line.strip():
            key, completion = _parsed(line, f"{path}:{number}")
            replies[key].append(completion)
    return {key: tuple(completions) for key, completions in replies.items()}


@dataclass(frozen=True, slots=True)
class Replay:
    """A backend that gives recorded replies. Safe to share between threads."""

    model: str
    identity: Mapping[str, Any]
    path: str
    replies: Mapping[str, tuple[Completion, ...]]
    _given: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def complete(self, call: Call) -> Completion:
        """The recorded reply. Raises `ScriptExhausted` when these messages were never recorded."""
        key = _key(call.messages)
        completions = self.replies.get(key)
        if completions is None:
            raise ScriptExhausted(_unknown(self.path, len(self.replies), call.messages))
        with self._lock:
            given = self._given.get(key, 0)
            self._given[key] = given + 1
        return completions[min(given, len(completions) - 1)]

    async def acomplete(self, call: Call) -> Completion:
        """The same as `complete`; nothing here waits."""
        return self.complete(call)

    def close(self) -> None:
        """Nothing is open."""


class Recorder:
    """A backend around another: passes every call on and appends what was said to a file that `replay` reads.

    A failed call is not recorded. Several threads and processes may append to one file: a line is one write.
    The file is created readable by its owner only, since prompts may be private.
    """

    def __init__(self, inner: Backend, path: str | Path) -> None:
        self.inner = inner
        self.path = Path(path)
        self.model = inner.model
        self.identity = inner.identity

    def complete(self, call: Call) -> Completion:
        """The inner backend's reply, once it stands in the file. Raises `BackendError` when it cannot be written."""
        completion = self.inner.complete(call)
        self._append(call, completion)
        return completion

    async def acomplete(self, call: Call) -> Completion:
        """The same, without blocking the event loop while the inner backend is waited for."""
        completion = await self.inner.acomplete(call)
        self._append(call, completion)
        return completion

    def close(self) -> None:
        """Close the inner backend."""
        self.inner.close()

    def _append(self, call: Call, completion: Completion) -> None:
        line = json.dumps(_entry(call, completion), ensure_ascii=False, default=_plain) + "\n"
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, line.encode("utf-8", "replace"))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise BackendError(f"the recording {self.path} cannot be written: {error}") from error


class _Turn(BaseModel):
    model_config = ConfigDict(strict=True)
    role: str
    content: str


class _Tokens(BaseModel):
    model_config = ConfigDict(strict=True)
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Reply(BaseModel):
    model_config = ConfigDict(strict=True)
    text: str
    usage: _Tokens = _Tokens()
    finish_reason: str = "stop"
    model: str = ""


class _Line(BaseModel):
    model_config = ConfigDict(strict=True)
    messages: list[_Turn] = Field(min_length=1)
    reply: _Reply


def _parsed(line: str, where: str) -> tuple[str, Completion]:
    try:
        entry = _Line.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the line"
        raise BackendError(
            f"{where}: {place}: {first['msg']}; expected "
            '{"messages": [{"role": …, "content": …}], "reply": {"text": …}} on one line'
        ) from None
    reply, tokens = entry.reply, entry.reply.usage
    usage = Usage(tokens.prompt_tokens, tokens.completion_tokens)
    messages = [Message(turn.role, turn.content) for turn in entry.messages]
    return _key(messages), Completion(reply.text, usage, reply.finish_reason, reply.model)


def _entry(call: Call, completion: Completion) -> dict[str, Any]:
    usage = completion.usage
    return {
        "messages": [{"role": message.role, "content": message.content} for message in call.messages],
        "parameters": dict(call.parameters),
        "reply": {
            "text": completion.text,
            "usage": {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens},
            "finish_reason": completion.finish_reason,
            "model": completion.model,
        },
    }


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _key(messages: Sequence[Message]) -> str:
    return fingerprint([[message.role, message.content] for message in messages])


def _unknown(path: str, known: int, messages: Sequence[Message]) -> str:
    text = "\n".join(f"[{message.role}] {message.content}" for message in messages)
    shown = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
    return (
        f"{path} holds no reply to this prompt ({known} different prompts were recorded); record it with the real "
        f"model, or undo the change to the prompt's template:\n{shown}"
    )
