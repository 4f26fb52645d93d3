"""Every check of a shipped rule is needed: with any one switched off, the rule's own tests show something wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from stepflow.catalog import registry
from stepflow.compiler.pipelines import check_rule_file
from stepflow.config.schema import TestSpec
from stepflow.plan import Rule
from stepflow.testing import Evidence, run_rule_test
from stepflow.version import VERSION

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(ROOT.glob("rules/**/*.yaml"))
AUTHORED = sorted(ROOT.glob("tests/authoring/*.yaml"))
NAMES = ("failed_checks:", "failed_steps:")


@cache
def compiled(path: Path) -> Rule:
    rule, problems = check_rule_file(str(path), registry(), VERSION)
    assert rule is not None, problems
    return rule


def mutants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """The rule without one of its verifiers, refusals or guards, each time another. What only warns refuses nothing."""
    for check in rule.checks:
        if check.on_fail != "warn":
            yield check.id, replace(rule, checks=tuple(each for each in rule.checks if each is not check))
    for reason in rule.unless:
        yield reason.name, replace(rule, unless=tuple(each for each in rule.unless if each is not reason))
    for reason in rule.reuse.skip_when:
        others = tuple(each for each in rule.reuse.skip_when if each is not reason)
        yield reason.name, replace(rule, reuse=replace(rule.reuse, skip_when=others))
    if rule.reuse.guard != "none":
        yield rule.reuse.guard, replace(rule, reuse=replace(rule.reuse, guard="none"))


def fails(mutant: Rule, test: TestSpec) -> bool:
    """Whether anything comes out otherwise."""
    return bool(run_rule_test(mutant, test))


def errs(mutant: Rule, test: TestSpec) -> bool:
    """Whether something wrong comes out: an answer that nothing else refuses, or a run that goes another way."""
    evidence = Evidence()
    failures = run_rule_test(mutant, test, evidence)
    if test.output is not None:
        return bool(failures) and all(passed for _, passed in evidence.verdicts)
    return any(not failure.startswith(NAMES) for failure in failures)


@pytest.mark.parametrize(
    ("path", "shows"),
    [*((path, errs) for path in SHIPPED), *((path, fails) for path in AUTHORED)],
    ids=[path.stem for path in [*SHIPPED, *AUTHORED]],
)
def test_without_any_one_of_its_checks_a_rule_errs(path: Path, shows: Callable[[Rule, TestSpec], bool]) -> None:
    rule = compiled(path)
    assert not any(shows(rule, test.spec) for test in rule.tests)
    survivors = []
    for name, mutant in mutants(rule):
        likely_first = sorted(rule.tests, key=lambda test: name not in repr(test.spec.expect))
        if not any(shows(mutant, test.spec) for test in likely_first):
            survivors.append(name)
    assert not survivors, "no test of the rule shows what these are for: " + ", ".join(survivors)
