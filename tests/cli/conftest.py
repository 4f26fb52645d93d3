"""A small project in an empty folder, and the command line run in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stepflow.cli.main import run

RULE = """\
stepflow: 1
kind: rule
id: sums
match: [{type: regex, pattern: '(?i)\\b(?:add|sum)\\b'}]
constraints:
  numbers: {type: regex, pattern: '\\d+', find: all, as: integer}
answer: {type: regex, pattern: '\\d+', as: integer}
verify:
  - {id: right, type: expr, assert: answer.value == sum(numbers)}
reuse: {guard: none}
repair: {max_attempts: 1}
fallback: {type: none}
tests:
  - name: a right answer is kept
    prompt: Add 1 and 2
    model: ['3']
    expect: {outcome: miss, final: verified, answer: 3}
  - name: other prompts are not ours
    prompt: What is the time?
    expect: {matched: false}
"""
PIPELINE = """\
stepflow: 1
kind: pipeline
id: default
rules: ['../rules/*.yaml']
backend: {type: scripted, replies: %s}
"""


@dataclass(frozen=True)
class Said:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Project:
    """A folder with one rule and one pipeline; calling it runs a command there."""

    folder: Path
    capture: Any

    def __call__(self, *arguments: str) -> Said:
        self.capture.readouterr()
        code = run([*arguments])
        said = self.capture.readouterr()
        return Said(code, said.out, said.err)

    def replies(self, *replies: Any) -> None:
        """Write the pipeline with these replies of the model."""
        self.write("pipelines/default.yaml", PIPELINE % json.dumps(replies))

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")

    def lines(self, name: str) -> list[Any]:
        return [json.loads(line) for line in (self.folder / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    monkeypatch.chdir(tmp_path)
    for name in ("STEPFLOW_PIPELINE", "STEPFLOW_MODEL", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return Project(tmp_path, capsys)


@pytest.fixture
def project(empty: Project) -> Project:
    empty.write("rules/sums.yaml", RULE)
    empty.replies("3", "30", "31")
    return empty


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | bytes], None]:
    """Gives the next command this input."""
    import io

    def give(text: str | bytes) -> None:
        raw = text.encode() if isinstance(text, str) else text
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))

    return give
