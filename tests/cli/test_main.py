from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import stepflow
from stepflow.cli import main
from stepflow.version import VERSION


def stepflow_process(*arguments: str, folder: Path, **more) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(stepflow.__file__).parent.parent), **more.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "stepflow", *arguments],
        cwd=folder, env=environment, text=True, encoding="utf-8", capture_output=True, check=False, **more,
    )  # fmt: skip


def test_every_command_says_in_one_line_what_it_does(empty) -> None:
    said = empty("--help")
    assert said.code == 0
    listed = said.out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed] == list(main.COMMANDS)
    own = {"run", "lint", "test", "trace", "cache"}
    assert [line for line in listed if line.split()[0] in own and line.endswith("...")] == []


def test_the_version_is_told(empty) -> None:
    assert empty("--version").out == f"stepflow, version {VERSION}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rum"], "There is no command 'rum'. Did you mean 'run'?"),
        (["xyz"], "There is no command 'xyz'. Commands: init, new, run, lint, test"),
        (["cache", "chek"], "Did you mean 'check'?"),
        (["run", "--modle", "x"], "--model"),
        (["run", "-j", "0"], "0 is not in the range"),
        (["lint", "--format", "xml"], "'xml' is not one of"),
    ],
)
def test_a_misspelt_command_or_option_gets_a_suggestion(empty, arguments, sentence) -> None:
    said = empty(*arguments)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err


def test_a_bug_shows_itself_whole_and_has_an_exit_code_of_its_own(empty, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(main.cli, "main", broken)
    said = empty("run", "a")
    assert said.code == 70
    assert "ZeroDivisionError: oh" in said.err
    assert said.err.endswith("stepflow: this is a bug in stepflow; please report it with the lines above\n")


def test_an_interrupt_has_its_exit_code(empty, monkeypatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main.cli, "main", interrupted)
    assert (empty("lint").code, empty("lint").err) == (130, "stepflow: interrupted\n")


def test_a_terminal_that_lacks_a_character_is_no_reason_to_fail(project, monkeypatch) -> None:
    project.replies("drei: „3“ ä")
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr("sys.stdout", out)
    assert main.run(["run", "Add 1 and 2"]) == 0
    out.flush()
    assert out.buffer.getvalue() == b"drei: \\u201e3\\u201c \xe4\n"


def test_a_reader_that_goes_away_is_no_error(project) -> None:
    for number in range(30):
        project.write(f"rules/broken{number}.yaml", "stepflow: 1\nkind: rule\n" * 200)
    command = f"{sys.executable} -m stepflow lint rules | head -1; echo ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(Path(stepflow.__file__).parent.parent)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=project.folder, env=environment, text=True, capture_output=True, check=False
    )
    assert len(done.stdout.splitlines()) == 2
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_piped_output_has_no_colours(project) -> None:
    project.write("rules/broken.yaml", "stepflow: 1\nkind: rule\n")
    done = stepflow_process("lint", folder=project.folder, env={"CI": "1", "TERM": "xterm-256color"})
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr
