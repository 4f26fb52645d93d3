"""Which JSON Schemas are right at a glance. The schema of schemas is the authority; asking it costs milliseconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


def is_sound(schema: Any) -> bool:
    """Whether a schema is plainly right; where this is False, the schema of schemas must be asked."""
    if isinstance(schema, bool):
        return True
    return isinstance(schema, Mapping) and all(
        isinstance(key, str) and key in _SOUND and _SOUND[key](value) for key, value in schema.items()
    )


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_whole(value) and value >= 0


def _are_names(value: Any) -> bool:
    return _is_list(value) and all(map(_is_text, value)) and len(set(value)) == len(value)


def _is_type(value: Any) -> bool:
    return value in _TYPES if _is_text(value) else _are_names(value) and bool(value) and _TYPES.issuperset(value)


def _are_sound(value: Any) -> bool:
    return _is_list(value) and bool(value) and all(map(is_sound, value))


def _is_map_of_sound(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, value)) and all(map(is_sound, value.values()))


@lru_cache(maxsize=256)
def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


_SOUND: Mapping[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "required": _are_names,
    **dict.fromkeys(("const", "default"), lambda value: True),
    **dict.fromkeys(("enum", "examples"), _is_list),
    "pattern": lambda value: _is_text(value) and _compiles(value),
    **dict.fromkeys(("title", "description", "format"), _is_text),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_whole),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _is_count),
    "uniqueItems": _is_truth,
    **dict.fromkeys(("additionalProperties", "items", "propertyNames", "not"), is_sound),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _are_sound),
    "properties": _is_map_of_sound,
}
"""What the value of a keyword must be like. Keywords that are not here are not plain."""
