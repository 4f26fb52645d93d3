"""OpenAI's JSON to a request, and an outcome to OpenAI's JSON. Pure: no socket, no clock, no model."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from stepflow.model import Message, Outcome, Request, Usage
from stepflow.server.control import PLAIN, Control, control_of
from stepflow.server.refusals import Refused
from stepflow.server.shapes import check_message, check_shapes

Form = Literal["chat", "text"]

MAX_DEPTH = 64
PLAIN_ROLES = frozenset({"system", "developer", "user", "assistant"})
DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "tools": ([],),
    "functions": ([],),
    "logprobs": (False,),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
}
"""What these say when they say nothing: then they are left out."""
AS_IT_IS = frozenset({
    "n", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "logprobs", "top_logprobs",
    "response_format", "modalities", "audio", "prediction", "web_search_options",
})  # fmt: skip
"""What asks for more than a text: such a request is passed on as it is, unless it is for calls and a rule owns it."""
CALLS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})
NOT_IN_TEXT = ("echo", "suffix", "best_of", "logprobs", "n")
_OURS = frozenset({"model", "messages", "prompt", "stream", "stream_options", "stepflow"})


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as it came. `body` is what is passed on where it must be, for the `reason`, or no rule owns it.

    `request` is what rules may read: None when it asks for more than any rule can give. With a `reason` it offers
    tools, and is only for rules that reply with calls.
    """

    model: str
    body: Mapping[str, Any]
    request: Request | None
    reason: str = ""
    stream: bool = False
    include_usage: bool = False
    control: Control = PLAIN
    form: Form = "chat"


# --- reading ---------------------------------------------------------------------------------------------------------


def read_json(raw: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises `Refused` for everything else."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(400, f"the body is not UTF-8 text (byte {error.start + 1})", "invalid_json") from None
    try:
        body = json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_once)
        if "\\u" in text:
            json.dumps(body, ensure_ascii=False).encode("utf-8")  # half of a surrogate pair is no text
    except RecursionError:
        raise Refused(400, "the body is nested too deeply", "invalid_json") from None
    except UnicodeEncodeError:
        raise Refused(400, "the body holds half of a surrogate pair, which is no text", "invalid_json") from None
    except ValueError as error:
        raise Refused(400, f"the body is not JSON: {error}", "invalid_json") from None
    if not isinstance(body, dict):
        raise Refused(400, "the body is not a JSON object", "invalid_json")
    _refuse_depth(body)
    return body


def read_chat(body: Mapping[str, Any], headers: Mapping[str, str]) -> Ask:
    """A request for a chat completion. Raises `Refused`."""
    messages = _messages(body.get("messages"))
    return _ask(body, headers, messages, "chat")


def read_text(body: Mapping[str, Any], headers: Mapping[str, str]) -> Ask:
    """A request for a completion: its prompt becomes the one user message. Raises `Refused`."""
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str) or not prompt:
        raise Refused(400, "`prompt` is one text that is not empty", "invalid_prompt", "prompt")
    for name in NOT_IN_TEXT:
        if body.get(name) is not None and body[name] not in DEFAULTS.get(name, ()):
            raise Refused(400, f"`{name}` is not served here; /v1/chat/completions may", "unsupported", name)
    return _ask(body, headers, [{"role": "user", "content": prompt}], "text")


def _ask(body: Mapping[str, Any], headers: Mapping[str, str], messages: list[dict[str, Any]], form: Form) -> Ask:
    model = body.get("model", "")
    if not isinstance(model, str):
        raise Refused(400, "`model` is a text", "invalid_model", "model")
    check_shapes(body)
    parameters = {
        name: value
        for name, value in body.items()
        if name not in _OURS and value is not None and not _says_nothing(name, value)
    }
    more = [name for name in parameters if name in AS_IT_IS]
    unread = _more_than_text(messages)
    reason = f"it asks for `{more[0]}`" if more else unread
    is_read = not unread and (not more or (form == "chat" and _only_calls(more, parameters)))
    request = Request(tuple(_plain(each) for each in messages), parameters) if is_read else None
    return Ask(
        model,
        {"messages": messages, **parameters},
        request,
        reason,
        _switch(body, "stream"),
        _include_usage(body),
        control_of(headers, body.get("stepflow")),
        form,
    )


