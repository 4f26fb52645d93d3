"""`scripted`: replies written down beforehand, given in order; no model, no network, no clock.

Accepts any call. Every reply is a text, or a map:

* `text`, `finish_reason`: what the model says (`finish_reason: length` plays an answer that was cut off);
* `error`: the name of a backend error to raise instead, e.g. `RateLimited`, with `text` as its sentence;
* `prompt_contains`: what must stand in the messages that are sent, else the call fails.

```yaml
backend:
  type: scripted
  replies:
    - '1. x = 4'
    - {text: 'x = ', finish_reason: length}
    - {error: TimedOut}
```

Usage counts words separated by blanks, of all messages and of the reply, so that accounts are not zero.
`identity` is the model's name alone: the replies are not part of it, so edited scripts share stored answers.

Declines (`ScriptExhausted`, showing the prompt that would have been sent): when the replies are used up and `cycle`
is off, and when the next reply's `prompt_contains` is not in the prompt; that reply is then not consumed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field, field_validator

from stepflow.errors import BackendError, ScriptExhausted
from stepflow.model import Message, Usage
from stepflow.options import Options as BaseOptions
from stepflow.protocols import Call, Completion

NAME = "scripted"

_KINDS: tuple[type[BackendError], ...] = (BackendError, *BackendError.__subclasses__())
_ERRORS = {kind.__name__: kind for kind in _KINDS}
_SHOWN_CHARS = 2000


class Reply(BaseOptions):
    """One reply of a script."""

    text: str = Field(default="", description="What the model says; with `error`, the sentence of the error.")
    finish_reason: str = Field(
        default="stop", description="'stop', or 'length' for an answer cut off at its token limit."
    )
    error: str | None = Field(default=None, description=f"Raise this instead: {', '.join(sorted(_ERRORS))}.")
    prompt_contains: str | None = Field(default=None, description="Text that must stand in one of the messages sent.")

    @field_validator("error")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in _ERRORS:
            raise ValueError(f"unknown error {name!r}; expected one of {', '.join(sorted(_ERRORS))}")
        return name


class Options(BaseOptions):
    """What a scripted backend replies."""

    replies: list[str | Reply] = Field(default_factory=list, description="The replies, in the order of the calls.")
    cycle: bool = Field(default=False, description="Begin again after the last reply instead of failing.")
    model: str = Field(default="scripted", description="The name under which answers are stored.")


def build(options: Options, context: object = None) -> Scripted:
    """A backend that gives the options' replies; `context` is not used."""
    replies = tuple(Reply(text=reply) if isinstance(reply, str) else reply for reply in options.replies)
    return Scripted(options.model, {"model": options.model}, replies, options.cycle)


@dataclass(frozen=True, slots=True)
class Scripted:
    """A backend that plays its replies in order and remembers what it was asked. Safe to share between threads."""

    model: str
    identity: Mapping[str, Any]
    replies: tuple[Reply, ...]
    cycle: bool = False
    _calls: list[Call] = field(default_factory=list)
    _taken: list[Reply] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def calls(self) -> Sequence[Call]:
        """Every call seen, in order, also those that failed."""
        return tuple(self._calls)

    @property
    def unused(self) -> Sequence[Reply]:
        """The replies that no call has taken yet."""
        return self.replies[len(self._taken) :]

    def complete(self, call: Call) -> Completion:
        """The next reply. Raises the error that it names, or `ScriptExhausted`."""
        reply = self._take(call)
        if reply.error is not None:
            raise _ERRORS[reply.error](reply.text or f"the script raises {reply.error} here")
        usage = Usage(sum(_words(message.content) for message in call.messages), _words(reply.text))
        return Completion(reply.text, usage, reply.finish_reason, self.model)

    async def acomplete(self, call: Call) -> Completion:
        """The same as `complete`; nothing here waits."""
        return self.complete(call)

    def close(self) -> None:
        """Nothing is open."""

    def _take(self, call: Call) -> Reply:
        with self._lock:
            self._calls.append(call)
            taken = len(self._taken)
            if not self.replies or (taken >= len(self.replies) and not self.cycle):
                raise ScriptExhausted(_used_up(len(self.replies), call.messages))
            reply = self.replies[taken % len(self.replies)]
            wanted = reply.prompt_contains
            if wanted is not None and not any(wanted in message.content for message in call.messages):
                raise ScriptExhausted(_not_contained(taken + 1, wanted, call.messages))
            self._taken.append(reply)
            return reply


def _words(text: str) -> int:
    return len(text.split())


def _used_up(count: int, messages: Sequence[Message]) -> str:
    held = {0: "the script holds no reply", 1: "the script's one reply is used up"}
    start = held.get(count, f"the script's {count} replies are used up")
    return f"{start}; add one for this prompt, or `cycle: true`:\n{_shown(messages)}"


def _not_contained(number: int, wanted: str, messages: Sequence[Message]) -> str:
    return f"reply {number} of the script expects {wanted!r} in the prompt, but this would be sent:\n{_shown(messages)}"


def _shown(messages: Sequence[Message]) -> str:
    text = "\n".join(f"[{message.role}] {message.content}" for message in messages)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}… ({len(text)} characters in all)"
