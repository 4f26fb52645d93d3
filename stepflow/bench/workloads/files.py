"""Workloads of the user's: a JSONL file, one request a line.

    {"prompt": "Solve 2x + 3 = 11 for x.", "kind": "base", "check": {"equation": "2x + 3 = 11", "unknown": "x"}}
    {"messages": [...], "check": {"json": {"keys": {"name": "string", "age": "integer"}, "closed": true}}}
    {"prompt": "Capital of France?", "check": {"equals": "Paris"}, "right": ["Paris"], "wrong": ["Lyon"]}

All but `prompt` (or `messages`) is optional. Without `check` an answer is not judged. `right` and `wrong` are what a
simulated model replies. `warm_up: true` asks a line before all others, and shows its cost apart. `changes: true` says
that the answer of its `base` (a prompt) does not fit, and `wants_reuse: false` that nothing of it could be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stepflow.adapters.backends.simulated import Answers
from stepflow.bench.checkers.equation import EquationCheck
from stepflow.bench.checkers.json_value import ANY, JsonCheck
from stepflow.bench.item import Check, Item, Purpose, Workload
from stepflow.errors import UsageError
from stepflow.model import Message
from stepflow.protocols import Call


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Turn(_Strict):
    role: str
    content: str


class _Json(_Strict):
    keys: dict[str, str] | list[str]
    count: int | None = None
    closed: bool = False
    forbidden: list[str] = []


class _Check(_Strict):
    equation: str | None = None
    unknown: str = "x"
    object_: _Json | None = Field(None, alias="json")
    equals: str | None = None


class _Line(_Strict):
    prompt: str | None = None
    messages: list[_Turn] = []
    task: str = ""
    kind: str = "request"
    level: str = ""
    base: str = ""
    changes: bool = False
    wants_reuse: bool = True
    check: _Check | None = None
    right: list[str] = []
    wrong: list[str] = []
    warm_up: bool = False

    @model_validator(mode="after")
    def _asks(self) -> _Line:
        if (self.prompt is None) == (not self.messages):
            raise ValueError("a line has either `prompt` or `messages`")
        return self


@dataclass(frozen=True, slots=True)
class TextCheck:
    """Judges answers that must be exactly this text, up to blanks around it."""

    text: str

    def objection(self, answer: str) -> str | None:
        """None when it is the text."""
        return None if answer.strip() == self.text.strip() else "it is another text than the expected one"


@dataclass(frozen=True, slots=True)
class Scribe:
    """Replies that stand in the file."""

    known: Answers

    def answers(self, call: Call, purpose: Purpose) -> Answers:
        """The same for every call of its item."""
        return self.known


def read_workload(path: str, seed: int, requests: int | None = None) -> Workload:
    """The workload of a file. Raises `UsageError` naming the line that is malformed."""
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the workload {path} cannot be read: {error}") from error
    parsed = [_parsed(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not parsed:
        raise UsageError(f"the workload {path} is empty")
    warm_up = [_item(line) for line in parsed if line.warm_up]
    return Workload(Path(path).stem, seed, warm_up, [_item(line) for line in parsed if not line.warm_up][:requests])


def _parsed(line: str, where: str) -> _Line:
    try:
        entry = _Line.model_validate_json(line)
        if entry.check is not None:
            _check(entry.check)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"{where}: {f'{place}: ' if place else ''}{first['msg']}") from None
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    return entry


def _item(line: _Line) -> Item:
    turns = tuple(Message(turn.role, turn.content) for turn in line.messages)
    messages = turns or (Message("user", line.prompt or ""),)
    expert = Scribe(Answers(tuple(line.right), tuple(line.wrong))) if line.right else None
    return Item(
        messages,
        line.task,
        line.kind,
        line.level,
        line.base,
        line.changes,
        _check(line.check) if line.check else None,
        expert,
        line.wants_reuse,
    )


def _check(check: _Check) -> Check:
    given: dict[str, Any] = {
        name: value
        for name, value in (("equation", check.equation), ("json", check.object_), ("equals", check.equals))
        if value is not None
    }
    if len(given) != 1:
        raise ValueError("`check` has one of `equation`, `json`, `equals`")
    if check.equation is not None:
        judge = EquationCheck(check.equation, check.unknown)
        _ = judge.truth
        return judge
    if check.object_ is not None:
        keys = check.object_.keys
        kinds = dict(keys) if isinstance(keys, dict) else dict.fromkeys(keys, ANY)
        return JsonCheck(kinds, check.object_.count, check.object_.closed, check.object_.forbidden)
    return TextCheck(check.equals or "")
