"""JSON Schemas (draft 2020-12) of rule and pipeline files, for editors.

They are made from the models that `stepflow lint` checks files against, one `if type … then …` for each component, so
that an editor completes the keys of the component at hand. What a model asserts about several keys together ("give
either `words` or `table`"), and what stands inside patterns and expressions, is left to `stepflow lint`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from stepflow.compiler.resolve import NoCommon, combined
from stepflow.config.schema import (
    AnswerCommon,
    ConditionCommon,
    ConstraintCommon,
    FieldCommon,
    PackSpec,
    PipelineSpec,
    PipelineTestSpec,
    RewriteCommon,
    RuleSpec,
    StoreSpec,
    TestSpec,
    TestsSpec,
    VerifyCommon,
)
from stepflow.config.units import Duration
from stepflow.options import Options
from stepflow.plan import STAGES
from stepflow.registry import Kind, Registry

FileKind = Literal["rule", "pipeline", "pack", "tests"]
Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAMES: Schema = {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
EXPRESSION: Schema = {"type": ["string", "number"], "description": "An expression"}
FREE_KEYS: Schema = {"^x-": {"description": "Keys that begin with `x-` are yours; anchors can live there"}}
VARIABLE: Schema = {"type": "string", "pattern": r"\$\{"}
ROLES: Mapping[str, tuple[Kind, type[Options]]] = {
    "condition": ("condition", ConditionCommon),
    "constraint": ("reader", ConstraintCommon),
    "field": ("reader", FieldCommon),
    "answer": ("reader", AnswerCommon),
    "segmenter": ("segmenter", NoCommon),
    "verifier": ("verifier", VerifyCommon),
    "rewriter": ("rewriter", RewriteCommon),
}
"""Where components stand in a rule: the name of the definition, their kind, and the engine's keys beside theirs."""

_NARROW = frozenset({"enum", "pattern"})
_NARROW_TYPES = frozenset({"integer", "number", "boolean"})


def schema(kind: FileKind, registry: Registry) -> Schema:
    """The JSON Schema of a kind of file."""
    book = _Book(registry)
    roots = {"rule": book.rule, "pipeline": book.pipeline, "pack": book.pack, "tests": book.tests}
    root = roots[kind]()
    head = {"$schema": DIALECT, "title": f"stepflow: a {kind} file, version 1"}
    whole = {**head, **root, "$defs": dict(sorted(book.definitions.items()))}
    return _with_variables(whole) if kind == "pipeline" else whole


def text(kind: FileKind, registry: Registry) -> str:
    """The schema as it stands in a file."""
    return json.dumps(schema(kind, registry), ensure_ascii=False, indent=1) + "\n"


def of_model(model: type[BaseModel], prefix: str = "") -> Schema:
    """The schema of one model, with its own definitions named after the prefix, and defaults as an author writes them.

    Keys that are optional because they may be left out have no `default: null`.
    """
    made = model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}", schema_generator=_Untitled)
    made["$defs"] = {f"{prefix}{name}": inner for name, inner in made.pop("$defs", {}).items()}
    for part in (made, *made["$defs"].values()):
        part.pop("title", None)
        for key in part.get("properties", {}).values():
            _mend_default(key)
    return made


