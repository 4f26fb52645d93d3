"""Requests and replies in the form of OpenAI's chat completions, as backends pass them on."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Mapping
from typing import Any

from stepflow.errors import BackendError
from stepflow.model import Message, Usage
from stepflow.protocols import Call, Completion
from stepflow.toolcalls import text_of

SAMPLING = ("temperature", "max_tokens", "seed", "top_p", "stop")
KNOWN = (
    *SAMPLING,
    *("max_completion_tokens", "top_k", "min_p", "presence_penalty", "frequency_penalty", "logit_bias"),
    *("reasoning_effort", "verbosity", "user", "store", "metadata", "service_tier", "prediction", "thinking"),
    *("prompt_cache_key", "prompt_cache_retention", "safety_identifier", "modalities", "audio", "web_search_options"),
    *("n", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"),
    *("logprobs", "top_logprobs", "response_format"),
)
"""Parameters of chat completions that LiteLLM takes as arguments of these names."""
OURS = ("model", "messages", "stream", "timeout", "max_retries", "num_retries", "response_format", "caching")
"""Arguments of a call that the backend sets, and a pipeline's `extra` may not."""

_DANGEROUS = re.compile(r"(?i)api|base|url|key|secret|token$|header|credential|callback|fallback|mock|provider|litellm")


def refusal(sentence: str) -> BackendError:
    """An error that is the request's fault."""
    error = BackendError(sentence)
    error.status = 400
    return error


def passed_on(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A request's parameters as arguments of LiteLLM: what is not OpenAI's goes into the body, and only there.

    As an argument, `api_base` would send the key to whoever is named by it. Raises `BackendError`.
    """
    arguments = {name: value for name, value in parameters.items() if name in KNOWN}
    others = {name: value for name, value in parameters.items() if name not in KNOWN}
    refused = sorted(name for name in others if name in OURS or name == "extra_body" or _DANGEROUS.search(name))
    if refused:
        raise refusal(f"the parameter {refused[0][:64]!r} is not passed on: it could change who is asked")
    return {**arguments, **({"extra_body": others} if others else {})}


def plain_call(body: Mapping[str, Any], timeout_s: float | None, model: str) -> Call:
    """A whole request as a call. Raises `BackendError` for messages that are more than a text."""
    for message in body["messages"]:
        if set(message) != {"role", "content"} or not isinstance(message["content"], str):
            raise refusal(f"{model} takes messages of a role and a text, and nothing else")
    messages = tuple(Message(message["role"], message["content"]) for message in body["messages"])
    return Call(messages, {name: value for name, value in body.items() if name != "messages"}, None, timeout_s)


def reply_of(completion: Completion) -> dict[str, Any]:
    """A completion as a reply of OpenAI's form."""
    usage = completion.usage
    message = {"role": "assistant", "content": completion.text}
    return {
        "model": completion.model,
        "choices": [{"index": 0, "message": message, "finish_reason": completion.finish_reason}],
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total,
        },
    }


def completion_of(reply: Mapping[str, Any], model: str) -> Completion:
    """A reply of OpenAI's form as a completion: the text, or the calls as a text. Raises `BackendError`."""
    choices, usage = reply.get("choices") or (), reply.get("usage") or {}
    if not choices:
        raise BackendError(f"{model} replied without any choice to read an answer from; is `api_base` a chat server?")
    message, reason = choices[0].get("message") or {}, choices[0].get("finish_reason") or "stop"
    tokens = Usage(usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)
    return Completion(text_of(message), tokens, reason, named(reply.get("model"), model))


def named(said: Any, model: str) -> str:
    """The model as a reply names it; where it names none, the one that was asked."""
    return said if isinstance(said, str) and said else model


def body_of(call: Call) -> dict[str, Any]:
    """A call as a whole request, but for its schema."""
    messages = [{"role": message.role, "content": message.content} for message in call.messages]
    return {**call.parameters, "messages": messages}


def whole(reply: dict[str, Any]) -> dict[str, Any]:
    """A reply, or a chunk of one, with the members that are there even when they are null."""
    for choice in reply.get("choices", ()):
        choice.setdefault("finish_reason", None)
        if "message" in choice:
            choice["message"].setdefault("content", None)
    return reply


async def closed(chunks: Any) -> None:
    """Close what a stream reads from, so that the provider stops writing."""
    for stream in (chunks, getattr(chunks, "completion_stream", None)):
        close = getattr(stream, "aclose", None) or getattr(stream, "close", None)
        if close is not None:
            with contextlib.suppress(Exception):
                ended = close()
                if inspect.isawaitable(ended):
                    await ended
