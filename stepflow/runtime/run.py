"""One run's running account: journal, model calls, tokens, and the bounds that no run exceeds."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stepflow.model import Message, Request, Usage
from stepflow.notation import Names
from stepflow.plan import Plan, Prompting
from stepflow.protocols import Call, Completion
from stepflow.runtime.effects import Effect, Generate, Generated, Reply, Watch
from stepflow.runtime.journal import Journal

Flow = Generator[Effect, Reply, Any]


class LimitReached(Exception):
    """The run has used up its model calls or its time."""


@dataclass(slots=True)
class Run:
    """The mutable part of a run. Everything else is a value."""

    plan: Plan
    request: Request
    journal: Journal
    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    model_seconds: float = 0.0
    model: str = field(default="")

    def has(self, stage: str) -> bool:
        """Whether the pipeline runs this stage."""
        return stage in self.plan.stages

    def ask(
        self,
        messages: tuple[Message, ...],
        stage: str,
        schema: Mapping[str, Any] | None = None,
        *,
        purpose: str | None = None,
        watch: Watch | None = None,
    ) -> Generator[Effect, Reply, Completion]:
        """Ask the model within the limits. Raises `LimitReached`; backend errors pass through.

        `purpose` is what drivers are told, where that is not the stage; `watch` looks at the reply as it comes.
        """
        limits = self.plan.limits
        if self.calls >= limits.model_calls:
            raise LimitReached(f"the limit of {limits.model_calls} model calls is reached")
        left = limits.wall_time_s - self.model_seconds
        if left <= 0:
            raise LimitReached(f"the limit of {limits.wall_time_s:g} s in model calls is reached")
        self.calls += 1
        reply = yield Generate(Call(messages, dict(self.request.parameters), schema, left), purpose or stage, watch)
        assert isinstance(reply, Generated)
        completion = reply.completion
        self.usage += completion.usage
        self.model_seconds += reply.seconds
        self.model = completion.model or self.model
        self.journal.add(
            stage,
            f"the model answered in {reply.seconds:.2f} s with {completion.usage.completion_tokens} tokens",
            sent=[{"role": message.role, "content": message.content} for message in messages],
            reply=completion.text,
            finish_reason=completion.finish_reason,
            seconds=round(reply.seconds, 4),
            prompt_tokens=completion.usage.prompt_tokens,
            completion_tokens=completion.usage.completion_tokens,
        )
        return completion


def conversation(request: Request, content: str | None) -> tuple[Message, ...]:
    """The request's messages, the last user message's content replaced unless `content` is None."""
    if content is None:
        return request.messages
    last = max((index for index, message in enumerate(request.messages) if message.role == "user"), default=None)
    if last is None:
        return (*request.messages, Message("user", content))
    return (*request.messages[:last], Message("user", content), *request.messages[last + 1 :])


def schema_of(run: Run, prompting: Prompting, names: Names) -> Mapping[str, Any] | None:
    """The JSON Schema that a prompting passes to backends that support it; it helps the model, and decides nothing."""
    if prompting.schema is None:
        return None
    try:
        value = prompting.schema(names)
    except ValueError as error:
        run.journal.add("generate", f"no schema is sent: `response_format` cannot be computed: {error}")
        return None
    return value if isinstance(value, Mapping) else None
