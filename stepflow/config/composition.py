"""A rule made whole: what it inherits, the tables and grammars that stand in other files, tests in a file of their own.

The result is a document like any other, whose parts know in which file they are written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from stepflow.config import merging
from stepflow.config.document import Document, NodePath
from stepflow.config.merging import Part, inherit, list_part, map_part, members_of, override
from stepflow.config.references import TESTS_SUFFIXES, names_plainly, rule_ids, rules_called
from stepflow.config.shared import Shelf
from stepflow.config.suggest import did_you_mean
from stepflow.config.yaml_nodes import read_file
from stepflow.errors import ConfigError, UsageError
from stepflow.source import Diagnostic

MAX_PARENTS = 5


@dataclass(slots=True)
class _Composer:
    """Composes one rule. `chain` are the files from the rule up to the one at hand, as absolute paths."""

    problems: list[Diagnostic] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)

    def rule(self, document: Document, chain: tuple[str, ...]) -> Part | None:
        """The rule of a document with all that it inherits; None when that cannot be found (reported)."""
        part = Shelf(document, self.problems).filled(Part.of(document))
        if "extends" not in document.data:
            if "overrides" in document.data:
                hint = "say which rule: extends: <id or file>"
                self._report("missing-key", "`overrides` needs `extends`", document, ("overrides",), hint, part="key")
            return _without(part, "overrides")
        parent = self._parent(document, chain)
        if parent is None:
            return None
        merged = self._overridden(document, inherit(parent, part), parent)
        return _without(merged, "extends", "overrides")

    def _parent(self, document: Document, chain: tuple[str, ...]) -> Part | None:
        path = self._parent_path(document)
        if path is None:
            return None
        if os.path.abspath(path) in chain:
            cycle = [*chain[chain.index(os.path.abspath(path)) :], os.path.abspath(path)]
            names = " → ".join(os.path.basename(each) for each in cycle)
            self._report("extends-cycle", f"rules extend each other in a circle: {names}", document, ("extends",))
            return None
        if len(chain) > MAX_PARENTS:
            message = f"rules extend each other more than {MAX_PARENTS} times in a row"
            hint = "let this rule extend the first of them directly"
            self._report("bad-value", message, document, ("extends",), hint)
            return None
        parent = self._read_rule(document, path)
        if parent is None:
            return None
        self.parents.append(path)
        return self.rule(parent, (*chain, os.path.abspath(path)))

    def _parent_path(self, document: Document) -> str | None:
        name = document.data["extends"]
        where = document.source_of(("extends",))
        folder = os.path.dirname(where.path)
        if not isinstance(name, str):
            self._report("wrong-type", "`extends` is the id or the file of one rule", document, ("extends",))
            return None
        if not names_plainly(where.text, name):
            hint = "write it on the line of its key, without variables; a file's name has no blanks and ends with .yaml"
            self._report("bad-value", f"{name!r} is no id of a rule and no file's name", document, ("extends",), hint)
            return None
        if name.endswith((".yaml", ".yml")):
            return os.path.normpath(os.path.join(folder, name))
        found = rules_called(name, folder or ".", where.path)
        if len(found) == 1:
            return found[0]
        if found:
            message = f"several rules are called {name!r}: {', '.join(found)}"
            self._report("duplicate-id", message, document, ("extends",), "name the file instead")
            return None
        hints = did_you_mean(name, rule_ids(folder or "."))
        message = f"there is no rule {name!r} in {folder or 'this folder'}, and none is shipped"
        self._report("unknown-name", message, document, ("extends",), *(hints or ("name its file instead",)))
        return None

    def _read_rule(self, document: Document, path: str) -> Document | None:
        try:
            parent = read_file(path)
        except UsageError as error:
            hint = "a path is relative to the file that names it"
            self._report("nothing-found", str(error), document, ("extends",), hint)
            return None
        except ConfigError as error:
            self.problems += error.diagnostics
            return None
        data = parent.data
        if not isinstance(data, dict) or data.get("kind", "rule") != "rule":
            self._report("wrong-kind", f"{path} does not hold a rule", document, ("extends",))
            return None
        return parent

    # --- overrides ------------------------------------------------------------------------------------------------

    def _overridden(self, document: Document, rule: Part, parent: Part) -> Part:
        changes = document.data.get("overrides", {})
        if not isinstance(changes, dict):
            self._report("wrong-type", "`overrides` is a map from ids to keys", document, ("overrides",))
            return rule
        own = Part.of(document)
        for name, change in changes.items():
            places = [place for place in _items(rule) if place.name == name and _is_inherited(document, place.path)]
            if not isinstance(change, dict):
                hint = f"{name}: {{enabled: false}} leaves it out"
                self._report("wrong-type", "an override is a map of keys", document, ("overrides", name), hint)
            elif len(places) == 1:
                rule = _replaced(rule, places[0], own.at("overrides").at(name))
            else:
                self._unclear(document, rule, name, places)
        return rule

    def _unclear(self, document: Document, rule: Part, name: str, places: list[_Item]) -> None:
        if places:
            lists = ", ".join(dict.fromkeys(place.list_name for place in places))
            message = f"{len(places)} inherited items are called {name!r}, under {lists}"
            hint = "give the list anew in this rule; only an item with a name of its own can be overridden"
            self._report("duplicate-id", message, document, ("overrides", name), hint, part="key")
            return
        known = [place.name for place in _items(rule) if _is_inherited(document, place.path)]
        hints = did_you_mean(name, known) or (f"there are: {', '.join(dict.fromkeys(known)) or 'none'}",)
        message = f"no inherited item is called {name!r}"
        self._report("unknown-name", message, document, ("overrides", name), *hints, part="key")

    def _report(
        self, code: str, message: str, document: Document, path: NodePath, *hints: str, part: Any = "value"
    ) -> None:
        name = document.data.get("id")
        breadcrumb = f"rule {name} › {path[0]}" if isinstance(name, str) else str(path[0])
        self.problems.append(document.diagnostic(code, message, path, part=part, hints=hints, breadcrumb=breadcrumb))


@dataclass(frozen=True, slots=True)
class Composed:
    """A rule made whole, None when that failed; the files of its parents, nearest first; what was wrong."""

    document: Document | None
    parents: tuple[str, ...]
    problems: tuple[Diagnostic, ...]


def compose(document: Document) -> Composed:
    """The rule of a document with its parents, tables, grammars and tests. The document holds a map."""
    composer = _Composer()
    part = composer.rule(document, (os.path.abspath(document.path),))
    if part is None:
        return Composed(None, tuple(composer.parents), tuple(composer.problems))
    part = _with_tests(part, document, composer.problems)
    return Composed(part.document(), tuple(composer.parents), tuple(composer.problems))


# --- items of lists ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Item:
    """An item of a list of a rule: the list's path, its place in it, and the name that overrides know it by."""

    path: tuple[str, ...]
    index: int
    name: str

    @property
    def list_name(self) -> str:
        return " › ".join(self.path)


