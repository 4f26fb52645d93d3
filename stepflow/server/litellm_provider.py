"""`litellm.completion(model="stepflow/…")` in a Python program: pipelines as models of LiteLLM, without a server.

    from stepflow.server.litellm_provider import register

    register("pipelines/default.yaml")
    litellm.completion(model="stepflow/default", messages=[{"role": "user", "content": "Solve 2x + 3 = 11 for x."}])

What no rule owns is asked of the pipeline's model. Conversations of plain texts are taken; tools and images are not.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else its import fetches prices from the network

import litellm
from litellm.types.utils import GenericStreamingChunk

from stepflow import engine
from stepflow.engine import Pipeline
from stepflow.model import Outcome, Request
from stepflow.server.refusals import Refused, refused
from stepflow.server.wire import about, read_chat

NAME = "stepflow"


class Provider(litellm.CustomLLM):  # type: ignore[misc]
    """Pipelines by their id."""

    def __init__(self) -> None:
        super().__init__()
        self.pipelines: dict[str, Pipeline] = {}

    def completion(self, *arguments: Any, **options: Any) -> Any:
        """Answer, blocking."""
        pipeline, request = self._asked(**options)
        try:
            return _filled(options["model_response"], pipeline.run(request))
        except Exception as error:
            raise _theirs(error) from error

    async def acompletion(self, *arguments: Any, **options: Any) -> Any:
        """Answer without blocking the event loop."""
        pipeline, request = self._asked(**options)
        try:
            return _filled(options["model_response"], await pipeline.arun(request))
        except Exception as error:
            raise _theirs(error) from error

    def streaming(self, *arguments: Any, **options: Any) -> Iterator[GenericStreamingChunk]:
        """The answer as a stream, once it is verified."""
        pipeline, request = self._asked(**options)
        try:
            yield from _chunks(pipeline.run(request))
        except Exception as error:
            raise _theirs(error) from error

    async def astreaming(self, *arguments: Any, **options: Any) -> AsyncIterator[GenericStreamingChunk]:
        """The same without blocking the event loop."""
        pipeline, request = self._asked(**options)
        try:
            outcome = await pipeline.arun(request)
        except Exception as error:
            raise _theirs(error) from error
        for chunk in _chunks(outcome):
            yield chunk

    def _asked(
        self, *, model: str, messages: Any, optional_params: Mapping[str, Any], **others: Any
    ) -> tuple[Pipeline, Request]:
        try:
            pipeline = self.pipelines.get(model)
            if pipeline is None:
                raise Refused(404, f"there is no pipeline {model!r}; there are: {', '.join(self.pipelines) or 'none'}")
            parameters = {
                name: value for name, value in optional_params.items() if name not in ("stream", "max_retries")
            }
            ask = read_chat({"messages": messages, **parameters}, {})
            if ask.request is None or ask.reason:
                raise Refused(400, f"only conversations in plain text are taken: {ask.reason}")
        except Refused as error:
            raise _theirs(error) from error
        return pipeline, ask.request


_PROVIDER = Provider()


def register(path: str, overrides: Mapping[str, Any] | None = None) -> Pipeline:
    """Load a pipeline and make it known to LiteLLM as `stepflow/<its id>`; whoever registers it closes it."""
    pipeline = engine.load(path, overrides)
    _PROVIDER.pipelines[pipeline.plan.id] = pipeline
    known = [each for each in litellm.custom_provider_map if each["provider"] != NAME]
    litellm.custom_provider_map = [*known, {"provider": NAME, "custom_handler": _PROVIDER}]
    litellm.utils.custom_llm_setup()
    return pipeline


def _filled(response: Any, outcome: Outcome) -> Any:
    response.choices[0].message.content = outcome.answer
    response.choices[0].finish_reason = "stop"
    response.created = int(time.time())
    response.usage = litellm.Usage(
        prompt_tokens=outcome.usage.prompt_tokens,
        completion_tokens=outcome.usage.completion_tokens,
        total_tokens=outcome.usage.total,
    )
    response._hidden_params = {**getattr(response, "_hidden_params", {}), "stepflow": about(outcome, outcome.trace)}
    return response


def _chunks(outcome: Outcome) -> Iterator[GenericStreamingChunk]:
    usage = {
        "prompt_tokens": outcome.usage.prompt_tokens,
        "completion_tokens": outcome.usage.completion_tokens,
        "total_tokens": outcome.usage.total,
    }
    lines = outcome.answer.splitlines(keepends=True) or [""]
    for place, line in enumerate(lines, start=1):
        last = place == len(lines)
        yield GenericStreamingChunk(
            text=line, is_finished=last, finish_reason="stop" if last else "", usage=usage if last else None, index=0,
            tool_use=None,
        )  # fmt: skip


def _theirs(error: Exception) -> Exception:
    refusal = refused(error)
    found: Exception = litellm.llms.custom_llm.CustomLLMError(status_code=refusal.status, message=str(refusal))
    return found
