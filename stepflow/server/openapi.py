"""What this server offers, in OpenAPI's words: for tools that make clients, and for tools that try to break it."""

from __future__ import annotations

from typing import Any

from stepflow.server import shapes
from stepflow.version import VERSION

_OBJECT = {"type": "object"}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_CONTROL = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **{name: {"type": "string", "minLength": 1} for name in ("pipeline", "rule")},
        "namespace": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$"},
        "max_age": {"type": "number", "minimum": 0, "exclusiveMaximum": 1e12},
        **{name: {"type": "boolean"} for name in ("no_cache", "no_store", "refresh", "shadow")},
    },
}
_ASK = {
    "model": {"type": "string"},
    "stream": {"type": "boolean"},
    "stream_options": {"type": "object", "properties": {"include_usage": {"type": "boolean"}}},
    "stepflow": _CONTROL,
}
_OBJECTS = {"type": ["array", "null"], "items": {"type": "object"}}
_SHAPES = {
    **dict.fromkeys(shapes.LISTS_OF_OBJECTS, _OBJECTS),
    **{name: {"type": ["object", "null"]} for name in shapes.OBJECTS},
    **{name: {"type": ["object", "string", "null"]} for name in shapes.OBJECTS_OR_TEXTS},
    **{name: {"type": ["array", "null"]} for name in shapes.LISTS},
}
_PART = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}
_MESSAGE = {
    "type": "object",
    "required": ["role"],
    "properties": {
        "role": {"type": "string"},
        "content": {"type": ["string", "array", "null"], "items": _PART},
        "tool_calls": _OBJECTS,
    },
}
_CHAT = {
    "type": "object",
    "required": ["messages"],
    "properties": {**_SHAPES, **_ASK, "messages": {"type": "array", "minItems": 1, "items": _MESSAGE}},
}
_TEXT = {
    "type": "object",
    "required": ["prompt"],
    "properties": {**_SHAPES, **_ASK, "prompt": {"type": "string", "minLength": 1}},
}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _replies(said: str, *refusals: int, stream: bool = False) -> dict[str, Any]:
    ok: dict[str, Any] = {"description": said, **_json(_OBJECT)}
    if stream:
        ok["content"]["text/event-stream"] = {"schema": {}}  # chunks, as OpenAI describes them
    refused = {str(status): {"description": "refused", **_json(_ERROR)} for status in (*refusals, 401, 403, 503)}
    return {"200": ok, **refused, "default": {"description": "the backend's own status", **_json(_ERROR)}}


def _ask(summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    body = {"required": True, **_json(schema)}
    replies = _replies("the answer", 400, 404, 408, 413, 415, 422, 429, 504, stream=True)
    return {"summary": summary, "requestBody": body, "responses": replies}


def _look(summary: str, *names: str, query: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    return {"summary": summary, "parameters": [*path, *query], "responses": _replies("found", 400, 404)}


_LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 500}}
_WANTED = {"name": "q", "in": "query", "schema": {"type": "string"}}

_PATHS: dict[str, Any] = {
    "/v1/chat/completions": {"post": _ask("Answer a conversation", _CHAT)},
    "/v1/completions": {"post": _ask("Answer a prompt", _TEXT)},
    "/v1/models": {"get": _look("The pipelines, and the models behind them")},
    "/v1/models/{id}": {"get": _look("One of them", "id")},
    "/v1/records": {"get": _look("Search the records", query=(_WANTED, _LIMIT))},
    "/v1/records/{id}": {
        "get": _look("One record", "id"),
        "delete": _look("Delete exactly this record", "id"),
    },
    "/console/state": {"get": _look("The newest requests and the rates of the rules", query=(_LIMIT,))},
    "/console/requests/{id}": {"get": _look("One request with its journal", "id")},
}


def description(*, with_keys: bool) -> dict[str, Any]:
    """The description of a server that wants API keys, or of one that does not."""
    scheme = {"key": {"type": "http", "scheme": "bearer"}}
    asked = {"components": {"securitySchemes": scheme}, "security": [{"key": []}]}
    return {
        "openapi": "3.1.0",
        "info": {"title": "stepflow", "version": VERSION, "description": "An OpenAI-compatible endpoint."},
        **(asked if with_keys else {}),
        "paths": _PATHS,
    }
