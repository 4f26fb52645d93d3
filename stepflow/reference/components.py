"""Everything that can be named in a file: kinds, names, and for each the page that its docstring and options make."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from stepflow.compiler.names import RUN_NAMES, Place
from stepflow.compiler.resolve import notation_of
from stepflow.config.references import shipped_rules
from stepflow.config.schema import (
    AnswerCommon,
    ConditionCommon,
    ConstraintCommon,
    FieldCommon,
    RewriteCommon,
    StoreSpec,
    VerifyCommon,
)
from stepflow.config.suggest import nearest
from stepflow.config.yaml_nodes import read_file
from stepflow.errors import UsageError
from stepflow.notation import Notation
from stepflow.reference.schemas import VARIABLE, Schema, key_of, of_model, summary
from stepflow.registry import KINDS, Registry

ABOUT: Mapping[str, str] = {
    "reader": "find things in a text: under `constraints`, `parse` and `answer`",
    "converter": "turn what was found into a value: `as:`",
    "segmenter": "cut an answer into steps: `segment`",
    "verifier": "decide whether a step or an answer is right: `verify`",
    "rewriter": "mend failing steps without the model: `rewrite`",
    "condition": "decide something about a prompt or a candidate: `match`, `unless`, `skip_when`",
    "function": "compute in expressions and templates",
    "name": "stand in every run, for expressions and templates to use beside the rule's own names",
    "backend": "are models: `backend` in a pipeline",
    "store": "keep records: `store` in a pipeline",
    "embedder": "make prompts comparable by likeness: `retrieve: embedder` in a pipeline",
    "rule": "ship with stepflow, to use and to copy: `stepflow new rule ID --like RULE`",
}
"""Every kind, in the order in which a run meets them, and what its components do."""

COMMON: Mapping[str, tuple[tuple[str, type[BaseModel]], ...]] = {
    "reader": (
        ("Keys of every constraint", ConstraintCommon),
        ("Keys of every item under `parse`", FieldCommon),
        ("Keys of `answer`", AnswerCommon),
    ),
    "verifier": (("Keys of every verifier", VerifyCommon),),
    "rewriter": (("Keys of every rewriter", RewriteCommon),),
    "condition": (("Keys of every condition", ConditionCommon),),
}
"""The engine's own keys, which stand beside a component's parameters."""

NOTATIONS: Mapping[Notation, str] = {
    Notation.REGEX: "regular expression",
    Notation.EXPRESSION: "expression",
    Notation.TEMPLATE: "template",
    Notation.JSONPATH: "JSONPath",
    Notation.GRAMMAR: "name of a grammar",
    Notation.NAME: "name of a value",
    Notation.TABLE: "name of a table",
}
_TYPES = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "array": "list",
    "object": "map",
}  # fmt: skip
NOUNS: Mapping[str, str] = {
    "condition": "condition",
    "constraint": "constraint",
    "field": "field",
    "answer": "reader",
    "segmenter": "segmenter",
    "verifier": "verifier",
    "rewriter": "rewriter",
    "backend": "backend",
    "rule-entry": "file, pattern of files, or rule",
    "test-TestSpec": "test",
    "test-PipelineTestSpec": "test",
}
"""What the definitions of a file's schema are called where they may stand."""

WIDTH = 96
"""Characters of a line of a page that is drawn for a terminal."""

_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One key: what may stand there, its default as an author writes it ('' when there is none), what it means."""

    name: str
    type: str
    default: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Page:
    """What there is to know about a component. `text` is its docstring below the first line, in Markdown.

    `groups` are titled lists of keys. `signature` and `examples` belong to functions.
    """

    kind: str
    name: str
    summary: str
    text: str
    groups: tuple[tuple[str, tuple[Parameter, ...]], ...] = ()
    signature: str = ""
    examples: tuple[str, ...] = ()


def names(registry: Registry, kind: str) -> tuple[str, ...]:
    """All names of a kind, sorted. Raises `UsageError` when there is no such kind."""
    if kind in LISTED:
        return LISTED[kind](registry)
    if kind not in KINDS:
        raise UsageError(f"there is no kind {kind!r}{_hint(kind, tuple(ABOUT))}; kinds: {', '.join(ABOUT)}")
    return registry.names(kind)


def page(registry: Registry, kind: str, name: str) -> Page:
    """The page of a component. Raises `UsageError` when there is none of this name."""
    known = names(registry, kind)
    if name not in known:
        raise UsageError(f"there is no {kind} {name!r}{_hint(name, known)}; `stepflow list {kind}` shows all")
    if kind == "function":
        return function_page(name, registry.functions[name])
    if kind == "name":
        return _name_page(name)
    if kind == "rule":
        return _rule_page(name)
    plug = registry.get(kind, name)  # type: ignore[arg-type]  # `names` has checked the kind
    _, _, text = inspect.cleandoc(plug.__doc__ or "").partition("\n\n")
    return Page(kind, name, summary(plug), text.strip("\n"), tuple(_groups(kind, name, plug)))


def find(registry: Registry, wanted: str) -> Page:
    """The page of `KIND/NAME`, or of a NAME that is one component's alone. Raises `UsageError` with suggestions."""
    kind, slash, name = wanted.partition("/")
    if slash:
        return page(registry, kind, name)
    every = [(each, known) for each in ABOUT for known in names(registry, each)]
    homes = [each for each, known in every if known == wanted]
    if len(homes) > 1 and "name" in homes:
        homes.remove("name")
    if len(homes) > 1:
        raise UsageError(f"{wanted!r} is the name of several: {', '.join(f'{home}/{wanted}' for home in homes)}")
    if not homes:
        hint = _hint(wanted, tuple(dict.fromkeys(known for _, known in every)))
        raise UsageError(f"there is nothing called {wanted!r}{hint}; `stepflow list` shows everything")
    return page(registry, homes[0], wanted)


