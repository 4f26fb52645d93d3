"""Data checked against a model, and every problem told with its place, its reason and its remedy.

Codes: `unknown-key`, `missing-key`, `wrong-type`, `bad-value`, `empty-value`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from pydantic import BaseModel, ValidationError

from stepflow.config.document import Document
from stepflow.config.fields import Model, homes_of, keys_of, models_at
from stepflow.config.suggest import did_you_mean, nearest
from stepflow.config.unions import Located, Path, locate, settle, value_at
from stepflow.config.wording import allowed_values, bound, got, mending
from stepflow.source import Diagnostic

__all__ = ["did_you_mean", "nearest", "stray_dash", "validate"]

_COLLECTIONS = {"tuple_type": tuple, "set_type": set, "frozen_set_type": frozenset}
_MAX_LISTED = 100


def validate(
    model: type[BaseModel],
    data: Any,
    document: Document,
    path: Path,
    *,
    breadcrumb: str,
    noun: str,
    see: str = "",
    elsewhere: Mapping[str, str] | None = None,
    ignore: frozenset[str] = frozenset(),
) -> tuple[BaseModel | None, list[Diagnostic]]:
    """The value at `path` as an instance of the model, or every problem of it, sorted by position.

    `data` is that value; its parts are located under `path` in the document. `noun` names it in messages: "a rule",
    "verifier 'jsonpath'". Its keys are called parameters when `see` is a `stepflow describe` command. `elsewhere` tells
    for keys that do not belong here the place where they do, as in "'scope' belongs under …" (a place that begins
    with "in" stays as it is). The keys in `ignore` are left out of the check. A list is accepted where the model wants
    a tuple or set: YAML has one kind of list.
    """
    if isinstance(data, Mapping) and ignore:
        data = {key: value for key, value in data.items() if key not in ignore}
    checked, errors = _checked(model, data)
    if checked is not None:
        return checked, []
    teller = _Teller(model, data, document, path, breadcrumb, noun, see, elsewhere or {}, ignore)
    return None, sorted(teller.tell(errors), key=lambda diagnostic: diagnostic.sort_key)


def stray_dash(document: Document, path: Path, key: str) -> tuple[str, ...]:
    """The hint for a list item at `path` without `key` that was probably cut off from the item above by a dash."""
    if not path or not isinstance(path[-1], int) or path[-1] == 0:
        return ()
    above_path = (*path[:-1], path[-1] - 1)
    item, above = value_at(document.data, path), value_at(document.data, above_path)
    if not isinstance(item, Mapping) or not isinstance(above, Mapping) or key not in above or set(item) & set(above):
        return ()
    line = document.locate(above_path).line
    return (f"did you mean to indent it under the item at line {line}? Then remove this '- '",)


def _checked(model: Model, data: Any) -> tuple[BaseModel | None, list[Located]]:
    while True:
        try:
            return model.model_validate(data), []
        except ValidationError as error:
            found = [locate(detail, data) for detail in error.errors(include_url=False)]
        lists = {
            problem.path: _COLLECTIONS[problem.kind]
            for problem in found
            if problem.kind in _COLLECTIONS and _can_become(value_at(data, problem.path), problem.kind)
        }
        if not lists:
            return None, settle(found, data)
        data = _with_collections(data, lists, ())


def _can_become(value: Any, kind: str) -> bool:
    if not isinstance(value, list):
        return False
    return kind == "tuple_type" or not any(isinstance(item, list | dict) for item in value)


def _with_collections(data: Any, lists: Mapping[Path, Any], path: Path) -> Any:
    if isinstance(data, dict):
        return {key: _with_collections(value, lists, (*path, key)) for key, value in data.items()}
    if not isinstance(data, list | tuple):
        return data
    items = [_with_collections(item, lists, (*path, index)) for index, item in enumerate(data)]
    return lists.get(path, type(data))(items)


@dataclass(frozen=True, slots=True)
class _Teller:
    """Turns the errors of one value into diagnostics."""

    model: Model
    data: Any
    document: Document
    path: Path
    breadcrumb: str
    noun: str
    see: str
    elsewhere: Mapping[str, str]
    ignore: frozenset[str]

    def tell(self, errors: list[Located]) -> list[Diagnostic]:
        """One diagnostic an error; a missing key that stands there misspelt is told once."""
        misspelt = {
            (*error.path[:-1], nearest(str(error.path[-1]), self._choices(error)))
            for error in errors
            if error.kind == "extra_forbidden"
        }
        return [self._told(error) for error in errors if error.kind != "missing" or error.path not in misspelt]

    def _told(self, error: Located) -> Diagnostic:
        if error.kind == "extra_forbidden":
            return self._unknown_key(error)
        if error.kind == "missing":
            return self._missing_key(error)
        if error.kind in ("union_tag_invalid", "literal_error", "enum"):
            return self._not_allowed(error)
        value = value_at(self.data, error.path)
        if value is None and (error.expected or self.document.is_blank((*self.path, *error.path))):
            return self._empty(error)
        if error.expected:
            return self._wrong_type(error, value)
        return self._bad_value(error, value)

    def _unknown_key(self, error: Located) -> Diagnostic:
        key = str(error.path[-1])
        owner = self._name(error.path[:-1])
        word = "parameter" if self.see.startswith("stepflow describe ") and len(error.path) == 1 else "key"
        choices = self._choices(error)
        hints = did_you_mean(key, choices) or self._belongs(key, error)
        listed = ", ".join(sorted(keys for keys in choices if keys not in self.ignore))
        if listed and (len(listed) <= _MAX_LISTED or not hints):
            hints += (f"{word}s: {shorten(listed, 2 * _MAX_LISTED, placeholder=' …')}",)
        return self._diagnostic("unknown-key", f"'{key}' is not a {word} of {owner}", error.path, hints, at_key=True)

    def _belongs(self, key: str, error: Located) -> tuple[str, ...]:
        if key in self.elsewhere:
            place = self.elsewhere[key]
            return (f"'{key}' belongs {place if place.startswith('in ') else f'under {place}'}",)
        if len(error.path) > 1 and key in keys_of(self.model):
            return (f"'{key}' belongs {_levels(len(error.path) - 1)} up, next to '{error.path[0]}'",)
        homes = list(homes_of(key, self.model))
        return (f"'{key}' belongs under " + " or ".join(f"'{home}'" for home in homes),) if homes else ()

    def _missing_key(self, error: Located) -> Diagnostic:
        key = str(error.path[-1])
        parents = models_at(self.model, error.loc[:-1])
        description = next((keys_of(parent)[key].description for parent in parents if key in keys_of(parent)), None)
        hints = stray_dash(self.document, (*self.path, *error.path[:-1]), key)
        hints += (f"{key}: {description}",) if description else ()
        message = f"{self._name(error.path[:-1])} needs '{key}'"
        return self._diagnostic("missing-key", message, error.path[:-1], hints, at_key=True)

    def _not_allowed(self, error: Located) -> Diagnostic:
        path, expected = error.path, str(error.context.get("expected", error.context.get("expected_tags", "")))
        if error.kind == "union_tag_invalid":
            path = (*path, str(error.context["discriminator"]).strip("'"))
        allowed, value = allowed_values(expected), value_at(self.data, path)
        if value is None:
            return self._empty(error)
        hints = did_you_mean(value, allowed) if isinstance(value, str) else ()
        if len(allowed) == 1:
            hints = hints or (f"write {allowed[0]}",)
        else:
            hints += (f"allowed: {', '.join(allowed)}",)
        return self._diagnostic("bad-value", f"{self._name(path)} cannot be {got(value)}", path, hints)

    def _empty(self, error: Located) -> Diagnostic:
        blank = self.document.is_blank((*self.path, *error.path))
        state = "has no value" if blank else "cannot be null"
        wanted = " or ".join(error.expected) or ", ".join(allowed_values(str(error.context.get("expected", ""))))
        hints: tuple[str, ...] = (f"expected {wanted}",) if wanted else ()
        if blank and "a map" in error.expected:
            hints += ("indent the lines below that belong to it",)
        return self._diagnostic("empty-value", f"{self._name(error.path)} {state}", error.path, hints)

    def _wrong_type(self, error: Located, value: Any) -> Diagnostic:
        scalar = self.document.scalar((*self.path, *error.path))
        hints = mending(error.expected, value, scalar.text if scalar is not None else str(value))
        message = f"{self._name(error.path)}: expected {' or '.join(error.expected)}, got {got(value)}"
        return self._diagnostic("wrong-type", message, error.path, hints)

    def _bad_value(self, error: Located, value: Any) -> Diagnostic:
        cause = error.context.get("error")
        if isinstance(cause, Exception):
            return self._refused(error, str(cause), value)
        demand = bound(error.kind, error.context)
        if demand is None:
            return self._diagnostic("bad-value", f"{self._name(error.path)}: {error.text}", error.path)
        shown = "" if isinstance(value, Mapping | list | tuple) else f", not {getattr(value, 'text', value)!s}"
        return self._diagnostic("bad-value", f"{self._name(error.path)} {demand}{shown}", error.path)

    def _refused(self, error: Located, reason: str, value: Any) -> Diagnostic:
        """A validator's own words, at the key or item that they begin with when there is one."""
        named = reason[1:].partition("'")[0] if reason.startswith("'") else ""
        if named and isinstance(value, Mapping) and named in value:
            return self._diagnostic("bad-value", reason, (*error.path, named), at_key=True)
        if named and isinstance(value, list | tuple) and named in value:
            return self._diagnostic("bad-value", reason, (*error.path, list(value).index(named)))
        return self._diagnostic("bad-value", reason, error.path)

    def _choices(self, error: Located) -> list[str]:
        owners = models_at(self.model, error.loc[:-1])
        reserved = [key for key in sorted(self.ignore) if not key.startswith("x-")] if len(error.path) == 1 else []
        return [*dict.fromkeys(key for owner in owners for key in keys_of(owner)), *reserved]

    def _name(self, path: Path) -> str:
        if not path:
            return self.noun
        if isinstance(path[-1], str):
            return f"'{path[-1]}'"
        inside = next((part for part in reversed((*self.path, *path)) if isinstance(part, str)), None)
        return f"item {path[-1] + 1}" + (f" of '{inside}'" if inside is not None else "")

    def _diagnostic(
        self, code: str, message: str, path: Path, hints: tuple[str, ...] = (), *, at_key: bool = False
    ) -> Diagnostic:
        return self.document.diagnostic(
            code,
            message,
            (*self.path, *path),
            part="key" if at_key else "value",
            hints=hints,
            breadcrumb=self._crumbs(path),
            see=self.see,
        )

    def _crumbs(self, path: Path) -> str:
        """The way to the map or list item that holds the place; the last key is in the message already."""
        crumbs, value = [self.breadcrumb] if self.breadcrumb else [], self.data
        for part in path[:-1] if path and isinstance(path[-1], str) else path:
            value = value_at(value, (part,))
            label = value.get("id", value.get("name")) if isinstance(value, Mapping) else None
            named = isinstance(part, int) and isinstance(label, str) and label
            crumbs.append(str(label) if named else f"item {part + 1}" if isinstance(part, int) else part)
        return " › ".join(crumbs)


def _levels(count: int) -> str:
    return "one level" if count == 1 else f"{count} levels"
