"""Tests declared in YAML: checked as strictly as everything else, so that a typo cannot make one pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepflow.compiler.site import Site
from stepflow.config.problems import did_you_mean, validate
from stepflow.options import Options
from stepflow.plan import DeclaredTest

NOUNS = {"constraints": "constraint", "let": "`let` value", "failed_checks": "verifier"}


def declared_tests(site: Site, model: type[Options], **names: frozenset[str]) -> tuple[DeclaredTest, ...]:
    """The tests under `tests:` at a site, each with its place. Problems are reported.

    `names` holds, for keys of `expect`, the names that may stand under them.
    """
    items = site.data.get("tests") or []
    tests: list[DeclaredTest] = []
    for index, item in enumerate(items if isinstance(items, list) else []):
        name = item.get("name") or f"test {index + 1}" if isinstance(item, Mapping) else f"test {index + 1}"
        place = site.at("tests", index, crumb=f"tests › {name}")
        spec, problems = validate(
            model,
            item,
            site.document,
            place.path,
            breadcrumb=place.breadcrumb,
            noun="a test",
            see="stepflow schema rule",
        )
        site.problems.extend(problems)
        if spec is not None:
            _check_names(place, spec, names)
            tests.append(DeclaredTest(str(name), place.where, spec))
    return tuple(tests)


def _check_names(place: Site, spec: Any, names: Mapping[str, frozenset[str]]) -> None:
    """Report what a test expects of names that the rule does not have."""
    for key, known in names.items():
        expected = getattr(spec.expect, key) or ()
        for number, name in enumerate(expected):
            if name in known:
                continue
            is_map = isinstance(expected, Mapping)
            place.at("expect", key).report(
                "unknown-name",
                f"the rule has no {NOUNS[key]} {name!r}",
                name if is_map else number,
                part="key" if is_map else "value",
                hints=did_you_mean(name, known) or (f"there are: {', '.join(sorted(known)) or 'none'}",),
            )