def _only_calls(more: list[str], parameters: Mapping[str, Any]) -> bool:
    """Whether it is asked for function calls, and nothing else beyond a text."""
    return "tools" in more and set(more) <= CALLS and parameters.get("tool_choice") != "none"


def _messages(messages: Any) -> list[dict[str, Any]]:
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "`messages` is a list with at least one message", "invalid_messages", "messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise Refused(400, f"message {index + 1} has no role", "invalid_messages", f"messages[{index}]")
        check_message(message, index)
    return [{name: value for name, value in message.items() if value is not None} for message in messages]


def _more_than_text(messages: list[dict[str, Any]]) -> str:
    """Why these messages are not a conversation in plain text that ends with the user, or an empty text."""
    for number, message in enumerate(messages, start=1):
        if message["role"] not in PLAIN_ROLES:
            return f"message {number} is of the role {message['role'][:64]!r}"
        if set(message) != {"role", "content"} or _text_of(message["content"]) is None:
            return f"message {number} is more than a text"
    return "" if messages[-1]["role"] == "user" else "the last message is not the user's"


def _plain(message: Mapping[str, Any]) -> Message:
    return Message(message["role"], _text_of(message["content"]) or "")


def _text_of(content: Any) -> str | None:
    """A content's text; None when it is more than one text."""
    if isinstance(content, str):
        return content
    if len(content) == 1 and isinstance(content[0], dict) and set(content[0]) == {"type", "text"}:
        text = content[0]["text"]
        return text if content[0]["type"] == "text" and isinstance(text, str) else None
    return None


def _says_nothing(name: str, value: Any) -> bool:
    return any(type(value) is type(default) and value == default for default in DEFAULTS.get(name, ()))