class _Untitled(GenerateJsonSchema):
    """Without titles that repeat the key."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


class _Book:
    """Collects definitions while a schema is made."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.definitions: dict[str, Schema] = {}

    def rule(self) -> Schema:
        """A rule file."""
        root = self._model(RuleSpec, "rule-")
        keys = root["properties"]
        for name in ROLES:
            self._role(name)
        keys["match"]["items"] = keys["unless"]["items"] = _ref("condition")
        keys["constraints"] |= {"propertyNames": NAMES, "additionalProperties": _ref("constraint")}
        keys["let"] |= {"propertyNames": NAMES, "additionalProperties": EXPRESSION}
        _share(keys)
        keys["segment"] |= _ref("segmenter")
        keys["parse"]["items"] = _ref("field")
        keys["answer"] |= _ref("answer")
        keys["verify"]["items"] = _ref("verifier")
        keys["rewrite"]["items"] = _ref("rewriter")
        keys["tests"]["items"] = self._tests(TestSpec)
        self.definitions["rule-ReuseSpec"]["properties"]["skip_when"]["items"] = _ref("condition")
        inherited = {"match", "verify"}  # what a parent may give
        rest = [key for key in root["required"] if key not in inherited]
        alone = {"if": {"required": ["extends"]}, "else": {"required": sorted(inherited)}}
        alone["dependentRequired"] = {"overrides": ["extends"]}
        return {**root, "required": rest, **alone, "patternProperties": FREE_KEYS}

    def pack(self) -> Schema:
        """A pack."""
        root = self._model(PackSpec, "pack-")
        _share(root["properties"])
        return {**root, "patternProperties": FREE_KEYS}

    def tests(self) -> Schema:
        """A file of tests."""
        root = self._model(TestsSpec, "tests-")
        root["properties"]["tests"]["items"] = self._tests(TestSpec)
        return root

    def pipeline(self) -> Schema:
        """A pipeline file; rules may stand in it."""
        self.definitions["rule"] = self.rule()
        root = self._model(PipelineSpec, "pipeline-")
        keys = root["properties"]
        self.definitions["rule-entry"] = {"if": {"type": "string"}, "else": _ref("rule")}
        self.definitions["backend"] = self._backend()
        keys["rules"]["items"] = _ref("rule-entry")
        keys["backend"] |= _ref("backend")
        keys["stages"]["items"] = {"enum": list(STAGES)}
        keys["tests"]["items"] = self._tests(PipelineTestSpec)
        self._store(self.definitions["pipeline-StoreSpec"])
        self.definitions["pipeline-RetrieveSpec"]["properties"]["embedder"] |= {
            "enum": [*self.registry.names("embedder")]
        }
        return {**root, "patternProperties": FREE_KEYS}

    def _store(self, store: Schema) -> None:
        """Name the stores, and what each of them cannot do without."""
        store["properties"]["type"] |= {"enum": [*self.registry.names("store")]}
        for name in self.registry.names("store"):
            own, general = self.registry.get("store", name).Options.model_fields, StoreSpec.model_fields
            needed = [key for key, field in own.items() if field.is_required() and general[key].default is None]
            if needed:
                is_meant = {"properties": {"type": {"const": name}}, "required": ["type"]}
                store.setdefault("allOf", []).append({"if": is_meant, "then": {"required": needed}})

    def _model(self, model: type[BaseModel], prefix: str) -> Schema:
        made = of_model(model, prefix)
        self.definitions |= made.pop("$defs")
        return made

    def _tests(self, model: type[BaseModel]) -> Schema:
        """A test, whose scripted replies are written like those of the scripted backend."""
        self.definitions[f"test-{model.__name__}"] = self._model(model, "test-")
        replies = self._component("backend", "scripted", NoCommon)["properties"]["replies"]["items"]
        for name, part in self.definitions.items():
            if name.startswith("test-") and "model" in part["properties"]:
                part["properties"]["model"]["items"] = replies
        return _ref(f"test-{model.__name__}")

    # --- components -------------------------------------------------------------------------------------------------

    def _role(self, role: str) -> None:
        kind, common = ROLES[role]
        names = self.registry.names(kind)
        bare = [name for name in names if _stands_alone(combined(common, self.registry.get(kind, name).Options), name)]
        for name in names:
            self.definitions[f"{role}-{name}"] = self._component(kind, name, common)
        typed = self._typed(names, lambda name: f"{role}-{name}")
        word: Schema = {"enum": bare} if bare else {"type": "object"}
        self.definitions[role] = {"if": {"type": "string"}, "then": word, "else": typed}

    def _typed(self, names: tuple[str, ...], definition: Callable[[str], str]) -> Schema:
        return {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"enum": [*names]}},
            "allOf": [{"if": _says(type=name), "then": _ref(definition(name))} for name in names],
        }

    def _component(self, kind: Kind, name: str, common: type[Options]) -> Schema:
        plug = self.registry.get(kind, name)
        made = self._model(combined(common, plug.Options), f"{kind}-{name}-")
        keys = {"type": {"const": name, "description": summary(plug)}, **_without(made["properties"], "type")}
        if "as" in keys:
            keys["as"] = {"enum": [*self.registry.names("converter")], "description": keys["as"]["description"]}
        return {**made, "description": summary(plug), "properties": keys}

    def _backend(self) -> Schema:
        """By `type:`, or without one by the model's name, as the compiler chooses; a variable may hold either."""
        names = self.registry.names("backend")
        for name in names:
            made = self._component("backend", name, NoCommon)
            if "timeout" in made["properties"]:
                made["properties"]["timeout"] = _or(made["properties"]["timeout"], TypeAdapter(Duration).json_schema())
            self.definitions[f"backend-{name}"] = made
        hosted, local = _ref("backend-litellm"), _ref("backend-local")
        by_model = {
            "required": ["model"],
            "if": _matches(model=VARIABLE["pattern"]),
            "then": {"anyOf": [hosted, local]},
            "else": {"if": _matches(model="^local/"), "then": local, "else": hosted},
        }
        bare = [name for name in names if _stands_alone(self.registry.get("backend", name).Options, None)]
        typed = self._typed(names, lambda name: f"backend-{name}")
        mapping = {"type": "object", "if": {"required": ["type"]}, "then": typed, "else": by_model}
        return {"if": {"type": "string"}, "then": {"enum": bare}, "else": mapping}


