"""Members of a request that are lists or objects: whoever gets them would fall over anything else.

Single values (`temperature`, `n` …) are left to the provider: it knows what it takes, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepflow.server.refusals import Refused

LISTS_OF_OBJECTS = ("tools", "functions")
OBJECTS = (
    *("response_format", "metadata", "audio", "prediction", "web_search_options", "logit_bias", "thinking"),
    "stream_options",
)
OBJECTS_OR_TEXTS = ("tool_choice", "function_call")
LISTS = ("modalities",)


def check_shapes(body: Mapping[str, Any]) -> None:
    """Raise `Refused` for a member of another shape than OpenAI's; null says nothing, and passes."""
    for names, fits, what in (
        (LISTS_OF_OBJECTS, _is_list_of_objects, "a list of objects"),
        (OBJECTS, _is_object, "an object"),
        (OBJECTS_OR_TEXTS, _is_object_or_text, "an object or a text"),
        (LISTS, _is_list, "a list"),
    ):
        for name in names:
            if body.get(name) is not None and not fits(body[name]):
                raise Refused(400, f"`{name}` is {what}", "invalid_value", name)


def check_message(message: Mapping[str, Any], index: int) -> None:
    """Raise `Refused` where content or calls of a message, the `index`th from 0, are of another shape than OpenAI's."""
    where, content, calls = f"messages[{index}]", message.get("content"), message.get("tool_calls")
    if not isinstance(content, str | list | None):
        raise _refusal(f"{where}.content", "is neither a text nor a list of parts")
    for number, part in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise _refusal(f"{where}.content[{number}]", "is no object with a `type`")
    if calls is not None and not _is_list_of_objects(calls):
        raise _refusal(f"{where}.tool_calls", "is a list of objects")


def _refusal(where: str, what: str) -> Refused:
    return Refused(400, f"`{where}` {what}", "invalid_messages", where)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_object_or_text(value: Any) -> bool:
    return isinstance(value, dict | str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_object, value))
