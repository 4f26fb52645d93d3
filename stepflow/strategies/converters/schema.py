"""`schema`: a phrase that describes the shape of data, as a JSON Schema (a map that `json_schema` takes).

The parse tree is read by the names of its branches and tokens, in any case; others are only looked through:

* `member`: one key, made of `name` (quotes, backticks and asterisks come off) and optionally what it holds: a `type`,
  an `array` or an `object`.
* `loose`: a type that could be meant for the member before as well, such as "as integer" in "width, height as integer".
* `bullet`: stands before a member and says by its indentation which member above that one belongs in.
* `object`: the members of a nested object.
* `array`: a list: `count` (so many items exactly), and what each item is: a `type` or an `object`.
* `detail`: `name` and `object`: says later what a member named before holds.
* `closed`: no other keys than those named, also in nested objects.

The root holds members, or an array. Every member named is required. Type words, singular or plural, mean:
string str text varchar → string · integer int, whole number → integer · number float double decimal numeric → number ·
boolean bool, true/false → boolean · list array → array · object dict dictionary map → object ·
date (ISO), email, uuid → a string of that format · url uri link → a string that begins like one.

    grammars:
      shape: |
        start: "keys" member ("," member)*
        member: NAME ["(" TYPE ")"]
        NAME: /[a-z]+/
        TYPE: /string|integer|number/
        %ignore " "
    constraints:
      shape: {type: lark, grammar: shape, as: schema}

Declines text without a parse tree, a phrase without members, a key named twice, a type word that it does not know, a
detail on a member that is not there or holds something else, a `loose` type behind a member without a type, and a count
below one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stepflow.notation import Leaf, Node
from stepflow.numerals import read_number

NAME = "schema"

Tree = Node | Leaf
Schema = dict[str, Any]

_PARTS = ("member", "name", "type", "loose", "array", "object", "count", "detail", "closed", "bullet")
_MEANINGS: tuple[tuple[tuple[str, ...], Schema], ...] = (
    (("string", "str", "text", "varchar"), {"type": "string"}),
    (("integer", "int", "whole number"), {"type": "integer"}),
    (("number", "float", "double", "decimal", "numeric"), {"type": "number"}),
    (("boolean", "bool", "true/false", "true or false"), {"type": "boolean"}),
    (("list", "array"), {"type": "array"}),
    (("object", "dict", "dictionary", "map"), {"type": "object"}),
    *(((name,), {"type": "string", "format": name}) for name in ("date", "email", "uuid")),
    (("url", "uri", "link"), {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*://\S+$"}),
)
_TYPES: Mapping[str, Schema] = {word: schema for words, schema in _MEANINGS for word in words}
_ARTICLE = re.compile(r"(?:an?|the)\s+")
_PLURAL = re.compile(r"(?<=\w)(?:(?<=dictionar)ies|s)\Z")
_AROUND = " \t\r\n\"'`“”‘’*"
_TAB = 4


def convert(raw: Any, text: str) -> Any:
    """The JSON Schema. Raises `ValueError` when the phrase does not describe one."""
    if not isinstance(raw, Node):
        raise ValueError("a shape is read from a parse tree: use `type: lark`")
    parts = dict(_parts(raw, "array"))
    schema = _array(parts["array"]) if "array" in parts else _object(raw)
    return _frozen(_close(schema) if "closed" in dict(_parts(raw, "closed")) else schema)


def _parts(tree: Tree, *wanted: str) -> Iterator[tuple[str, Tree]]:
    """The parts directly in a branch (those of these kinds, or all), looking through branches that mean nothing."""
    for child in tree.children if isinstance(tree, Node) else ():
        kind = child.kind.lower()
        if kind not in _PARTS:
            yield from _parts(child, *wanted)
        elif not wanted or kind in wanted:
            yield kind, child


def _object(tree: Tree) -> Schema:
    """An object of the members in a branch, those with deeper bullets inside the one above them."""
    schema = _new_object()
    above: list[tuple[int, Schema]] = [(-1, schema)]
    indent = 0
    is_clear = True
    for kind, part in _parts(tree, "member", "detail", "bullet"):
        if kind == "bullet":
            indent, is_clear = _indent(_text(part)), True
            continue
        name, held = _member(part)
        if not is_clear and dict(_parts(part, "loose")):
            raise ValueError(f"the type of {name!r} may be meant for the key before it too")
        is_clear = bool(held)
        if kind == "detail":
            _add_detail(schema, name, held)
            continue
        while above[-1][0] >= indent:
            above.pop()
        _add(_inside(above[-1][1]), name, held)
        above.append((indent, held))
    if not schema["properties"]:
        raise ValueError("the phrase names no key")
    return schema


def _new_object() -> Schema:
    return {"type": "object", "properties": {}, "required": []}


def _inside(held: Schema) -> Schema:
    """The object that takes further members: itself, or the items of a list. An untyped member becomes an object."""
    if held.get("type") == "array":
        return _inside(held.setdefault("items", {}))
    if held.get("type", "object") != "object":
        raise ValueError(f"a {held['type']} has no keys of its own")
    for key, value in _new_object().items():
        held.setdefault(key, value)
    return held


def _add(schema: Schema, name: str, held: Schema) -> None:
    if name in schema["properties"]:
        raise ValueError(f"the key {name!r} is named twice")
    schema["properties"][name] = held
    schema["required"].append(name)


def _add_detail(schema: Schema, name: str, held: Schema) -> None:
    there = schema["properties"].get(name)
    if there is None:
        raise ValueError(f"the key {name!r} is not named before")
    if set(there) - {"type"} or there.get("type", held.get("type")) != held.get("type"):
        raise ValueError(f"what the key {name!r} holds is said twice")
    there.update(held)


def _member(tree: Tree) -> tuple[str, Schema]:
    """Its name, and what it holds."""
    parts = dict(_parts(tree))
    if "name" not in parts:
        raise ValueError(f"the branch {tree.kind!r} has no name")
    name = _text(parts["name"]).strip(_AROUND)
    if not name:
        raise ValueError("a key without a name")
    return name, _held(parts)


def _held(parts: Mapping[str, Tree]) -> Schema:
    if "array" in parts:
        return _array(parts["array"])
    if "object" in parts:
        return _object(parts["object"])
    words = parts.get("type", parts.get("loose"))
    return {} if words is None else _type(_text(words))


def _array(tree: Tree) -> Schema:
    parts = dict(_parts(tree))
    schema: Schema = {"type": "array"}
    if "object" in parts or "type" in parts:
        schema["items"] = _held(parts)
    if "count" in parts:
        count = read_number(_text(parts["count"]))
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"a list of {_text(parts['count'])} items")
        schema |= {"minItems": count, "maxItems": count}
    return schema


def _type(words: str) -> Schema:
    plain = _ARTICLE.sub("", " ".join(words.lower().split()), count=1)
    known = _TYPES.get(plain) or _TYPES.get(_PLURAL.sub(_singular, plain))
    if known is None:
        raise ValueError(f"{words.strip()!r} is not a type; types are: {', '.join(_TYPES)}")
    return dict(known)


def _singular(ending: re.Match[str]) -> str:
    return "y" if ending.group() == "ies" else ""


def _indent(bullet: str) -> int:
    line = bullet.replace("\r", "").rsplit("\n", 1)[-1].expandtabs(_TAB)
    return len(line) - len(line.lstrip())


def _close(schema: Schema) -> Schema:
    """The same with no other keys allowed at any depth."""
    closed = {key: _close(value) if key == "items" else value for key, value in schema.items()}
    if "properties" in schema:
        closed["properties"] = {name: _close(held) for name, held in schema["properties"].items()}
        closed["additionalProperties"] = False
    return closed


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _text(tree: Tree) -> str:
    return tree.text if isinstance(tree, Leaf) else " ".join(_text(child) for child in tree.children)
