"""A pipeline file to a frozen Plan, with the rules that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stepflow.compiler.declared_tests import declared_tests, loose_tests
from stepflow.compiler.gathering import Gathering, Workplace, compile_rule, kind_of, readable
from stepflow.compiler.resolve import build, resolve
from stepflow.compiler.site import Site
from stepflow.compiler.workshop import Workshop
from stepflow.config.problems import did_you_mean, validate
from stepflow.config.schema import PipelineSpec, PipelineTestSpec, StoreSpec
from stepflow.config.sources import PipelineFile
from stepflow.config.units import duration
from stepflow.config.yaml_nodes import Document, read_file
from stepflow.errors import ConfigError, UsageError
from stepflow.plan import Limits, Plan, Retrieve, Rule
from stepflow.protocols import Backend
from stepflow.registry import Kind, Registry
from stepflow.source import Diagnostic

RULE_ELSEWHERE = dict.fromkeys(
    ("match", "unless", "constraints", "let", "grammars", "tables", "segment", "parse", "answer", "verify", "reuse"),
    "in a rule: in a file of its own, or under 'rules'",
)
MAX_READINGS = 3
_OF_EVERY_STORE = ("type", "single_flight", "tags")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A pipeline ready to be opened: its plan, its backend (nothing opened yet), its specification, warnings.

    `documents` are the files of its rules, each with all that it inherits, in the order of the plan's rules.
    """

    plan: Plan
    backend: Backend
    spec: PipelineSpec
    problems: tuple[Diagnostic, ...] = ()
    documents: tuple[Document, ...] = ()


def compile_pipeline(
    path: str, registry: Registry, version: str, overrides: Mapping[str, Any] | None = None
) -> Compiled:
    """The pipeline at a path. Raises `ConfigError` with every error of every file, `UsageError` when there is none."""
    for _ in range(MAX_READINGS):
        compiled, problems = check_pipeline(path, registry, version, overrides)
        if compiled is None:
            raise ConfigError([problem for problem in problems if problem.severity == "error"])
        # Else answers that were verified under one state of the files would be found under another.
        if PipelineFile(path, overrides).fingerprint(version) == compiled.plan.sources:
            return compiled
    raise UsageError(f"{path}: its files, or those that they name, change while they are read; try again")


def check_pipeline(
    path: str,
    registry: Registry,
    version: str,
    overrides: Mapping[str, Any] | None = None,
    *,
    thorough: bool = False,
) -> tuple[Compiled | None, list[Diagnostic]]:
    """The pipeline, or None, and every problem found in it and in its rules; `thorough` runs the dear lints too."""
    file = PipelineFile(path, overrides)
    name = file.data.get("id") if isinstance(file.data, Mapping) else None
    site = Site(file.document, (), f"pipeline {name}" if isinstance(name, str) else "pipeline")
    if not readable(site, "pipeline"):
        return None, site.problems
    for place, variable in file.unresolved:
        site.report(
            "unset-variable",
            f"the environment variable {variable!r} is not set",
            *place,
            hints=(f"set it, or give a default: ${{{variable}:-…}}",),
        )
    spec = _specification(site)
    sources = file.fingerprint(version)
    gathered = _rules(file, site, Workplace(registry, version, thorough))
    rules = tuple(rule for rule, _ in gathered)
    backend = _backend(site, registry)
    _check_settings(site, registry)
    tests = declared_tests(site, PipelineTestSpec)
    if not rules and not site.has_errors:
        _report_no_rules(site)
    problems = _sorted(site.problems)
    if spec is None or backend is None or site.has_errors:
        return None, problems
    plan = replace(_plan(path, spec, rules, backend, sources), tests=tests)
    documents = tuple(place.document for _, place in gathered)
    return Compiled(plan, backend, spec, tuple(problems), documents), problems


def check_rule_file(
    path: str, registry: Registry, version: str, *, thorough: bool = False
) -> tuple[Rule | None, list[Diagnostic]]:
    """One rule file on its own: the rule, or None, and every problem found in it."""
    try:
        site = Site(read_file(path))
    except ConfigError as error:
        return None, list(error.diagnostics)
    compiled = compile_rule(site, Workplace(registry, version, thorough))
    return None if compiled is None else compiled[0], _sorted(site.problems)


def compile_rule_file(path: str, registry: Registry, version: str) -> tuple[Rule, Document]:
    """One rule file on its own: the rule, and the file with all that it inherits. Raises `ConfigError`."""
    site = Site(read_file(path))
    compiled = compile_rule(site, Workplace(registry, version, thorough=False))
    if compiled is None:
        raise ConfigError([problem for problem in _sorted(site.problems) if problem.severity == "error"])
    return compiled[0], compiled[1].document


def check_pack(
    path: str, registry: Registry, version: str, *, thorough: bool = True
) -> tuple[tuple[Rule, ...], list[Diagnostic]]:
    """The rules of a pack, and every problem of it and of them."""
    site = Site(read_file(path))
    gathering = Gathering(Workplace(registry, version, thorough))
    gathering.add_pack(site)
    rules = tuple(rule for rule, _ in gathering.in_order())
    return rules, _sorted(site.problems)