def summary(plug: Any) -> str:
    """The first paragraph of a component's page, without its name."""
    first = " ".join(inspect.cleandoc(plug.__doc__ or "").partition("\n\n")[0].split())
    name, colon, rest = first.partition("`: ")
    said = rest if colon and name.startswith("`") else first
    return said[:1].upper() + said[1:]


def key_of(name: str, info: FieldInfo) -> str:
    """The key that an author writes for a field."""
    return info.alias or name


# --- parts ----------------------------------------------------------------------------------------------------------

_FILE_TEXT: Schema = {"type": "string"}
GRAMMAR: Schema = {
    "description": "A Lark grammar, or where it stands",
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {
                "from": {**_FILE_TEXT, "description": "A built-in grammar, a .lark file, or a pack (.yaml)"},
                "name": {**_FILE_TEXT, "description": "Its name in the pack, when that is another"},
            },
            "required": ["from"],
            "additionalProperties": False,
        },
    ],
}
TABLE: Schema = {"type": "object", "description": "A map, or {file, key, value} for a CSV file, {file} for YAML"}


def _share(keys: Schema) -> None:
    """Describe grammars and tables, which may stand in other files."""
    keys["grammars"] |= {"propertyNames": NAMES, "additionalProperties": GRAMMAR}
    keys["tables"] |= {"propertyNames": NAMES, "additionalProperties": TABLE}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _says(**constants: str) -> Schema:
    return {"properties": {key: {"const": value} for key, value in constants.items()}, "required": [*constants]}


def _matches(**patterns: str) -> Schema:
    return {"properties": {key: {"pattern": value} for key, value in patterns.items()}, "required": [*patterns]}


def _or(first: Schema, second: Schema) -> Schema:
    outside: Schema = {key: first[key] for key in ("description", "default") if key in first}
    choices = first["anyOf"] if "anyOf" in first else [_without(first, *outside)]
    return {"anyOf": [*choices, second], **outside}


def _without(mapping: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in keys}


def _stands_alone(model: type[BaseModel], type_name: str | None) -> bool:
    """Whether a component can be written as a bare word."""
    try:
        model.model_validate({} if type_name is None else {"type": type_name})
    except ValidationError:
        return False
    return True


def _mend_default(key: Schema) -> None:
    """Leave out defaults that only say "not given", and write durations and sizes as an author does."""
    if "default" not in key:
        return
    default, examples = key["default"], key.get("examples", [])
    if default is None:
        del key["default"]
    elif isinstance(default, int | float) and "60s" in examples:
        key["default"] = f"{default:g}s"
    elif isinstance(default, int) and "1GiB" in examples:
        key["default"] = _size(default)


def _size(count: int) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count % 1024 or unit == "GiB":
            return f"{count}{unit}"
        count //= 1024
    raise AssertionError("the loop returns at its last unit")


def _with_variables(node: Any) -> Any:
    """The same schema where each value that is not any text may also be an environment variable: `${NAME:-default}`."""
    if isinstance(node, list):
        return [_with_variables(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value if key in {"if", "propertyNames"} else _with_variables(value) for key, value in node.items()}
    properties = kept.get("properties")
    if isinstance(properties, dict):
        kept["properties"] = {name: _variable_too(key) for name, key in properties.items()}
    return kept


def _variable_too(key: Any) -> Any:
    """The schema of a key, or a variable, where the key wants a number, a truth value or one of some words."""
    choices = key.get("anyOf", [key])
    narrow = [choice for choice in choices if _NARROW & set(choice) or choice.get("type") in _NARROW_TYPES]
    any_text = [choice for choice in choices if choice.get("type") == "string" and choice not in narrow]
    return _or(key, VARIABLE) if narrow and not any_text else key
