"""`json_schema`: the text must be one JSON value, or one YAML document, that a JSON Schema (2020-12) accepts.

Stricter than JSON Schema in one point: 30.0 is a number but not an integer. `format` is asserted for date, email, ipv4,
ipv6 and uuid. `pattern` runs with a time limit.

Options: `schema`, or `schema_from` (the name of a schema that the prompt fixes or the rule makes); `language`, what the
text is written in; `of: part` when the text is one member of the object, or one element of the array, that the schema
describes. A part is held to what the schema says of parts (`properties`, `additionalProperties`, `propertyNames`,
`items`), not to what it says of the whole.

    verify:
      - type: json_schema
        schema: {type: object, required: [name], properties: {age: {type: integer}}}
      - {type: json_schema, scope: step, of: part, schema_from: shape}
      - {type: json_schema, language: yaml, schema: {type: object, properties: {ports: {items: {type: integer}}}}}

Fails with the path of the first thing wrong, and for every text when the schema itself is wrong. Refuses schemas that
refer outside themselves and, since their patterns could not be limited, `patternProperties`; for a part also those that
combine schemas at the top, refer to themselves as a whole, or speak of places (`prefixItems`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any, Literal

from pydantic import Field, model_validator

import stepflow.options
from stepflow import jsontext
from stepflow.notation import BuildContext, NameRef
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.sound_schemas import is_sound
from stepflow.strategies.verifiers.subject import Wanted
from stepflow.texts.markdown import only_fence
from stepflow.values import encode_plain, exact

NAME = "json_schema"
_FORMATS = ("date", "email", "ipv4", "ipv6", "uuid")
_MAX_KEPT = 64
_OF_PARTS = frozenset({"type", "properties", "additionalProperties", "propertyNames", "items", "$defs"})
_OF_THE_WHOLE = frozenset(
    [
        *("required", "dependentRequired", "minProperties", "maxProperties", "minItems", "maxItems", "uniqueItems"),
        *("contains", "minContains", "maxContains", "title", "description", "examples", "default", "$comment"),
        "$schema",
    ]
)


class Options(stepflow.options.Options):
    """Which schema."""

    schema_: dict[str, Any] | None = Field(None, alias="schema", description="The JSON Schema.")
    schema_from: NameRef | None = Field(None, description="Name of the value that is the JSON Schema.")
    language: Literal["json", "yaml"] = Field("json", description="What the text is written in.")
    of: Literal["whole", "part"] = Field("whole", description="What the text is of what the schema describes.")

    @model_validator(mode="after")
    def _given(self) -> Options:
        if (self.schema_ is None) == (self.schema_from is None):
            raise ValueError("give either `schema` or `schema_from`")
        _refuse(self.schema_ or {})
        return self


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier of a schema; the schema library is imported when a text is first verified."""
    strict = cache(lambda: _strict(context))  # to make one costs a millisecond
    wanted = Wanted(options.schema_, options.schema_from)
    return _JsonSchema(wanted, context, strict, options.of == "part", options.language)


@dataclass(frozen=True, slots=True)
class _JsonSchema:
    wanted: Wanted
    context: BuildContext
    strict: Callable[[], Any] = field(compare=False)
    of_part: bool = False
    language: str = "json"
    validators: dict[str, Any] = field(default_factory=dict, compare=False)

    def verify(self, view: View) -> str | None:
        """None when the schema accepts the text's JSON."""
        validator = self._validator(self.wanted(view))
        try:
            data = self._data(view.text)
        except ValueError as error:
            return f"is not {self.language.upper()}: {error}"
        errors = sorted(validator.iter_errors(data), key=lambda error: [str(part) for part in error.absolute_path])
        return f"{errors[0].json_path}: {errors[0].message}" if errors else None

    def _data(self, text: str) -> Any:
        if self.language == "yaml":  # a part of a document is a document, too
            fenced = only_fence(text, ("yaml", "yml"))
            return _exact(self.context.yaml(text if fenced is None else fenced))
        return jsontext.parse_part(text) if self.of_part else jsontext.parse(text)

    def _validator(self, schema: Any) -> Any:
        if not isinstance(schema, Mapping):
            raise ValueError(f"{self.wanted.name} is not a JSON Schema: expected a map")
        key = repr(schema)
        if key not in self.validators:
            if len(self.validators) >= _MAX_KEPT:
                self.validators.clear()
            _refuse(schema)
            self.validators[key] = _compile(_on_parts(schema) if self.of_part else schema, self.strict())
        return self.validators[key]


def _on_parts(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a schema says of each member or element alone. Raises `ValueError` when that cannot be told."""
    unclear = sorted(schema.keys() - _OF_PARTS - _OF_THE_WHOLE)
    if unclear:
        raise ValueError(f"a part alone cannot be held to {', '.join(map(repr, unclear))}")
    if _refers_to_root(schema):
        raise ValueError("a part alone cannot be held to a schema that refers to itself as a whole")
    return {key: value for key, value in schema.items() if key in _OF_PARTS}


def _refers_to_root(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        return schema.get("$ref") == "#" or any(map(_refers_to_root, schema.values()))
    return isinstance(schema, list | tuple) and any(map(_refers_to_root, schema))


def _compile(schema: Mapping[str, Any], strict: Any) -> Any:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import SchemaError
    from referencing import Registry

    try:
        if not is_sound(schema):
            Draft202012Validator.check_schema(encode_plain(schema))
    except SchemaError as error:
        raise ValueError(f"the schema is wrong at {error.json_path}: {error.message}") from error
    return strict(_exact(schema), registry=Registry(), format_checker=FormatChecker(_FORMATS))


def _strict(context: BuildContext) -> Any:
    """The kind of validator that counts exactly, and searches in time."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "number": lambda _, value: jsontext.has_type(value, "number"),
            "integer": lambda _, value: jsontext.has_type(value, "integer"),
        }
    )
    return extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, validators={"pattern": _pattern(context)}, type_checker=types
    )


def _pattern(context: BuildContext) -> Callable[[Any, str, Any, Any], Iterator[Any]]:
    from jsonschema.exceptions import ValidationError

    def check(_: Any, pattern: str, value: Any, __: Any) -> Iterator[Any]:
        if isinstance(value, str) and context.regex(pattern).search(value) is None:
            yield ValidationError(f"{value!r} does not match {pattern!r}")

    return check


def _refuse(schema: Any) -> None:
    """Raise `ValueError` for what cannot be checked safely."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str) and not value.startswith("#"):
                raise ValueError(f"the schema refers to {value!r}; only references within it (#/…) are followed")
            if key == "patternProperties":
                raise ValueError("`patternProperties` is not supported; list the properties")
            _refuse(value)
    elif isinstance(schema, list | tuple):
        for item in schema:
            _refuse(item)


def _exact(schema: Any) -> Any:
    """The schema with lists, and numbers that compare exactly."""
    if isinstance(schema, float):
        return Fraction(exact(schema))
    if isinstance(schema, Mapping):
        return {key: _exact(value) for key, value in schema.items()}
    return [_exact(item) for item in schema] if isinstance(schema, list | tuple) else schema
