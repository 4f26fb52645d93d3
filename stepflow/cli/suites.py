"""The tests of files: gathered in one process, which compiles the rules once, and run in as many as there are cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepflow.coverage import Coverage
    from stepflow.plan import DeclaredTest, Plan, Rule
    from stepflow.source import Diagnostic
    from stepflow.testing import TestResult

WORTH_IT = 60
"""So many tests take about as long as to start another process."""


@dataclass(frozen=True, slots=True)
class Suite:
    """What is tested together: the tests of a rule, which share what was read of their prompts, or of a pipeline."""

    subject: Rule | Plan
    tests: Sequence[DeclaredTest]


Outcome = tuple[Sequence["TestResult"], "Coverage | None"]


@dataclass(slots=True)
class Gathering:
    """The suites of some files, each test in one of them only, and why other files have none.

    `only` chooses the tests with this text in their file or name.
    """

    only: str | None = None
    suites: list[Suite] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def add(self, path: str) -> None:
        """Take up the tests of a file: of a rule, of a pipeline's turns, of all rules of a pack."""
        from stepflow.compiler.gathering import kind_of
        from stepflow.config.yaml_nodes import read_file

        document = read_file(path)
        kind = kind_of(document)
        if kind == "pipeline":
            self._take(_plan_of(path), path)
        elif kind == "pack":
            for rule in _rules_of_pack(path):
                self._take(rule, path)
        elif kind == "tests":
            from stepflow.compiler.declared_tests import tested_rule

            owner = tested_rule(path)
            if owner is not None:  # else `lint` reports it
                self._take(rule_of(owner), path)
        else:
            self._take(rule_of(path), path)

    def _take(self, subject: Rule | Plan, path: str) -> None:
        named = {f"{test.where} {test.name}": test for test in subject.tests}
        fresh = {
            key: test for key, test in named.items() if key not in self._taken and chosen(self.only, path, test.name)
        }
        self._taken |= set(fresh)
        if fresh or all(suite.subject.path != subject.path for suite in self.suites):
            self.suites.append(Suite(subject, tuple(fresh.values())))


def chosen(only: str | None, path: str, name: str) -> bool:
    """Whether a test is among those that are asked for."""
    return only is None or only.casefold() in f"{path} {name}".casefold()


def gather(files: Sequence[str], only: str | None = None) -> Gathering:
    """Compile what can be compiled; the problems of the others are kept."""
    from stepflow.compiler.gathering import one_look
    from stepflow.errors import ConfigError

    gathering = Gathering(only)
    with one_look():
        for file in files:
            try:
                gathering.add(file)
            except ConfigError as error:
                gathering.problems += error.diagnostics
    return gathering


def run(suites: Sequence[Suite], jobs: int | None = None) -> Iterator[Outcome]:
    """The outcomes in the order of the suites, from so many processes: by default one for each core, if worth it."""
    if jobs is None:
        jobs = _cores() if sum(len(suite.tests) for suite in suites) >= 2 * WORTH_IT else 1
    jobs = min(jobs, len(suites))
    if jobs < 2 or not _may_fork():
        yield from map(_run, suites)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Plans cannot be sent to a process, but inherited. The longest begin, so that none is waited for at the end.
    longest_first = sorted(range(len(suites)), key=lambda number: -len(suites[number].tests))
    with ProcessPoolExecutor(jobs, get_context("fork"), _inherit, (suites,)) as pool:
        outcomes = dict(zip(longest_first, pool.map(_run_inherited, longest_first), strict=True))
    yield from (outcomes[number] for number in range(len(suites)))


def rule_of(path: str) -> Rule:
    """The rule in a file. Raises `ConfigError`."""
    from stepflow.catalog import registry
    from stepflow.compiler.pipelines import compile_rule_file
    from stepflow.version import VERSION

    return compile_rule_file(path, registry(), VERSION)[0]


# --- parts ------------------------------------------------------------------------------------------------------------

_INHERITED: list[Suite] = []


def _inherit(suites: Sequence[Suite]) -> None:
    """Begin a process that runs tests. Ctrl-C is for the one above, which ends all."""
    import signal

    _INHERITED[:] = suites
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_inherited(number: int) -> Outcome:
    from stepflow import kept

    outcome = _run(_INHERITED[number])
    kept.save()  # such a process has no end at which that would be done
    return outcome


def _run(suite: Suite) -> Outcome:
    from stepflow.coverage import measure
    from stepflow.plan import Rule
    from stepflow.testing import Evidence, TestResult, run_rule_test, run_turns

    subject, evidence = suite.subject, Evidence()
    results = []
    for test in suite.tests:
        if isinstance(subject, Rule):
            failures = run_rule_test(subject, test.spec, evidence)
        else:
            failures = run_turns(subject, test.spec.turns)
        results.append(TestResult(test.name, test.where, failures, test.spec.todo))
    return results, measure(subject, evidence) if isinstance(subject, Rule) else None


def _plan_of(path: str) -> Plan:
    from stepflow.catalog import registry
    from stepflow.compiler.pipelines import compile_pipeline
    from stepflow.version import VERSION

    return compile_pipeline(path, registry(), VERSION).plan


def _rules_of_pack(path: str) -> Sequence[Rule]:
    from stepflow.catalog import registry
    from stepflow.compiler.pipelines import check_pack
    from stepflow.errors import ConfigError
    from stepflow.version import VERSION

    rules, problems = check_pack(path, registry(), VERSION, thorough=False)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise ConfigError(errors)
    return rules


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _may_fork() -> bool:
    """Whether a process can be split safely: not on every system, and not while other threads run."""
    return hasattr(os, "fork") and threading.active_count() == 1
