"""A pipeline file to a frozen Plan, with the rules that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stepflow.compiler.checks import lint_rule
from stepflow.compiler.declared_tests import declared_tests
from stepflow.compiler.resolve import build, resolve
from stepflow.compiler.rules import RuleCompiler
from stepflow.compiler.site import Site
from stepflow.compiler.workshop import Workshop
from stepflow.config.problems import did_you_mean, validate
from stepflow.config.schema import PipelineSpec, PipelineTestSpec
from stepflow.config.sources import PipelineFile
from stepflow.config.units import duration
from stepflow.config.yaml_nodes import Document, read_file
from stepflow.errors import ConfigError, UsageError
from stepflow.plan import Limits, Plan, Retrieve, Rule
from stepflow.protocols import Backend
from stepflow.registry import Registry
from stepflow.source import Diagnostic

NEWEST = 1
RULE_ELSEWHERE = {"match": "a rule file", "constraints": "a rule file", "verify": "a rule file", "tests": "top level"}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A pipeline ready to be opened: its plan, its backend (nothing opened yet), its specification, warnings."""

    plan: Plan
    backend: Backend
    spec: PipelineSpec
    problems: tuple[Diagnostic, ...] = ()


def compile_pipeline(
    path: str, registry: Registry, version: str, overrides: Mapping[str, Any] | None = None
) -> Compiled:
    """The pipeline at a path. Raises `ConfigError` with every error of every file, `UsageError` when there is none."""
    compiled, problems = check_pipeline(path, registry, version, overrides)
    if compiled is None:
        raise ConfigError([problem for problem in problems if problem.severity == "error"])
    return compiled


def check_pipeline(
    path: str, registry: Registry, version: str, overrides: Mapping[str, Any] | None = None
) -> tuple[Compiled | None, list[Diagnostic]]:
    """The pipeline, or None, and every problem found in it and in its rules."""
    file = PipelineFile(path, overrides)
    site = Site(file.document)
    for place, name in file.unresolved:
        site.report(
            "unset-variable",
            f"the environment variable {name!r} is not set",
            *place,
            hints=(f"set it, or give a default: ${{{name}:-…}}",),
        )
    spec = _specification(site)
    rules = _rules(file, site, registry, version)
    if spec is None or site.has_errors:
        return None, _sorted(site.problems)
    backend = _backend(site, registry)
    _check_settings(site, spec, registry)
    tests = declared_tests(site, PipelineTestSpec)
    if backend is None or site.has_errors:
        return None, _sorted(site.problems)
    problems = _sorted(site.problems)
    plan = replace(_plan(path, spec, rules, backend, file.fingerprint(version)), tests=tests)
    return Compiled(plan, backend, spec, tuple(problems)), problems


def check_rule_file(path: str, registry: Registry, version: str) -> tuple[Rule | None, list[Diagnostic]]:
    """One rule file on its own: the rule, or None, and every problem found in it."""
    try:
        document = read_file(path)
    except ConfigError as error:
        return None, list(error.diagnostics)
    site = Site(document)
    rule = _compile_rule(site, registry, version)
    return rule, _sorted(site.problems)


def check_file(path: str, registry: Registry, version: str) -> list[Diagnostic]:
    """Every problem of one file of either kind (and, for a pipeline, of the rules that it names)."""
    try:
        kind = kind_of(read_file(path))
    except ConfigError as error:
        return list(error.diagnostics)
    if kind == "pipeline":
        try:
            return check_pipeline(path, registry, version)[1]
        except ConfigError as error:
            return list(error.diagnostics)
    return check_rule_file(path, registry, version)[1]


def kind_of(document: Document) -> str:
    """What a file says it is: 'rule', 'pipeline', or '' when it does not say."""
    data = document.data
    return str(data.get("kind", "")) if isinstance(data, Mapping) else ""


def _specification(site: Site) -> PipelineSpec | None:
    if not _readable(site, "pipeline"):
        return None
    data = site.data
    spec, problems = validate(
        PipelineSpec,
        data,
        site.document,
        site.path,
        breadcrumb=f"pipeline {data.get('id', '')}".strip(),
        noun="a pipeline",
        see="stepflow schema pipeline",
        elsewhere=RULE_ELSEWHERE,
        ignore=frozenset(key for key in data if key.startswith("x-")),
    )
    site.problems.extend(problems)
    assert spec is None or isinstance(spec, PipelineSpec)
    return spec


def _readable(site: Site, kind: str) -> bool:
    """Whether the site holds a map of this kind and of a version that we know; else reported."""
    data = site.data
    if not isinstance(data, Mapping):
        site.report("wrong-type", f"a {kind} file is a map that begins with `stepflow: 1` and `kind: {kind}`")
        return False
    version = data.get("stepflow")
    if isinstance(version, int) and version > NEWEST:
        hint = "upgrade stepflow: pip install --upgrade stepflow"
        site.report(
            "newer-version", f"this file is written for version {version} of the language", "stepflow", hints=(hint,)
        )
        return False
    other = data.get("kind")
    if isinstance(other, str) and other != kind and other in {"rule", "pipeline"}:
        site.report("wrong-kind", f"this is a {other}, but a {kind} is wanted here", "kind")
        return False
    return True


