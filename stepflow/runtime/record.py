"""What identifies a request and an answer, and the record that is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepflow.fingerprint import fingerprint
from stepflow.model import Final, Origin, Record, Request, Usage
from stepflow.runtime.extract import Task
from stepflow.runtime.verify import Examination
from stepflow.runtime.wording import signature, skeleton, words
from stepflow.values import meaning


def request_key(sources: str, request: Request) -> str:
    """Identity of exactly this request under exactly these files: what an exact hit is looked up by.

    `sources` holds the model and its parameters too: they stand in the pipeline's file.
    """
    return fingerprint(sources, _circumstances({}, request), request.prompt, request.rule)


def namespace(task: Task, identity: Mapping[str, Any]) -> str:
    """Identity of all but the prompt: model, parameters, tenant, earlier turns, rule, and how that rule reads."""
    return fingerprint(task.rule.id, task.rule.reading, _circumstances(identity, task.request))


def _circumstances(identity: Mapping[str, Any], request: Request) -> list[Any]:
    last = max((index for index, message in enumerate(request.messages) if message.role == "user"), default=-1)
    turns = [
        [message.role, None if index == last else message.content] for index, message in enumerate(request.messages)
    ]
    return [dict(identity), dict(request.parameters), request.tenant, turns]


def content_words(task: Task) -> tuple[str, ...]:
    """The prompt's content words outside its constraints, in order."""
    return words(task.names["rest"], task.rule.reuse.ignore)


def draft_record(
    task: Task,
    examination: Examination,
    *,
    keys: Keys,
    origin: Origin,
    final: Final,
    model: str,
    usage: Usage | None,
    tags: tuple[str, ...] = (),
) -> Record:
    """The record of a verified answer; the world gives it its `id` and `created_at`."""
    return Record(
        id="",
        rule=task.rule.id,
        namespace=keys.namespace,
        skeleton=keys.skeleton,
        signature=keys.signature,
        request_key=keys.request,
        prompt=task.request.prompt,
        constraints=task.values,
        let=task.let,
        words=keys.words,
        steps=examination.steps,
        origin=origin,
        final=final,
        verified_under=task.rule.verifying,
        model=model,
        created_at=0.0,
        usage=usage,
        tenant=task.request.tenant,
        tags=tags,
        value=examination.value if task.rule.answer is not None else None,
    )


class Keys:
    """The hashes under which a task's record is stored and found."""

    __slots__ = ("namespace", "request", "signature", "skeleton", "words")

    def __init__(self, task: Task, identity: Mapping[str, Any], request: str) -> None:
        self.request = request
        self.namespace = namespace(task, identity)
        self.words = content_words(task)
        self.skeleton = skeleton(task.request.prompt, task.constraints.values())
        guarded = self.words if task.rule.reuse.guard == "same_words" else None
        self.signature = signature({name: meaning(value) for name, value in task.values.items()}, guarded)
