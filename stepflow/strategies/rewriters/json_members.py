"""`json_members`: fits the members of a cached JSON object to the keys that the new request asks for.

Drops members that only the old request asked for, brings the others into the new order, and renames a member whose key
is the same word in another spelling (`firstName` and `first_name`). Values are copied to the byte; none is ever
invented, so an object that lacks a key is left to `patch`.

The step may also be one part of the answer (`segment: {type: json, by: part}`): an element is fitted like an object of
its own, a member is renamed when only its key is spelled otherwise and the answer has no member of the wanted key, and
the object that it holds is fitted.

Options: `schema_from`, a name whose value is a JSON Schema of an object (or of an array of objects).

    rewrite:
      - {type: json_members, schema_from: shape}

Proposes nothing when the step is neither, when a wanted key has no member, or two members could be the one meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

import stepflow.options
from stepflow.jsontext import is_member, parse, parts
from stepflow.notation import BuildContext, NameRef
from stepflow.prose import plain_spelling
from stepflow.protocols import Rewriter, Rewriting

NAME = "json_members"


class Options(stepflow.options.Options):
    """Which keys are wanted."""

    schema_from: NameRef = Field(description="A name whose value is a JSON Schema: its `properties`, in order.")


def build(options: Options, context: BuildContext) -> Rewriter:
    """The rewriter for this schema."""
    return _JsonMembers(options.schema_from)


@dataclass(frozen=True, slots=True)
class _JsonMembers:
    schema_from: str

    def rewrite(self, rewriting: Rewriting) -> Iterable[str]:
        """The object with the wanted members, when all of them are there."""
        new, old = rewriting.new.get(self.schema_from), rewriting.old.get(self.schema_from)
        if not isinstance(new, Mapping) or not isinstance(old, Mapping):
            return ()
        body = rewriting.body
        try:
            if is_member(body):
                text = _fitted_member(body, old, new, _others(rewriting))
            elif new.get("type") == "array" and body.lstrip().startswith("{"):
                text = _fitted(body, _items(old), _items(new))
            else:
                text = _fitted(body, old, new)
        except ValueError:
            return ()
        return () if text == body else (text,)


def _others(rewriting: Rewriting) -> set[str]:
    """The keys of the whole answer. Raises `ValueError` when it is not an object."""
    output = parse(str(rewriting.names.get("output", "")))
    if not isinstance(output, dict):
        raise ValueError("the answer is not an object")
    return set(output)


def _fitted_member(text: str, old: Mapping[str, Any], new: Mapping[str, Any], there: set[str]) -> str:
    """The JSON text of one member under the key that is wanted. Raises `ValueError` when none is, or more than one."""
    key, rest = _member(text)
    before, after = old.get("properties", {}), new.get("properties", {})
    wanted = key
    if key not in after:
        missing = {each for each in after if each not in there}
        spelled = [each for each in missing if plain_spelling(each) == plain_spelling(key)]
        rivals = [each for each in there if each not in after and plain_spelling(each) == plain_spelling(key)]
        if len(spelled) != 1 or len(rivals) != 1:
            raise ValueError(f"no key is wanted for {key!r}")
        wanted = spelled[0]
    return f"{json.dumps(wanted, ensure_ascii=False)}{_nested(rest, before.get(key, {}), after[wanted])}"


def _fitted(text: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The JSON text of an object or array, its members fitted. Raises `ValueError` when a wanted one is not there."""
    spans = parts(text)
    if new.get("type") == "array":
        return _rejoined(text, spans, [_fitted(text[a:b], _items(old), _items(new)) for a, b in spans])
    members = dict(_member(text[start:end]) for start, end in spans)
    wanted = new.get("properties", {})
    taken = {key: _source(key, members, wanted) for key in wanted}
    asked_before = set(old.get("properties", {}))
    extra = [key for key in members if key not in taken.values() and key not in asked_before]
    before, after = old.get("properties", {}), new.get("properties", {})
    written = [
        f"{json.dumps(key, ensure_ascii=False)}{_nested(members[source], before.get(source, {}), after[key])}"
        for key, source in taken.items()
    ]
    return _rejoined(
        text, spans, [*written, *(f"{json.dumps(key, ensure_ascii=False)}{members[key]}" for key in extra)]
    )


def _nested(rest: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """A member's colon and value, the value fitted too when it is an object with keys of its own."""
    colon, value = rest[: len(rest) - len(rest.lstrip(": \t\r\n"))], rest.lstrip(": \t\r\n")
    if not new.get("properties") or not value.startswith("{"):
        return rest
    return colon + _fitted(value, old, new)


def _items(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    items = schema.get("items", {})
    return items if isinstance(items, Mapping) else {}


def _member(text: str) -> tuple[str, str]:
    """A member's key, and its colon and value as they are written."""
    end = 1
    while text[end] != '"':
        end += 2 if text[end] == "\\" else 1
    return str(parse(text[: end + 1])), text[end + 1 :]


def _source(key: str, members: Mapping[str, str], wanted: Iterable[str]) -> str:
    if key in members:
        return key
    same = [each for each in members if plain_spelling(each) == plain_spelling(key) and each not in set(wanted)]
    if len(same) != 1:
        raise ValueError(f"no member {key!r}")
    return same[0]


def _rejoined(text: str, spans: Sequence[tuple[int, int]], written: Sequence[str]) -> str:
    """New members between the old brackets, separated as the old ones were."""
    if not spans or not written:
        raise ValueError("no member to write")
    separator = text[spans[0][1] : spans[1][0]] if len(spans) > 1 else ", "
    return text[: spans[0][0]] + separator.join(written) + text[spans[-1][1] :]
