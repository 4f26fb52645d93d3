"""Logged replies, whole or as the chunks of a stream: their text, why they ended, their model and tokens.

A stream is a list of chunks, or a text of `data:` lines as they went over the wire.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepflow.model import Usage

_TOKENS = (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered. `usage` is None where the log does not say it."""

    text: str
    finish_reason: str
    model: str
    usage: Usage | None


def read_reply(reply: Any) -> Answer:
    """The answer in a reply. Raises `ValueError` with a sentence when there is none in text."""
    if isinstance(reply, str) and reply.lstrip().startswith("data:"):
        reply = _sent(reply)
    if isinstance(reply, str):
        return Answer(reply, "stop", "", None)
    if isinstance(reply, list):
        return _streamed(reply)
    if not isinstance(reply, dict):
        raise ValueError("no answer was found: neither `choices` nor a text")
    if reply.get("error"):
        raise ValueError(f"the response is an error: {_message(reply['error'])}")
    return Answer(*_said(reply), str(reply.get("model") or ""), read_usage(reply.get("usage")))


def read_usage(usage: Any) -> Usage | None:
    """The tokens that a log says, under the names of OpenAI's APIs; None where it says none, or nonsense."""
    for asked, written in _TOKENS if isinstance(usage, Mapping) else ():
        prompt, completion = usage.get(asked), usage.get(written)
        if type(prompt) is int and type(completion) is int and min(prompt, completion) >= 0:
            return Usage(prompt, completion)
    return None


def text_of(content: Any) -> str:
    """The text of a message's content. Raises `ValueError` when it holds anything else, or nothing."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        return "".join(str(part.get("text", "")) for part in content)
    raise ValueError("a message holds something else than text")


def calls_tools(message: Mapping[str, Any]) -> bool:
    """Whether a message (or a piece of one) calls a tool."""
    return bool(message.get("tool_calls") or message.get("function_call"))


def _said(reply: Mapping[str, Any]) -> tuple[str, str]:
    """Text and finish reason of a whole reply."""
    if isinstance(reply.get("text"), str):
        return reply["text"], str(reply.get("finish_reason") or "stop")
    choice = _choice(reply)
    if choice is None:
        raise ValueError("no answer was found: neither `choices` nor a text")
    finish_reason = str(choice.get("finish_reason") or "stop")
    if isinstance(choice.get("text"), str):
        return choice["text"], finish_reason
    message = choice.get("message")
    if not isinstance(message, dict) or calls_tools(message):
        raise ValueError("the answer is a tool call, or no message")
    return text_of(message.get("content")), finish_reason


def _streamed(chunks: Sequence[Any]) -> Answer:
    """The chunks of a stream put together. One that has no last chunk was broken off, and is no answer."""
    text, finish_reason, model, usage = "", "", "", None
    for chunk in chunks:
        if not isinstance(chunk, dict):
            raise ValueError("a chunk of the stream is no JSON object")
        if chunk.get("error"):
            raise ValueError(f"the stream ends with an error: {_message(chunk['error'])}")
        model = model or str(chunk.get("model") or "")
        usage = read_usage(chunk.get("usage")) or usage
        choice = _choice(chunk) or {}
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict) or calls_tools(delta):
            raise ValueError("the answer is a tool call, or no message")
        text += text_of(delta.get("content") or "")
        finish_reason = str(choice.get("finish_reason") or finish_reason)
    if not finish_reason:
        raise ValueError("the stream was broken off: no chunk says how it ended")
    return Answer(text, finish_reason, model, usage)


def _choice(reply: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first choice, which is the one that was shown."""
    choices = reply.get("choices")
    found = choices[0] if isinstance(choices, list) and choices else None
    return found if isinstance(found, dict) and found.get("index", 0) in (0, None) else None


def _sent(text: str) -> list[Any]:
    """The chunks of a stream as it went over the wire."""
    lines = (line[5:].strip() for line in text.splitlines() if line.startswith("data:"))
    try:
        return [json.loads(line) for line in lines if line and line != "[DONE]"]
    except ValueError:
        raise ValueError("a chunk of the stream is not JSON; was it cut off?") from None


def _message(error: Any) -> str:
    said = error.get("message") if isinstance(error, dict) else error
    return str(said or "it does not say which")[:200]
