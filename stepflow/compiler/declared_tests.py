"""Tests declared in YAML: checked as strictly as everything else, so that a typo cannot make one pass."""

from __future__ import annotations

from collections.abc import Mapping

from stepflow.compiler.site import Site
from stepflow.config.problems import validate
from stepflow.options import Options
from stepflow.plan import DeclaredTest


def declared_tests(site: Site, model: type[Options]) -> tuple[DeclaredTest, ...]:
    """The tests under `tests:` at a site, each with its place. Problems are reported."""
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
            tests.append(DeclaredTest(str(name), place.where, spec))
    return tuple(tests)