def check_file(path: str, registry: Registry, version: str) -> list[Diagnostic]:
    """Every problem of one file of any kind (for a pipeline or pack, of its rules too), with the dear lints."""
    try:
        document = read_file(path)
        kind = kind_of(document)
        if kind == "pipeline":
            return check_pipeline(path, registry, version, thorough=True)[1]
        if kind == "pack":
            return check_pack(path, registry, version)[1]
        if kind == "tests":
            return loose_tests(document)
    except ConfigError as error:
        return list(error.diagnostics)
    return check_rule_file(path, registry, version, thorough=True)[1]


def _report_no_rules(site: Site) -> None:
    site.report(
        "no-rules",
        "this pipeline has no rules, so every prompt goes to the model as it is",
        "rules",
        part="key",
        severity="warning",
        hints=("name rule files: rules: ['rules/*.yaml']",),
    )


def _specification(site: Site) -> PipelineSpec | None:
    data = site.data
    spec, problems = validate(
        PipelineSpec,
        data,
        site.document,
        site.path,
        breadcrumb=site.breadcrumb,
        noun="a pipeline",
        see="stepflow schema pipeline",
        elsewhere=RULE_ELSEWHERE,
        ignore=frozenset(key for key in data if key.startswith("x-")),
    )
    site.problems.extend(problems)
    assert spec is None or isinstance(spec, PipelineSpec)
    return spec


def _rules(file: PipelineFile, site: Site, workplace: Workplace) -> tuple[tuple[Rule, Site], ...]:
    entries = site.data.get("rules") if isinstance(site.data, Mapping) else None
    gathering = Gathering(workplace)
    for index, entry, paths in file.rule_files():
        gathering.add_files(paths, entry, site.at("rules", index, crumb="rules"), packs=True)
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, Mapping):
            gathering.add(site.at("rules", index))
        elif not isinstance(entry, str):
            site.report("wrong-type", "an item of `rules:` is a file, a pattern of files, or a rule", "rules", index)
    return gathering.in_order()


# --- settings -------------------------------------------------------------------------------------------------------


def _backend(site: Site, registry: Registry) -> Backend | None:
    if "backend" not in site.data:
        return None  # reported as a missing key
    place = site.at("backend")
    settings = place.data
    settings = dict(settings) if isinstance(settings, Mapping) else {"type": settings}
    if "type" not in settings and isinstance(settings.get("model"), str):
        settings["type"] = "local" if settings["model"].startswith("local/") else "litellm"
    sound = True
    if isinstance(settings.get("timeout"), str):
        try:
            settings["timeout"] = duration(settings["timeout"])
        except ValueError as error:
            place.report("bad-value", str(error), "timeout")
            sound = False
            del settings["timeout"]
    workshop = Workshop(registry.functions, {}, {})
    component = resolve(registry, "backend", _with(place, settings), workshop, known={})
    return build(component, workshop) if component is not None and sound else None


def _with(site: Site, value: Any) -> Site:
    """The same place with another value there: what was filled in is checked like what was written."""
    data = dict(site.document.data)
    data[str(site.path[-1])] = value
    return replace(site, document=replace(site.document, data=data))


def _check_settings(site: Site, registry: Registry) -> None:
    settings: tuple[tuple[Kind, str, str], ...] = (("embedder", "retrieve", "embedder"), ("store", "store", "type"))
    for kind, section, key in settings:
        names = registry.names(kind)
        part = site.data.get(section)
        name = part.get(key) if isinstance(part, Mapping) else None
        if isinstance(name, str) and name not in names:
            hints = (*did_you_mean(name, names), f"there are: {', '.join(names)}")
            see = f"stepflow list {kind}"
            site.at(section).report("unknown-type", f"{name!r} is not a type of {kind}", key, hints=hints, see=see)
    _check_store(site, registry)


def _check_store(site: Site, registry: Registry) -> None:
    """Report what a store of this type needs and does not get, or is given and does not know."""
    given = site.data.get("store", {})
    if not isinstance(given, Mapping):
        return
    name = given.get("type", StoreSpec.model_fields["type"].default)
    if not isinstance(name, str) or name not in registry.names("store"):
        return
    known = registry.get("store", name).Options.model_fields
    place, see = site.at("store", crumb="store"), f"stepflow describe store/{name}"
    for key in given:
        if key in StoreSpec.model_fields and key not in known and key not in _OF_EVERY_STORE:
            said = f"{key!r} is not a parameter of store {name!r}: it changes nothing"
            place.report("unknown-key", said, key, part="key", severity="warning", see=see)
    for key, field in known.items():
        default = StoreSpec.model_fields[key].default
        if field.is_required() and given.get(key, default) is None:
            place.report("missing-key", f"store {name!r} needs {key!r}", see=see)


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
        tags=tuple(dict.fromkeys(spec.store.tags)),
        trace_dir=spec.trace.dir if spec.trace.keep else None,
        trace_keep=spec.trace.keep,
    )


def _sorted(problems: list[Diagnostic]) -> list[Diagnostic]:
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.sort_key)
