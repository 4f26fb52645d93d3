"""A run that is killed with no chance to tidy up leaves a sound store, and what it had stored is served."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import stepflow


def started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(stepflow.__file__).parent.parent)}
    return subprocess.Popen(
        [sys.executable, "-m", "stepflow", *arguments],
        cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("lines_before", [1, 5, 20])
def test_kill_9_in_the_middle_of_a_batch(project, lines_before) -> None:
    project.replies(*(str(number + 1) for number in range(400)))
    project.write("in.jsonl", "".join(f'"Add 1 and {number}"\n' for number in range(400)))
    out = project.folder / "out.jsonl"
    batch = started(project.folder, "run", "--batch", "in.jsonl", "-o", "out.jsonl")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not out.exists() or out.read_bytes().count(b"\n") < lines_before):
        time.sleep(0.002)
    batch.send_signal(signal.SIGKILL)
    assert batch.wait() == -signal.SIGKILL
    finished = out.read_bytes().count(b"\n")
    assert lines_before <= finished < 400

    check = project("cache", "check")
    assert (check.code, check.out, check.err) == (0, "", "sound\n")
    stored = project("cache", "stats", "--json").json["records"]
    assert stored in (finished, finished + 1)  # the last one may be stored and not yet written out
    for number in (0, finished - 1):
        said = project("run", f"Add 1 and {number}", "--no-model")
        assert (said.code, said.out, said.err.split()[0]) == (0, f"{number + 1}\n", "exact")


def test_kill_9_at_any_moment_of_a_run(project) -> None:
    project.replies("3")
    for moment in range(12):
        one = started(project.folder, "run", f"Add 1 and 2 for the {moment}. time")
        time.sleep(0.15 + 0.05 * moment)
        one.kill()
        one.wait()
        assert project("cache", "check").code == 0
