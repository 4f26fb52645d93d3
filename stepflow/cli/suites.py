"""The tests of files, run in as many processes as there are cores, each of which compiles what it runs."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepflow.coverage import Coverage
    from stepflow.plan import DeclaredTest, Plan, Rule
    from stepflow.source import Diagnostic
    from stepflow.testing import TestResult
    from stepflow.variants import Variation

WORTH_IT = 30_000
"""Bytes of YAML, the tests of which take about as long as to start another process."""

_NAMES_RULES = re.compile(rb"^(?:rules|backend)\s*:|^kind\s*:\s*pipeline", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tested:
    """What the tests of files gave, and why other files have none. Coverage is that of each rule, with tests or not.

    `variations` say of each rule which changed prompts go unnoticed, where that is asked for.
    """

    results: Sequence[TestResult] = ()
    coverages: Sequence[Coverage] = ()
    variations: Sequence[Variation] = ()
    problems: Sequence[Diagnostic] = ()


def run(files: Sequence[str], only: str | None = None, jobs: int | None = None, *, varied: bool = False) -> Tested:
    """The outcomes in the order of the files, from so many processes: by default one for each core, if worth it.

    `only` chooses the tests with this text in their file or name. If `varied`, their prompts are changed, too.
    """
    from stepflow.compiler.gathering import one_look

    task = _Task(tuple(dict.fromkeys(map(_subject, files))), only, varied)
    jobs = min(_worth_it(task.files) if jobs is None else jobs, len(task.files))
    if jobs < 2 or not _may_fork():
        with one_look():
            return _joined([task.run(file) for file in task.files])
    return _joined(_run_apart(task, jobs))


def rule_of(path: str) -> Rule:
    """The rule in a file. Raises `ConfigError`."""
    from stepflow.catalog import registry
    from stepflow.compiler.pipelines import compile_rule_file
    from stepflow.version import VERSION

    return compile_rule_file(path, registry(), VERSION)[0]


def chosen(only: str | None, path: str, name: str) -> bool:
    """Whether a test is among those that are asked for."""
    return only is None or only.casefold() in f"{path} {name}".casefold()


# --- one file ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Task:
    """The files that are tested together: what is tested of one of them depends on the others."""

    files: Sequence[str]
    only: str | None
    varied: bool = False

    def run(self, file: str) -> Tested:
        """Compile a file and run its tests."""
        from stepflow.errors import ConfigError

        try:
            return _joined([self._run(subject) for subject in self._subjects(file)])
        except ConfigError as error:
            return Tested(problems=error.diagnostics)

    def _subjects(self, file: str) -> Sequence[Rule | Plan]:
        """What a file holds: a rule, a pipeline with its turns, or rules of a pack that are not given themselves."""
        from stepflow.compiler.gathering import kind_of
        from stepflow.config.yaml_nodes import read_file

        kind = kind_of(read_file(file))
        if kind == "pipeline":
            return [_plan_of(file)]
        if kind == "pack":
            elsewhere = {os.path.abspath(other) for other in self.files if other != file}
            return [rule for rule in _rules_of_pack(file) if os.path.abspath(_file_of(rule.path)) not in elsewhere]
        if kind == "tests":  # of no rule: `lint` reports it
            return []
        return [rule_of(file)]

    def _run(self, subject: Rule | Plan) -> Tested:
        from stepflow.coverage import measure
        from stepflow.plan import Rule
        from stepflow.testing import Evidence, TestResult, run_rule_test, run_turns

        evidence = Evidence()
        results = []
        for test in self._chosen(subject.tests):
            if isinstance(subject, Rule):
                failures = run_rule_test(subject, test.spec, evidence)
            else:
                failures = run_turns(subject, test.spec.turns)
            results.append(TestResult(test.name, test.where, failures, test.spec.todo))
        if not isinstance(subject, Rule):
            return Tested(results)
        varied = [self._vary(subject)] if self.varied else []
        return Tested(results, [measure(subject, evidence)], varied)

    def _vary(self, rule: Rule) -> Variation:
        from stepflow.variants import vary

        return vary(rule, tuple(self._chosen(rule.tests)))

    def _chosen(self, tests: Sequence[DeclaredTest]) -> Iterator[DeclaredTest]:
        return (test for test in tests if chosen(self.only, _file_of(test.where), test.name))


def _subject(file: str) -> str:
    """The file that is compiled: for tests in a file of their own, that of their rule."""
    from stepflow.compiler.declared_tests import tested_rule

    return tested_rule(file) or file


def _file_of(place: str) -> str:
    return place.rpartition(":")[0]


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


def _joined(parts: Sequence[Tested]) -> Tested:
    return Tested(
        list(chain.from_iterable(part.results for part in parts)),
        list(chain.from_iterable(part.coverages for part in parts)),
        list(chain.from_iterable(part.variations for part in parts)),
        list(chain.from_iterable(part.problems for part in parts)),
    )


# --- several processes ------------------------------------------------------------------------------------------------

_TASK: list[_Task] = []


def _run_apart(task: _Task, jobs: int) -> list[Tested]:
    """What each file gave. Files that name rules go to one process, since they share them, and begin; then the longest.

    So no process compiles all rules but one, and none is waited for at the end.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # What each of them needs is imported once, here.
    from stepflow import coverage, testing  # noqa: F401
    from stepflow.catalog import registry
    from stepflow.compiler import pipelines  # noqa: F401

    registry()
    naming = [file for file in task.files if _NAMES_RULES.search(_text(file))]
    alone = sorted(set(task.files) - set(naming), key=lambda file: (-os.path.getsize(file), file))
    bundles = [*([naming] if naming else []), *([file] for file in alone)]
    with ProcessPoolExecutor(jobs, get_context("fork"), _begin, (task,)) as pool:
        parts = list(pool.map(_run_here, bundles))
    told = dict(zip(chain.from_iterable(bundles), chain.from_iterable(parts), strict=True))
    return [told[file] for file in task.files]


def _begin(task: _Task) -> None:
    """Begin a process that runs tests. Ctrl-C is for the one above, which ends all."""
    import signal

    from stepflow.compiler.gathering import look_once

    _TASK[:] = [task]
    look_once()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_here(files: Sequence[str]) -> list[Tested]:
    from stepflow import kept

    told = [_TASK[0].run(file) for file in files]
    kept.save()  # such a process has no end at which that would be done
    return told


def _worth_it(files: Sequence[str]) -> int:
    """So many processes."""
    return min(_cores(), sum(map(os.path.getsize, files)) // WORTH_IT)


def _text(file: str) -> bytes:
    with open(file, "rb") as source:
        return source.read()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _may_fork() -> bool:
    """Whether a process can be split safely: not on every system, and not while other threads run."""
    return hasattr(os, "fork") and threading.active_count() == 1