def _items(rule: Part) -> Iterator[_Item]:
    for path in merging.LISTS:
        part = _member(rule, path)
        for index, item in enumerate(part.data if part is not None and isinstance(part.data, list) else []):
            name = item if isinstance(item, str) else None
            if isinstance(item, dict):
                name = item.get("id") or item.get("field") or item.get("type")
            if isinstance(name, str):
                yield _Item(path, index, name)


def _member(part: Part, path: tuple[str, ...]) -> Part | None:
    for name in path:
        if not isinstance(part.data, dict) or name not in part.data:
            return None
        part = part.at(name)
    return part


def _is_inherited(document: Document, path: tuple[str, ...]) -> bool:
    """Whether a list comes from the parent: the rule's own lists replace it."""
    return _member(Part.of(document), path) is None


def _replaced(rule: Part, item: _Item, change: Part) -> Part:
    """The rule with an item of one of its lists overridden, or left out."""
    head, *rest = item.path
    inner = rule.at(head)
    if rest:
        changed = _replaced(inner, replace(item, path=tuple(rest)), change)
    else:
        items = [inner.at(index) for index in range(len(inner.data))]
        if change.data.get("enabled") is False:
            del items[item.index]
        else:
            items[item.index] = override(items[item.index], change)
        changed = list_part(items, inner)
    return map_part({**members_of(rule), head: changed}, rule)


def _without(part: Part, *names: str) -> Part:
    return map_part({name: member for name, member in members_of(part).items() if name not in names}, part)


# --- tests ------------------------------------------------------------------------------------------------------------


def tests_file(rule_id: str, folder: str) -> str | None:
    """The file with further tests of a rule, beside it: `<id>.tests.yaml`."""
    paths = [os.path.join(folder, rule_id + suffix) for suffix in TESTS_SUFFIXES]
    return next((path for path in paths if os.path.isfile(path)), None)


def _with_tests(part: Part, document: Document, problems: list[Diagnostic]) -> Part:
    rule_id = part.data.get("id")
    path = tests_file(rule_id, os.path.dirname(document.path)) if isinstance(rule_id, str) else None
    if path is None:
        return part
    try:
        more = Part.of(file) if (file := read_file(path)).root is not None else None
    except ConfigError as error:
        problems += error.diagnostics
        return part
    if more is None or not isinstance(more.data, dict) or not isinstance(more.data.get("tests"), list):
        return part  # `lint` says so of that file
    tests = more.at("tests")
    own = _member(part, ("tests",))
    if own is not None and isinstance(own.data, list):
        items = [each.at(index) for each in (own, tests) for index in range(len(each.data))]
        tests = list_part(items, own)
    return map_part({**members_of(part), "tests": tests}, part)
