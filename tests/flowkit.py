"""A small world for tests of the flow: two rules of made-up tasks, a scripted model, and a store in memory.

`count` asks for the numbers from 1 to N, one a line: the steps are lines, and each is checked. `unit` fixes a number
and two units, and only its answer as a whole is checked. Both go through the real compiler.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

import stepflow
from stepflow.adapters.backends import scripted
from stepflow.engine import Pipeline
from stepflow.model import Origin, Outcome, Record, Request
from stepflow.plan import Rule
from stepflow.protocols import Call
from stepflow.runtime.drivers import new_id
from stepflow.runtime.extract import Task, understand
from stepflow.runtime.record import Keys, draft_record
from stepflow.runtime.segment import cut
from stepflow.runtime.verify import examine

COUNT = r"""
stepflow: 1
kind: rule
id: count
match: [{type: keywords, words: [count]}]
constraints:
  last: {type: regex, pattern: '\bto\s+(?P<value>-?\d+)', as: integer, find: only}
segment: lines
parse: [{field: n, type: regex, pattern: '\d+', as: integer}]
answer: {type: regex, pattern: '\d+', as: integer, pick: last}
verify:
  - {id: in-order, scope: step, type: expr, assert: step.n == step.index}
  - {id: ends-right, type: expr, assert: answer.value == last}
patch: {prompt: 'Keep {{ kept_steps }}. Go on from {{ next_index }} to {{ last }}.'}
repair: {max_attempts: 0}
"""

UNIT = r"""
stepflow: 1
kind: rule
id: unit
match: [{type: regex, pattern: '(?i)\bconvert\b'}]
tables:
  metres: {km: 1000, m: 1, cm: 0.01}
constraints:
  size: {type: regex, pattern: '(?P<value>\d+(\.\d+)?)\s*(?:km|cm|m)\b', as: number}
  source: {type: regex, pattern: '\d\s*(?P<value>km|cm|m)\b'}
  target: {type: regex, pattern: '\bto\s+(?P<value>km|cm|m)\b'}
let:
  result: size * metres[source] / metres[target]
segment: whole
answer: {type: regex, pattern: '-?\d+(\.\d+)?', as: number, pick: last}
verify:
  - {id: right, type: expr, assert: answer.value == result, on_fail: repair, message: 'not {{ result }} {{ target }}'}
repair: {max_attempts: 1}
"""


def edited(rule: str, *, drop: tuple[str, ...] = (), **keys: Any) -> str:
    """The rule with these top-level keys in place of its own, and without those dropped."""
    data = {key: value for key, value in yaml.safe_load(rule).items() if key not in drop}
    return yaml.safe_dump({**data, **keys}, sort_keys=False)


def write_pipeline(folder: Path, *rules: str, **settings: Any) -> str:
    """The path of a pipeline of these rules; by default it keeps its records in memory and writes no traces."""
    names = []
    for index, rule in enumerate(rules):
        names.append(f"rule-{index}.yaml")
        (folder / names[-1]).write_text(rule, encoding="utf-8")
    data = {
        "stepflow": 1,
        "kind": "pipeline",
        "id": "kit",
        "rules": names,
        "backend": {"type": "scripted"},
        "store": {"type": "memory"},
        "trace": {"keep": 0},
        **settings,
    }
    path = folder / "pipeline.yaml"
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return str(path)


class Flow:
    """One pipeline and the model behind it. Every reply that a request is given must be used by it."""

    def __init__(self, folder: Path, *rules: str, **settings: Any) -> None:
        self.folder = folder
        self.pipeline: Pipeline = stepflow.load(write_pipeline(folder, *(rules or (COUNT,)), **settings))
        self.calls: tuple[Call, ...] = ()

    @property
    def rule(self) -> Rule:
        """The first rule."""
        return self.pipeline.plan.rules[0]

    @property
    def records(self) -> list[Record]:
        """Everything stored."""
        return list(self.pipeline.archive.records())

    def ask(self, prompt: Any, *replies: str | Mapping[str, Any], **options: Any) -> Outcome:
        """Answer a request with these replies of the model, and no others."""
        backend = self._script(replies)
        try:
            return self.pipeline.run(prompt, **options)
        finally:
            self.calls = tuple(backend.calls)
            assert not backend.unused, "a reply was not used"

    async def aask(self, prompt: Any, *replies: str | Mapping[str, Any], **options: Any) -> Outcome:
        """The same through the asynchronous driver."""
        backend = self._script(replies)
        try:
            return await self.pipeline.arun(prompt, **options)
        finally:
            self.calls = tuple(backend.calls)
            assert not backend.unused, "a reply was not used"

    def become(self, *rules: str, **settings: Any) -> Flow:
        """The flow after its files were edited: the same store, another plan."""
        other = Flow(self.folder, *rules, **settings)
        other.pipeline.archive = self.pipeline.archive
        return other

    def task(self, prompt: str | Request) -> Task:
        """The prompt as the first rule reads it."""
        return understand(self.rule, Request.of(prompt) if isinstance(prompt, str) else prompt)

    def store(self, prompt: str, answer: str, origin: Origin = "model") -> Record:
        """Put an answer into the store, right or wrong, as if another run had written it."""
        task = self.task(prompt)
        examination = examine(task, cut(self.rule, answer, origin))
        keys = Keys(task, self.pipeline.plan.identity, f"seeded {prompt}")
        record = draft_record(
            task, examination, keys=keys, origin=origin, final="verified", model="scripted", usage=None
        )
        record = replace(record, id=new_id())
        self.pipeline.archive.save(record)
        return record

    def _script(self, replies: tuple[str | Mapping[str, Any], ...]) -> scripted.Scripted:
        backend = scripted.build(scripted.Options.model_validate({"replies": list(replies)}))
        self.pipeline.backend = backend
        return backend


def story(outcome: Outcome) -> str:
    """The journal as lines, `stage: message`."""
    return "\n".join(f"{event.stage}: {event.message}" for event in outcome.journal)
