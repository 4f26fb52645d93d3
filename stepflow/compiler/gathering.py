"""The rules that a pipeline or a pack names: files, packs of files, and rules written in place."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stepflow.compiler.checks import check_grammar, lint_grammars, lint_patterns, lint_rule, lint_unreachable
from stepflow.compiler.notations.grammars import LarkGrammar
from stepflow.compiler.rules import RuleCompiler
from stepflow.compiler.site import Site
from stepflow.config.composition import compose
from stepflow.config.merging import Part
from stepflow.config.problems import validate
from stepflow.config.references import expand, is_rule_file, names_plainly
from stepflow.config.schema import PackSpec
from stepflow.config.shared import Shelf
from stepflow.config.suggest import nearest
from stepflow.config.yaml_nodes import Document, read_file
from stepflow.errors import ConfigError, UsageError
from stepflow.plan import Rule
from stepflow.registry import Registry
from stepflow.source import Diagnostic

NEWEST = 1
KINDS = ("rule", "pipeline", "pack", "tests")


@dataclass(frozen=True, slots=True)
class Workplace:
    """What rules are compiled with: the plugs, the version of stepflow, and whether the dear lints run too."""

    registry: Registry
    version: str
    thorough: bool


def kind_of(document: Document) -> str:
    """What a file is: one of `KINDS`, or '' when it neither says so nor holds keys that only one of them has."""
    data = document.data
    if not isinstance(data, Mapping):
        return ""
    if "kind" in data:
        return nearest(str(data["kind"]), KINDS) or ""
    return "pipeline" if "backend" in data or "rules" in data else "rule" if "match" in data else ""


def readable(site: Site, kind: str) -> bool:
    """Whether the site holds a map of this kind and of a version that we know; else reported."""
    data = site.data
    if not isinstance(data, Mapping):
        said = "this file holds nothing" if data is None else f"a {kind} is a map of keys and values"
        site.report("wrong-type", said, hints=(f"it begins with `stepflow: 1` and `kind: {kind}`",))
        return False
    version = data.get("stepflow")
    if isinstance(version, int) and version > NEWEST:
        hint = "upgrade stepflow: pip install --upgrade stepflow"
        site.report(
            "newer-version", f"this file is written for version {version} of the language", "stepflow", hints=(hint,)
        )
        return False
    other = data.get("kind")
    if isinstance(other, str) and other != kind and other in KINDS:
        noun = "a file of tests" if other == "tests" else f"a {other}"
        site.report("wrong-kind", f"this is {noun}, but a {kind} is wanted here", "kind")
        return False
    return _is_what_it_says(site, kind)


OWN_KEYS = {"rule": frozenset({"match", "verify"}), "pipeline": frozenset({"backend", "rules"})}
"""Keys that a file of the kind has, and one of the other kind has not."""


def _is_what_it_says(site: Site, kind: str) -> bool:
    """Whether a file has keys of its own kind, or none of the other; else one problem is told, and not one a key."""
    if kind not in OWN_KEYS or "kind" not in site.data or OWN_KEYS[kind] & set(site.data):
        return True
    for other, keys in OWN_KEYS.items():
        found = sorted(keys & set(site.data))
        if found:
            message = f"this says that it is a {kind}, but has the keys of a {other}: {', '.join(found)}"
            site.report("wrong-kind", message, "kind", hints=(f"write `kind: {other}`",))
            return False
    return True


Found = tuple[Rule, Site] | None
_LOOK: ContextVar[dict[tuple[str, bool], tuple[Found, list[Diagnostic]]] | None] = ContextVar("_LOOK", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    """Within it each rule file is compiled once, however many pipelines name it: the files are taken not to change."""
    token = look_once()
    try:
        yield
    finally:
        _LOOK.reset(token)


def look_once() -> Token[Any]:
    """The same from now on, for a process that does nothing else."""
    return _LOOK.set({})


def compile_rule(site: Site, workplace: Workplace) -> Found:
    """The rule at a site, and the site of it with all that it inherits; None when there is an error (reported)."""
    seen = _LOOK.get()
    if seen is None or site.path:
        return _compile_rule(site, workplace)
    key = (os.path.abspath(site.document.path), workplace.thorough)
    if key not in seen:
        told = len(site.problems)
        seen[key] = _compile_rule(site, workplace), site.problems[told:]
        return seen[key][0]
    found, problems = seen[key]
    site.problems.extend(problems)
    return found


def _compile_rule(site: Site, workplace: Workplace) -> Found:
    if not readable(site, "rule"):
        return None
    composed = compose(site.document.part(site.path))
    site.problems.extend(composed.problems)
    if composed.document is None or composed.problems:
        return None
    name = composed.document.data.get("id")
    named = replace(
        site,
        document=composed.document,
        path=(),
        breadcrumb=f"rule {name}" if isinstance(name, str) else "rule",
        see="stepflow schema rule",
    )
    compiler = RuleCompiler(named, workplace.registry, workplace.version)
    rule = compiler.compile()
    if rule is None:
        return None
    lint_rule(rule, named)
    if workplace.thorough:
        lint_grammars(named)
        lint_patterns(compiler.workshop.patterns)
    return rule, named


@dataclass(slots=True)
class Gathering:
    """Rules gathered from files and packs, each file once, with the sites that they come from."""

    workplace: Workplace
    rules: list[Rule] = field(default_factory=list)
    places: list[Site] = field(default_factory=list)
    files: set[str] = field(default_factory=set)

    def add_files(self, paths: list[str], entry: str, site: Site, *, packs: bool) -> None:
        """Add the rules of these files, which the text `entry` at the site names; packs only where they may stand."""
        if not paths:
            hint = "a path is relative to the file that names it"
            site.report("nothing-found", f"no file matches {entry!r}", hints=(hint,))
        for path in paths:
            document = self._read(path, site)
            if document is None:
                continue
            if packs and kind_of(document) == "pack":
                self.add_pack(Site(document, problems=site.problems))
            else:
                self.add(Site(document, problems=site.problems))

    def add(self, site: Site) -> None:
        """Add the rule at a site."""
        compiled = compile_rule(site, self.workplace)
        if compiled is None:
            return
        rule, site = compiled
        for other, place in zip(self.rules, self.places, strict=True):
            if other.id == rule.id:
                hint = "each rule of a pipeline has an id of its own"
                site.report("duplicate-id", f"there is another rule {rule.id!r}, at {place.where}", "id", hints=(hint,))
        self.rules.append(rule)
        self.places.append(site)

    def add_pack(self, site: Site) -> None:
        """Add the rules of a pack."""
        if not readable(site, "pack"):
            return
        site = replace(site, breadcrumb=f"pack {site.data.get('id', '')}".strip(), see="stepflow schema pack")
        spec, problems = validate(
            PackSpec,
            site.data,
            site.document,
            site.path,
            breadcrumb=site.breadcrumb,
            noun="a pack",
            see=site.see,
            ignore=frozenset(key for key in site.data if key.startswith("x-")),
        )
        site.problems.extend(problems)
        if spec is not None and self.workplace.thorough:
            _check_shared(site)
        for index, entry in enumerate(spec.rules if isinstance(spec, PackSpec) else []):
            place = site.at("rules", index)
            if names_plainly(site.document.source.text, entry):
                folder = Path(site.document.path).parent
                self.add_files(
                    [path for path in expand(folder, entry) if is_rule_file(path)], entry, place, packs=False
                )
            else:
                hint = "a file's name has no blanks, brackets or variables, and ends with .yaml"
                place.report("bad-value", f"{entry!r} cannot be read as a file's name", hints=(hint,))

    def in_order(self) -> tuple[tuple[Rule, Site], ...]:
        """The rules in the order in which they are asked, with their sites; those never reached are reported there."""
        found = sorted(zip(self.rules, self.places, strict=True), key=lambda pair: -pair[0].priority)
        if self.workplace.thorough:
            lint_unreachable(found)
        return tuple(found)

    def _read(self, path: str, site: Site) -> Document | None:
        where = os.path.abspath(path)
        if where in self.files:
            return None
        self.files.add(where)
        try:
            return read_file(path)
        except ConfigError as error:
            site.problems.extend(error.diagnostics)
        except UsageError as error:
            site.report("nothing-found", str(error))
        return None


def _check_shared(site: Site) -> None:
    """Report what is wrong with the tables and grammars of a pack, whether a rule uses them or not."""
    document = Shelf(site.document, site.problems).filled(Part.of(site.document)).document()
    whole = replace(site, document=document)
    grammars = document.data.get("grammars", {})
    for name, text in grammars.items():
        if isinstance(text, str):
            check_grammar(name, LarkGrammar(name, text), whole)
    lint_grammars(whole)
