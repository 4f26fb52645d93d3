"""`simulated`: a model that is right as often as you say, and takes as long as you say; no model, no network.

For benchmarks and load tests. It knows no task: what a right and what a wrong reply to a prompt is stands in a JSONL
file, one prompt a line, or comes from a Python callable (an *oracle*):

```json
{"prompt": "Is 7 prime?", "right": ["Yes."], "wrong": ["No.", "Perhaps."]}
```

```yaml
backend:
  type: simulated
  answers: answers.jsonl
  correctness: 0.725
  seed: 42
  latency: 0.4
  tokens_per_second: 60
```

A call is about the latest of its user messages that is a known prompt, else about the longest known prompt that its
last user message holds (so that repair and patch prompts, which quote the prompt, are answered too). Whether the reply
is right, and which one it is, follows from `seed` and the messages alone: the same call gets the same reply in every
run and at every place in it, as from a model at temperature 0.

Time is accounted, not spent: a call takes `latency` seconds and its reply's tokens at `tokens_per_second`, read from
`simulated_seconds` by whoever measures. `sleep: true` spends it, for load tests of a server.
Tokens are counted as a tokenizer roughly does: six letters, one digit or one sign each.

Declines (`ScriptExhausted`) a call about no known prompt; `BackendError` at build for a file that cannot be read.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stepflow.errors import BackendError, ScriptExhausted
from stepflow.fingerprint import fingerprint
from stepflow.model import Usage
from stepflow.options import Options as BaseOptions
from stepflow.protocols import Call, Completion

NAME = "simulated"

_TOKEN = re.compile(r"[^\W\d_]{1,6}|\d|[^\w\s]|_|\n+")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model that is right, and one that is wrong, may reply to a call; a reply is drawn from one of them."""

    right: tuple[str, ...]
    wrong: tuple[str, ...] = ()


Oracle = Callable[[Call], Answers]
"""Knows the answers to a call. Raises `ScriptExhausted` when it knows none."""


class Options(BaseOptions):
    """How often the model is right, how long it takes, and what it can say."""

    answers: str = Field(description="A JSONL file of `prompt`, `right` and `wrong` replies.")
    correctness: float = Field(default=0.725, ge=0, le=1, description="Share of replies that are right.")
    seed: int = Field(default=42, description="Another seed, other luck.")
    latency: float = Field(default=0.4, ge=0, description="Seconds before the first token of a reply.")
    tokens_per_second: float = Field(default=60, gt=0, description="Tokens of a reply in a second.")
    sleep: bool = Field(default=False, description="Really wait, instead of only accounting for the time.")
    model: str = Field(default="simulated", description="The name under which answers are stored.")


def build(options: Options, context: object = None) -> Simulated:
    """A backend that plays the options' model; `context` is not used. Raises `BackendError` for an unreadable file."""
    speed = Speed(options.latency, options.tokens_per_second, options.sleep)
    return Simulated(read_answers(options.answers), options.correctness, options.seed, speed, options.model)


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds before a reply's first token, tokens of a reply a second, and whether that time is really spent."""

    latency: float = 0.4
    tokens_per_second: float = 60.0
    sleep: bool = False

    def seconds(self, tokens: int) -> float:
        """How long a reply of so many tokens takes."""
        return self.latency + tokens / self.tokens_per_second


@dataclass(slots=True)
class Simulated:
    """A backend that draws each reply from what its oracle knows. Safe to share between threads."""

    oracle: Oracle
    correctness: float = 0.725
    seed: int = 42
    speed: Speed = field(default_factory=Speed)
    model: str = "simulated"
    simulated_seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def identity(self) -> Mapping[str, Any]:
        """The name, and what decides the replies."""
        return {"model": self.model, "correctness": self.correctness, "seed": self.seed}

    def complete(self, call: Call) -> Completion:
        """The reply. Raises `ScriptExhausted` when the oracle knows none."""
        completion, seconds = self._reply(call)
        if self.speed.sleep:
            time.sleep(seconds)
        return completion

    async def acomplete(self, call: Call) -> Completion:
        """The same; sleeping, where it is wished, does not block the event loop."""
        completion, seconds = self._reply(call)
        if self.speed.sleep:
            await asyncio.sleep(seconds)
        return completion

    def close(self) -> None:
        """Nothing is open."""

    def _reply(self, call: Call) -> tuple[Completion, float]:
        answers = self.oracle(call)
        luck = Random(f"{self.seed} {fingerprint([[each.role, each.content] for each in call.messages])}")
        is_right = luck.random() < self.correctness or not answers.wrong
        text = luck.choice(answers.right if is_right else answers.wrong)
        usage = Usage(sum(count_tokens(message.content) + 4 for message in call.messages), count_tokens(text))
        seconds = self.speed.seconds(usage.completion_tokens)
        with self._lock:
            self.simulated_seconds += seconds
        return Completion(text, usage, "stop", self.model), seconds


def count_tokens(text: str) -> int:
    """About as many tokens as a tokenizer of a small model would count."""
    return len(_TOKEN.findall(text))


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    prompt: str
    right: list[str] = Field(min_length=1)
    wrong: list[str] = []


def read_answers(path: str) -> Oracle:
    """The oracle of a JSONL file. Raises `BackendError` naming the line that is malformed."""
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BackendError(f"the answers {path} cannot be read: {error}") from error
    known: dict[str, Answers] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = _Line.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise BackendError(f"{path}:{number}: {first['msg']}: {json.dumps(first['loc'])}") from None
        known[entry.prompt] = Answers(tuple(entry.right), tuple(entry.wrong))
    return lambda call: _look_up(known, call, path)


def _look_up(known: Mapping[str, Answers], call: Call, path: str) -> Answers:
    said = [message.content for message in call.messages if message.role == "user"]
    for content in reversed(said):
        if content in known:
            return known[content]
    quoted = [prompt for prompt in known if said and prompt and prompt in said[-1]]
    if not quoted:
        shown = said[-1][:500] if said else ""
        raise ScriptExhausted(f"{path} holds no answer to this prompt ({len(known)} are known):\n{shown}")
    return known[max(quoted, key=len)]
