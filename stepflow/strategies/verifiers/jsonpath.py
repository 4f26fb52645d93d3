"""`jsonpath`: what a JSONPath finds in the text's JSON must be as said.

The text must be one strict JSON value. At least one value must be found, unless `exists: false` or `count` say
otherwise, and every value found must hold up. Keys are case-sensitive; 30.0 is a number but not an integer.

Options: `given` (the path, `$` by default) and at least one of `exists` · `count(_from)` · `equals(_from)` ·
`is_a` (a JSON type) · `matches` (a pattern) · `has_keys(_from)` · `only_keys(_from)` ·
`lacks_keys(_from)`, keys that no object found may have, however they are capitalised. With `of: part` the text is one
member of an object, or one element of an array, and is looked at as an object or array that has this part alone.

    verify:
      - {type: jsonpath, has_keys_from: required_keys}
      - {type: jsonpath, given: '$.age', is_a: integer}
      - {type: jsonpath, given: '$[*]', count_from: number_of_items}
      - {type: jsonpath, scope: step, of: part, lacks_keys: [password]}

Fails when the text is not JSON, naming what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field, model_validator

import stepflow.options
from stepflow import jsontext
from stepflow.notation import BuildContext, JsonPathText, NameRef, Path, Pattern, RegexText
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import Wanted, at_least_one, wanted
from stepflow.values import show

NAME = "jsonpath"
_CHECKS = ("count", "equals", "has_keys", "only_keys", "lacks_keys")


class Options(stepflow.options.Options):
    """Where to look, and what must be there."""

    given: JsonPathText = Field("$", description="The JSONPath of the values to look at.")
    of: Literal["whole", "part"] = Field("whole", description="What the text is: a whole value, or a part of one.")
    exists: bool | None = Field(None, description="`true`: something must be found; `false`: nothing may be.")
    count: int | None = Field(None, ge=0, description="How many values must be found.")
    count_from: NameRef | None = Field(None, description="Name of the value that says how many.")
    equals: Any = Field(None, description="What every value must be equal to.")
    equals_from: NameRef | None = Field(None, description="Name of what every value must be equal to.")
    is_a: jsontext.Type | None = Field(None, description="The JSON type of every value.")
    matches: RegexText | None = Field(None, description="Pattern that must be found in every value, a text.")
    has_keys: list[str] | None = Field(None, description="Keys that every value, an object, must have.")
    has_keys_from: NameRef | None = Field(None, description="Name of the value that lists such keys.")
    only_keys: list[str] | None = Field(None, description="The only keys that an object may have.")
    only_keys_from: NameRef | None = Field(None, description="Name of the value that lists the only keys.")
    lacks_keys: list[str] | None = Field(None, description="Keys that no object may have, in any case.")
    lacks_keys_from: NameRef | None = Field(None, description="Name of the value that lists such keys.")

    @model_validator(mode="after")
    def _given(self) -> Options:
        names = [name for check in _CHECKS for name in (check, f"{check}_from")]
        at_least_one(self, ("exists", "is_a", "matches", *names))
        if self.exists is False and len(self.model_fields_set & {"is_a", "matches", *names}) > 0:
            raise ValueError("`exists: false` leaves nothing for the other checks to look at")
        return self


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier of values at a path."""
    return _JsonPath(
        context.jsonpath(options.given),
        _parse_part if options.of == "part" else _parse,
        options.exists,
        options.is_a,
        None if options.matches is None else context.regex(options.matches),
        *(wanted(getattr(options, check), getattr(options, f"{check}_from")) for check in _CHECKS),
    )


_parse = lru_cache(maxsize=8)(jsontext.parse)
_parse_part = lru_cache(maxsize=64)(jsontext.parse_part)
"""A chain asks the same answer, and its parts, several times; nobody changes what is shared."""


@dataclass(frozen=True, slots=True)
class _JsonPath:
    path: Path
    parse: Callable[[str], Any]
    exists: bool | None
    is_a: jsontext.Type | None
    matches: Pattern | None
    count: Wanted | None
    equals: Wanted | None
    has_keys: Wanted | None
    only_keys: Wanted | None
    lacks_keys: Wanted | None

    def verify(self, view: View) -> str | None:
        """None when everything found is as said."""
        try:
            data = self.parse(view.text)
        except ValueError as error:
            return f"is not JSON: {error}"
        found = self.path.find(data)
        reason = self._number_found(found, view)
        if reason is not None:
            return f"{self.path.text} {reason}"
        reasons = (reason for value in found for reason in self._wrong(value, view))
        return next((f"{self.path.text} {reason}" for reason in reasons), None)

    def _number_found(self, found: list[Any], view: View) -> str | None:
        if self.exists is False:
            return "is there and must not be" if found else None
        if self.count is not None:
            count = self.count.whole_number(view)
            return None if len(found) == count else f"finds {len(found)} values, expected {count}"
        return None if found else "finds nothing"

    def _wrong(self, value: Any, view: View) -> Iterator[str]:
        if self.is_a is not None and not jsontext.has_type(value, self.is_a):
            yield f"is {_a(value)} ({_short(value)}), expected {self.is_a}"
        if self.equals is not None and not jsontext.same(value, self.equals(view)):
            yield f"is {_short(value)}, expected {_short(self.equals(view))}"
        if self.matches is not None and not (isinstance(value, str) and self.matches.search(value)):
            yield f"is {_short(value)}, which does not match /{self.matches.text}/"
        if self.has_keys is not None:
            yield from _missing(value, self.has_keys.texts(view))
        if self.only_keys is not None:
            yield from _surplus(value, self.only_keys.texts(view))
        if self.lacks_keys is not None:
            yield from _unwanted(value, self.lacks_keys.texts(view))


def _missing(value: Any, keys: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"is {_a(value)}, expected an object with keys"
        return
    missing = [key for key in keys if key not in value]
    if missing:
        folded = {key.casefold(): key for key in value}
        near = [folded[key.casefold()] for key in missing if key.casefold() in folded]
        hint = f" (it has {', '.join(map(repr, near))}; keys are case-sensitive)" if near else ""
        yield f"lacks the keys {', '.join(map(repr, missing))}{hint}"


def _surplus(value: Any, keys: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"is {_a(value)}, expected an object with keys"
        return
    surplus = [key for key in value if key not in keys]
    if surplus:
        yield f"has the keys {', '.join(map(repr, surplus))}, which are not asked for"


def _unwanted(value: Any, keys: tuple[str, ...]) -> Iterator[str]:
    forbidden = {key.casefold() for key in keys}
    there = [key for key in value if key.casefold() in forbidden] if isinstance(value, dict) else []
    if there:
        yield f"has the keys {', '.join(map(repr, there))}, which must not be there"


def _a(value: Any) -> str:
    name = jsontext.type_of(value) or type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else show(value)
    return text if len(text) <= 60 else text[:57] + "…"
