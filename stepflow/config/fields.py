"""Which fields a pydantic model offers at a place of the data: for did-you-mean, lists of keys and misplaced keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Model = type[BaseModel]


def keys_of(model: Model) -> dict[str, FieldInfo]:
    """The model's fields by the key an author writes: the alias where there is one."""
    return {
        field.validation_alias if isinstance(field.validation_alias, str) else field.alias or name: field
        for name, field in model.model_fields.items()
    }


def models_at(model: Model, loc: Iterable[str | int]) -> tuple[Model, ...]:
    """The models that may describe the map at a pydantic location; empty where any map may stand."""
    types: tuple[Any, ...] = (model,)
    for part in loc:
        types = _below(types, part)
    return tuple(kind for kind in types if _is_model(kind))


def homes_of(key: str, model: Model) -> Iterator[str]:
    """The keys of the model that hold a map in which `key` may stand."""
    for name, field in keys_of(model).items():
        if any(key in keys_of(inner) for inner in _alternatives(field.annotation) if _is_model(inner)):
            yield name


def _below(types: tuple[Any, ...], part: str | int) -> tuple[Any, ...]:
    found = [inner for kind in types for inner in _step(kind, part)]
    if found:
        return tuple(found)
    named = tuple(kind for kind in types if _is_model(kind) and (kind.__name__ == part or _is_tagged(kind, part)))
    return named or types  # the part is one that pydantic adds for its own use: a union's tag or a type's name


def _step(kind: Any, part: str | int) -> tuple[Any, ...]:
    if _is_model(kind):
        field = keys_of(kind).get(str(part)) or kind.model_fields.get(str(part))
        return _alternatives(field.annotation) if field is not None and isinstance(part, str) else ()
    arguments = get_args(kind)
    if not arguments:
        return ()
    if get_origin(kind) is dict:
        return _alternatives(arguments[1]) if isinstance(part, str) else ()
    return _alternatives(arguments[0]) if isinstance(part, int) else ()


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    if origin is Union or origin is UnionType:
        return tuple(kind for argument in get_args(annotation) for kind in _alternatives(argument))
    return (annotation,)


def _is_tagged(model: Model, tag: str | int) -> bool:
    fields = model.model_fields.values()
    return any(get_origin(field.annotation) is Literal and tag in get_args(field.annotation) for field in fields)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