# --- rules ----------------------------------------------------------------------------------------------------------


def _rules(file: PipelineFile, site: Site, registry: Registry, version: str) -> tuple[Rule, ...]:
    entries = site.data.get("rules") if isinstance(site.data, Mapping) else None
    rules: list[Rule] = []
    places: list[Site] = []
    for index, entry, paths in file.rule_files():
        if not paths:
            hint = "paths are relative to the pipeline's file"
            site.report("nothing-found", f"no file matches {entry!r}", "rules", index, hints=(hint,))
        for path in paths:
            _add(_rule_site(path, site), registry, version, rules, places)
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, Mapping):
            _add(site.at("rules", index, crumb=f"rule {entry.get('id', index + 1)}"), registry, version, rules, places)
        elif not isinstance(entry, str):
            site.report("wrong-type", "an item of `rules:` is a file, a pattern of files, or a rule", "rules", index)
    return tuple(sorted(rules, key=lambda rule: -rule.priority))


def _rule_site(path: str, pipeline: Site) -> Site | None:
    try:
        document = read_file(path)
    except ConfigError as error:
        pipeline.problems.extend(error.diagnostics)
        return None
    except UsageError as error:
        pipeline.report("nothing-found", str(error), "rules")
        return None
    return Site(document, (), "", pipeline.problems)


def _add(site: Site | None, registry: Registry, version: str, rules: list[Rule], places: list[Site]) -> None:
    if site is None:
        return
    rule = _compile_rule(site, registry, version)
    if rule is None:
        return
    for other, place in zip(rules, places, strict=True):
        if other.id == rule.id:
            site.report("duplicate-id", f"there is another rule {rule.id!r}, at {place.where}", "id")
    rules.append(rule)
    places.append(site)


def _compile_rule(site: Site, registry: Registry, version: str) -> Rule | None:
    if not _readable(site, "rule"):
        return None
    name = site.data.get("id")
    named = Site(site.document, site.path, f"rule {name}" if isinstance(name, str) else "rule", site.problems)
    rule = RuleCompiler(named, registry, version).compile()
    if rule is not None:
        lint_rule(rule, named)
    return rule


# --- settings -------------------------------------------------------------------------------------------------------


def _backend(site: Site, registry: Registry) -> Backend | None:
    place = site.at("backend")
    settings = place.data
    if not isinstance(settings, Mapping):
        settings = {"type": settings}
    settings = dict(settings)
    if "type" not in settings and isinstance(settings.get("model"), str):
        settings["type"] = "local" if settings["model"].startswith("local/") else "litellm"
    if isinstance(settings.get("timeout"), str):
        try:
            settings["timeout"] = duration(settings["timeout"])
        except ValueError as error:
            place.report("bad-value", str(error), "timeout")
            return None
    workshop = Workshop(registry.functions, {}, {})
    component = resolve(registry, "backend", _with(place, settings), workshop, known=frozenset())
    return None if component is None else build(component, workshop)


def _with(site: Site, value: Any) -> Site:
    """The same place with another value there: what was filled in is checked like what was written."""
    data = dict(site.document.data)
    data[str(site.path[-1])] = value
    return replace(site, document=replace(site.document, data=data))


def _check_settings(site: Site, spec: PipelineSpec, registry: Registry) -> None:
    for kind, key, name, path in (
        ("embedder", "embedder", spec.retrieve.embedder, ("retrieve", "embedder")),
        ("store", "type", spec.store.type, ("store", "type")),
    ):
        names = registry.names(kind)  # type: ignore[arg-type]
        if name not in names:
            hints = (*did_you_mean(name, names), f"there are: {', '.join(names)}")
            site.report("unknown-type", f"{name!r} is not a {kind}", *path, hints=hints, see=f"stepflow list {key}")


def _plan(path: str, spec: PipelineSpec, rules: tuple[Rule, ...], backend: Backend, sources: str) -> Plan:
    return Plan(
        id=spec.id,
        path=path,
        rules=rules,
        identity=backend.identity,
        sources=sources,
        stages=frozenset(spec.stages),
        limits=Limits(spec.limits.model_calls, spec.limits.wall_time, spec.limits.prompt_chars),
        retrieve=Retrieve(spec.retrieve.top_k, spec.retrieve.min_similarity, spec.retrieve.skeleton),
        no_match=spec.route.no_match,
        on_unverified=spec.on_unverified,
        trace_dir=spec.trace.dir if spec.trace.keep else None,
        trace_keep=spec.trace.keep,
    )


def _sorted(problems: list[Diagnostic]) -> list[Diagnostic]:
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.sort_key)
