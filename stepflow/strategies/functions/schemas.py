"""Functions on JSON Schemas, such as are sent to models that can follow one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepflow.values import describe

_ITEMS = 3
_TYPED = ("type", "properties", "items", "enum", "const", "anyOf", "oneOf", "allOf", "$ref")


def closed(schema: Any) -> Any:
    """A JSON Schema in which objects that name their members allow no others, at any depth.

    Examples:
        closed({'properties': {'a': {}}}) == {'properties': {'a': {}}, 'additionalProperties': false}
    """
    if isinstance(schema, list | tuple):
        return tuple(closed(part) for part in schema)
    if not isinstance(schema, Mapping):
        return schema
    parts = {name: closed(part) for name, part in schema.items()}
    return parts | {"additionalProperties": False} if isinstance(schema.get("properties"), Mapping) else parts


def brief(schema: Any, characters: Any = 40) -> Any:
    """A JSON Schema that only short answers meet, for a model that does not come to an end.

    Texts have at most so many characters, lists at most three items unless they must have more. Where any value would
    do it is a text, a number, true, false or null. A limit that the schema has itself stays.

    Examples:
        brief({'type': 'string'}) == {'type': 'string', 'maxLength': 40}
        brief({'properties': {'a': {'type': 'array'}}})['properties']['a']['maxItems'] == 3
        brief({}, 20)['anyOf'] | first == {'type': 'string', 'maxLength': 20}
    """
    if not isinstance(schema, Mapping):
        raise ValueError(f"brief: {describe(schema)} is not a JSON Schema")
    if not isinstance(characters, int) or isinstance(characters, bool) or characters < 1:
        raise ValueError(f"brief: {describe(characters)} is no number of characters, 1 or more")
    return _brief(schema, characters)


def _brief(schema: Any, characters: int) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    if not any(key in schema for key in _TYPED):
        text = {"type": "string", "maxLength": characters}
        return {**schema, "anyOf": (text, *({"type": each} for each in ("number", "boolean", "null")))}
    parts = dict(schema)
    if isinstance(schema.get("properties"), Mapping):
        parts["properties"] = {name: _brief(each, characters) for name, each in schema["properties"].items()}
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list | tuple):
            parts[key] = tuple(_brief(each, characters) for each in schema[key])
    kinds = schema.get("type")
    kinds = (kinds,) if isinstance(kinds, str) else kinds or ()
    if "string" in kinds:
        parts.setdefault("maxLength", max(characters, schema.get("minLength", 0)))
    if "array" in kinds:
        parts["items"] = _brief(schema.get("items", {}), characters)
        parts.setdefault("maxItems", max(_ITEMS, schema.get("minItems", 0)))
    return parts


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "closed": closed,
    "brief": brief,
}
