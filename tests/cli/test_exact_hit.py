"""An exact hit is one look at the files and one into the store: the process must not pay for what it does not use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import stepflow

HEAVY = {
    "litellm", "pydantic", "pydantic_core", "lark", "numpy", "jinja2", "jsonpath_ng", "jsonschema", "regex", "rich",
    "diskcache", "openai", "httpx", "asyncio", "xllamacpp",
}  # fmt: skip
PROBE = """
import json, sys
from stepflow.cli.main import run
code = run(sys.argv[1:])
print(json.dumps([code, sorted({name.split(".")[0] for name in sys.modules})]), file=sys.stderr)
"""


def probe(folder: Path, *arguments: str) -> tuple[str, int, set[str]]:
    """What a fresh process answers, its exit code, and the top-level modules it has imported by the end."""
    environment = {**os.environ, "PYTHONPATH": str(Path(stepflow.__file__).parent.parent)}
    command = [sys.executable, "-c", PROBE, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=True)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return done.stdout, code, set(modules)


@pytest.mark.parametrize("more", [(), ("--json",), ("--tenant", "a", "--system", "Be brief.", "--rule", "sums")])
def test_it_imports_nothing_heavy(project, more) -> None:
    first = probe(project.folder, "run", "Add 1 and 2", *more)
    assert first[1] == 0
    assert "pydantic" in first[2]
    answer, code, modules = probe(project.folder, "run", "Add 1 and 2", *more)
    assert code == 0
    assert (json.loads(answer)["outcome"] == "exact") if more == ("--json",) else answer == "3\n"
    assert not HEAVY & modules
    assert (project.folder / ".stepflow" / "cache").is_dir()


def test_an_edited_rule_takes_the_whole_way_again(project) -> None:
    probe(project.folder, "run", "Add 1 and 2")
    rule = (project.folder / "rules/sums.yaml").read_text()
    project.write("rules/sums.yaml", rule.replace("== sum(numbers)", "== 2 * sum(numbers)"))
    _, code, modules = probe(project.folder, "run", "Add 1 and 2", "--no-model")
    assert code == 3
    assert "pydantic" in modules
