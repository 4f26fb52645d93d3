"""Tests declared in YAML: checked as strictly as everything else, so that a typo cannot make one pass."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from stepflow.compiler.site import Site
from stepflow.config.document import Document
from stepflow.config.problems import did_you_mean, validate
from stepflow.config.references import TESTS_SUFFIXES, rules_called
from stepflow.config.schema import TestsSpec
from stepflow.options import Options
from stepflow.plan import DeclaredTest
from stepflow.source import Diagnostic

NOUNS = {"constraints": "constraint", "let": "`let` value", "failed_checks": "verifier"}


def declared_tests(
    site: Site, model: type[Options], off: frozenset[str] = frozenset(), **names: frozenset[str]
) -> tuple[DeclaredTest, ...]:
    """The tests under `tests:` at a site, each with its place. Problems are reported.

    `names` holds, for keys of `expect`, the names that may stand under them; `off` those of verifiers switched off.
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
            _check_names(place, spec, names, off)
            tests.append(DeclaredTest(str(name), place.where, spec))
    return tuple(tests)


def _check_names(place: Site, spec: Any, names: Mapping[str, frozenset[str]], off: frozenset[str]) -> None:
    """Report what a test expects of names that the rule does not have."""
    for key, known in names.items():
        expected = getattr(spec.expect, key) or ()
        for number, name in enumerate(expected):
            if name in known:
                continue
            is_map = isinstance(expected, Mapping)
            there = f"there are: {', '.join(sorted(known)) or 'none'}"
            message, hints = f"the rule has no {NOUNS[key]} {name!r}", did_you_mean(name, known) or (there,)
            if key == "failed_checks" and name in off:
                message = f"the verifier {name!r} is switched off (`enabled: false`), so it never fails"
                hints = ("switch it on, or expect nothing of it",)
            part: Literal["key", "value"] = "key" if is_map else "value"
            place.at("expect", key).report("unknown-name", message, name if is_map else number, part=part, hints=hints)


def loose_tests(document: Document) -> list[Diagnostic]:
    """The problems of a file of tests but for those of the tests themselves, which are told where its rule is read."""
    _, problems = validate(
        TestsSpec, document.data, document, (), breadcrumb="tests", noun="a file of tests", see="stepflow schema tests"
    )
    if tested_rule(document.path) is None:
        message = "no rule beside this file has these tests, so they never run"
        hint = "call the file <id>.tests.yaml, after the id of a rule in the same folder"
        problems.append(document.diagnostic("orphan-tests", message, ("kind",), severity="warning", hints=(hint,)))
    return problems


def tested_rule(path: str) -> str | None:
    """The file of the rule that a file of tests belongs to: the one beside it with the id in the file's name."""
    folder, name = os.path.split(path)
    suffix = next((suffix for suffix in TESTS_SUFFIXES if name.endswith(suffix)), None)
    found = rules_called(name.removesuffix(suffix), folder or ".", path) if suffix is not None else []
    beside = [file for file in found if os.path.abspath(os.path.dirname(file)) == os.path.abspath(folder)]
    return beside[0] if beside else None