def _switch(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise Refused(400, f"`{name}` is true or false", "invalid_value", name)
    return bool(value)


def _include_usage(body: Mapping[str, Any]) -> bool:
    return _switch(body.get("stream_options") or {}, "include_usage")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that names each member once: of two, one program reads the first and another the last."""
    read = dict(pairs)
    if len(read) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{name[:64]!r} is named twice")
    return read


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:32]} is too large a number")
    return number


def _refuse_depth(body: dict[str, Any]) -> None:
    level: list[Any] = [body]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise Refused(400, f"the body is nested deeper than {MAX_DEPTH} levels", "invalid_json")


# --- writing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all parts of one reply share. `about` is what stepflow says of it.

    `calls` are names and arguments of the functions that the answer calls; without any it is a text. `reasoning` is
    what the model thought aloud before.
    """

    id: str
    created: int
    model: str
    about: Mapping[str, Any]
    form: Form = "chat"
    calls: tuple[tuple[str, str], ...] = ()
    reasoning: str = ""

    @property
    def thought(self) -> dict[str, str]:
        """What the model thought aloud, as a member of a message."""
        return {"reasoning_content": self.reasoning} if self.reasoning else {}

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The calls in OpenAI's form."""
        return [
            {"id": f"call_{self.id}_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for number, (name, arguments) in enumerate(self.calls)
        ]

    @property
    def finish_reason(self) -> str:
        """Why the answer ends where it does."""
        return "tool_calls" if self.calls else "stop"

    def head(self, *, chunk: bool = False) -> dict[str, Any]:
        """The members that come first."""
        if self.form == "text":
            return {"id": f"cmpl-{self.id}", "object": "text_completion", "created": self.created, "model": self.model}
        kind = "chat.completion.chunk" if chunk else "chat.completion"
        return {"id": f"chatcmpl-{self.id}", "object": kind, "created": self.created, "model": self.model}


def about(outcome: Outcome, trace: str, shadow: str = "") -> dict[str, str | int]:
    """What headers and bodies say of an outcome."""
    said: dict[str, str | int | None] = {
        "outcome": outcome.outcome,
        "final": outcome.final,
        "rule": outcome.rule,
        "record": outcome.record,
        "calls": outcome.calls,
        "tokens_saved": outcome.saved.total,
        "trace": trace,
        "shadow": shadow or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def usage_json(usage: Usage) -> dict[str, int]:
    """What was spent, in OpenAI's words."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total,
    }


def usage_of(reply: Mapping[str, Any]) -> Usage:
    """What a relayed reply, or chunk, says was spent."""
    said = reply.get("usage") or {}
    return Usage(said.get("prompt_tokens") or 0, said.get("completion_tokens") or 0)


def whole_reply(envelope: Envelope, outcome: Outcome) -> dict[str, Any]:
    """The reply that serves an outcome's answer."""
    calls = envelope.tool_calls
    message = {"role": "assistant", "content": None if calls else outcome.answer, "refusal": None}
    called = {"tool_calls": calls} if calls else {}
    part = (
        {"text": outcome.answer} if envelope.form == "text" else {"message": {**message, **called, **envelope.thought}}
    )
    choice = {"index": 0, **part, "logprobs": None, "finish_reason": envelope.finish_reason}
    usage = usage_json(outcome.usage)
    return {**envelope.head(), "choices": [choice], "usage": usage, "stepflow": dict(envelope.about)}


def relayed_reply(envelope: Envelope, reply: Mapping[str, Any]) -> dict[str, Any]:
    """The backend's own reply with everything in it, and what stepflow says of it."""
    if envelope.form == "text":
        choices = [_as_text(choice, choice.get("message", {})) for choice in reply.get("choices", ())]
        return {**envelope.head(), "choices": choices, "usage": reply.get("usage"), "stepflow": dict(envelope.about)}
    return {**envelope.head(), **reply, "object": "chat.completion", "stepflow": dict(envelope.about)}


def relayed_chunk(envelope: Envelope, chunk: Mapping[str, Any], *, first: bool) -> dict[str, Any]:
    """The backend's own chunk; the first says what stepflow says of it."""
    said = {"stepflow": dict(envelope.about)} if first else {}
    if envelope.form == "text":
        choices = [_as_text(choice, choice.get("delta", {})) for choice in chunk.get("choices", ())]
        usage = {"usage": chunk["usage"]} if chunk.get("usage") else {}
        return {**envelope.head(chunk=True), "choices": choices, **usage, **said}
    return {**envelope.head(chunk=True), **chunk, "object": "chat.completion.chunk", **said}


def _as_text(choice: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    text, reason = part.get("content") or "", choice.get("finish_reason")
    return {"index": choice.get("index", 0), "text": text, "logprobs": None, "finish_reason": reason}


def opening(envelope: Envelope) -> dict[str, Any]:
    """The first chunk of a stream, with what is known of the answer by then."""
    part = {"text": ""} if envelope.form == "text" else {"role": "assistant", "content": "", **envelope.thought}
    return {**_chunk(envelope, part), "stepflow": dict(envelope.about)}


def thinking(envelope: Envelope) -> Iterator[dict[str, Any]]:
    """What the model thought aloud, for a stream that had begun before it was known."""
    if envelope.thought and envelope.form == "chat":
        yield _chunk(envelope, envelope.thought)


def passages(envelope: Envelope, text: str) -> Iterator[dict[str, Any]]:
    """A text as chunks: line by line, so that it reads as it was written."""
    for line in text.splitlines(keepends=True):
        yield _chunk(envelope, {"text" if envelope.form == "text" else "content": line})


def called(envelope: Envelope) -> Iterator[dict[str, Any]]:
    """Calls as chunks: one for each."""
    for number, call in enumerate(envelope.tool_calls):
        yield _chunk(envelope, {"tool_calls": [{"index": number, **call}]})


def closing(envelope: Envelope, usage: Usage | None, *, said: bool = False) -> Iterator[dict[str, Any]]:
    """The last chunks, with the usage for those who ask; `said` when the first chunk could not say what was to come."""
    about = {"stepflow": dict(envelope.about)} if said else {}
    yield {**_chunk(envelope, {"text": ""} if envelope.form == "text" else {}, envelope.finish_reason), **about}
    if usage is not None:
        yield {**envelope.head(chunk=True), "choices": [], "usage": usage_json(usage)}


def _chunk(envelope: Envelope, part: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    inner = part if envelope.form == "text" else {"delta": part}
    choice = {"index": 0, **inner, "logprobs": None, "finish_reason": reason}
    return {**envelope.head(chunk=True), "choices": [choice]}
