"""Tool calls as texts, in the form of OpenAI's chat completions: what is verified as an answer is served as a call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stepflow import jsontext


def offered(parameters: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The functions that a request lets the model call: each with `name`, `description`, `parameters`.

    Raises `ValueError` for a tool that is no function, for two of one name, and where none may be called.
    """
    functions, tools = [], parameters.get("tools")
    for tool in tools if isinstance(tools, list | tuple) else (tools,):
        function = tool.get("function") if isinstance(tool, Mapping) and tool.get("type") == "function" else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise ValueError("a tool is no function with a name")
        empty = {"description": "", "parameters": {"type": "object", "properties": {}}}
        functions.append({**empty, **{name: value for name, value in function.items() if value is not None}})
    if len({function["name"] for function in functions}) < len(functions):
        raise ValueError("two tools have the same name")
    choice = parameters.get("tool_choice")
    if isinstance(choice, Mapping):  # this one, and no other
        named = (choice.get("function") or {}).get("name") if choice.get("type") == "function" else None
        functions = [function for function in functions if function["name"] == named]
    if not functions or choice == "none":
        raise ValueError("no function may be called")
    return tuple(functions)


def misfit(text: str, functions: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]) -> str:
    """Why an answer is no call that the request allows; empty when it is one."""
    calls, known = calls_of(text), {function["name"] for function in functions}
    if not calls:
        return "the answer calls no function"
    if len(calls) > 1 and parameters.get("parallel_tool_calls") is False:
        return "the request wants one call at a time"
    return next((f"no function {name!r} may be called" for name, _ in calls if name not in known), "")


def text_of(message: Mapping[str, Any]) -> str:
    """A reply's message as a text: its one call as a JSON object, several as a list of them, or else its content.

    An object has the members `name` and `arguments`. Arguments that are no JSON, or name a member twice, stay the text
    that they are: no check would see what a client may read in them.
    """
    calls = [_plain(call.get("function") or {}) for call in message.get("tool_calls") or ()]
    if not calls:
        return message.get("content") or ""
    return json.dumps(calls[0] if len(calls) == 1 else calls, ensure_ascii=False)


def calls_of(text: str) -> tuple[tuple[str, str], ...]:
    """The calls that an answer consists of: name, and arguments as JSON. None where it is anything else than calls."""
    try:
        said = json.loads(text)
    except ValueError:
        return ()
    calls = said if isinstance(said, list) else [said]
    if not all(map(_is_call, calls)):
        return ()
    return tuple((call["name"], json.dumps(call["arguments"], ensure_ascii=False)) for call in calls)


def _plain(function: Mapping[str, Any]) -> dict[str, Any]:
    arguments = function.get("arguments")
    read = arguments
    if isinstance(arguments, str):
        try:
            jsontext.parse(arguments)  # stricter than `json`
            read = json.loads(arguments)
        except ValueError:
            read = arguments
    return {"name": function.get("name"), "arguments": read}


def _is_call(said: Any) -> bool:
    return (
        isinstance(said, dict)
        and set(said) == {"name", "arguments"}
        and isinstance(said["name"], str)
        and isinstance(said["arguments"], dict)
    )
