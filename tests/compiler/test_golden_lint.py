"""Each file of tests/golden/lint is broken in one way; beside it stands what `stepflow lint` says of it, to the letter.

After a deliberate change of wording, write the outputs anew and read the diff:

    python -m pytest tests/compiler/test_golden_lint.py --update-golden
"""

from __future__ import annotations

from pathlib import Path

import pytest

from stepflow.cli.commands.lint import lint_files
from stepflow.source import render

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "lint"
CASES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))


@pytest.mark.parametrize("case", CASES)
def test_lint_says_exactly(case: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    for name in ("NO_SUCH_MODEL", "NO_SUCH_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    said = "\n\n".join(render(finding) for finding in lint_files([f"{case}.yaml"]))
    expected = GOLDEN / f"{case}.out"
    if request.config.getoption("--update-golden"):
        expected.write_text(said + "\n", encoding="utf-8")
    assert said + "\n" == expected.read_text(encoding="utf-8")


def test_every_output_belongs_to_a_case() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.out")) == CASES


def test_a_case_finds_what_its_name_says() -> None:
    silent = [case for case in CASES if not (GOLDEN / f"{case}.out").read_text(encoding="utf-8").strip()]
    assert silent == ["sound"]