def function_page(name: str, function: Callable[..., Any]) -> Page:
    """The page of a function of expressions."""
    said, _, examples = inspect.cleandoc(function.__doc__ or "").partition("Examples:")
    first, _, rest = said.strip().partition("\n\n")
    return Page(
        "function",
        name,
        " ".join(first.split()),
        rest.strip(),
        signature=name + _unannotated(function),
        examples=tuple(line.strip() for line in examples.splitlines() if line.strip()),
    )


def _name_page(name: str) -> Page:
    """The page of a name of the run."""
    known = next(each for each in RUN_NAMES if each.name == name)
    only = f", there in `{known.only_in}` only" if known.only_in else ""
    places = ", ".join(f"`{place.value}`" for place in Place if place in known.places)
    text = textwrap.fill(f"Can be used in {places}{only}.", WIDTH)
    members = tuple(Parameter(f"{name}.{each}", type, "", False, said) for each, (type, said) in known.members.items())
    return Page("name", name, known.meaning, text, (("Members", members),) if members else ())


def _rule_page(name: str) -> Page:
    """The page of a shipped rule: prompts from its own tests, and how to come by it."""
    data = read_file(shipped_rules()[name]).data
    tests = [(test["prompt"], test["expect"].get("matched") is not False) for test in data.get("tests", [])]
    own, others = ([prompt for prompt, is_own in tests if is_own is wanted] for wanted in (True, False))
    lists = [_prompts(title, prompts) for title, prompts in (("Prompts of its", own), ("Not its", others)) if prompts]
    copy = f"Copy it to your rules, to change it: stepflow new rule my-{name} --like {name}"
    return Page("rule", name, data.get("title", ""), "\n\n".join([*lists, copy]))


def _prompts(title: str, prompts: Iterable[str]) -> str:
    shown = [textwrap.shorten(each, WIDTH, placeholder=" …") for each in dict.fromkeys(prompts)][:5]
    return "\n".join([f"{title}:", *(f"    {each}" for each in shown)])


LISTED: Mapping[str, Callable[[Registry], tuple[str, ...]]] = {
    "function": lambda registry: tuple(sorted(registry.functions)),
    "name": lambda _: tuple(sorted(each.name for each in RUN_NAMES)),
    "rule": lambda _: tuple(shipped_rules()),
}
"""Kinds that are no plugs, and what gives their names."""


def parameters(model: type[BaseModel], schema: Schema | None = None) -> tuple[Parameter, ...]:
    """The keys of a model, in its order, without `type`."""
    made = schema if schema is not None else of_model(model)
    shown = []
    for field_name, info in model.model_fields.items():
        key = key_of(field_name, info)
        if key == "type" and isinstance(info.default, str) and not info.default:
            continue
        part = made["properties"][key]
        shown.append(
            Parameter(
                key,
                "name of a converter" if key == "as" else type_words(part, made.get("$defs", {}), notation_of(info)),
                _default(part),
                key in made.get("required", ()),
                info.description or "",
            )
        )
    return tuple(shown)


def type_words(part: Schema, definitions: Mapping[str, Schema], notation: Notation | None = None) -> str:
    """What may stand there, in words."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return NOUNS.get(name) or type_words(definitions.get(name, {"type": "object"}), {}, notation)
    if "anyOf" in part:
        choices = [choice for choice in part["anyOf"] if choice.get("type") != "null" and choice != VARIABLE]
        return " or ".join(dict.fromkeys(type_words(choice, definitions, notation) for choice in choices))
    if "enum" in part:
        return " · ".join(f"`{value}`" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    if "examples" in part:
        return "text like " + ", ".join(f"`{example}`" for example in part["examples"])
    kind = part.get("type")
    if kind == "string" and notation is not None:
        return NOTATIONS[notation]
    if kind == "array":
        return f"list of: {type_words(part.get('items', {}), definitions, notation)}"
    inner = part.get("additionalProperties")
    if kind == "object" and isinstance(inner, dict) and inner:
        return f"map of names to: {type_words(inner, definitions, notation)}"
    if isinstance(kind, list):
        return " or ".join(_TYPES[each] for each in kind)
    words = _TYPES.get(str(kind), "any value")
    bounds = [f"{word} {part[key]:g}" for key, word in _BOUNDS.items() if key in part]
    return f"{words}, {' and '.join(bounds)}" if bounds else words


def _groups(kind: str, name: str, plug: Any) -> Iterator[tuple[str, tuple[Parameter, ...]]]:
    if kind == "embedder" or not hasattr(plug, "Options"):  # a pipeline names an embedder and sets nothing of it
        return
    model = plug.Options
    own = parameters(model)
    if kind == "store":
        model = StoreSpec  # a pipeline's `store:` writes sizes and times with their unit
        own = tuple(each for each in parameters(model) if each.name in plug.Options.model_fields)
    if own:
        yield f"Parameters of `{name}`", own
    for title, common in COMMON.get(kind, ()):
        yield title, parameters(common)


def _default(part: Schema) -> str:
    value = part.get("default")
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unannotated(function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def _hint(word: str, choices: tuple[str, ...]) -> str:
    near = nearest(word, choices)
    return f"; did you mean {near!r}?" if near else ""
