"""What commands cost as whole processes, beside a Python that only imports the same libraries: `make bench-commands`.

All but the last find compiled what an earlier process compiled (`stepflow/kept.py`), as in every ordinary installation.
Every figure is that of a process as a user starts it. All are started in turn, so that they meet the same moods of the
machine. The minimum says what the work costs; the median also what else the machine was doing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLOOR = "import click, yaml, pydantic, lark"
STEPFLOW = ("-m", "stepflow")
COLD = "stepflow test, nothing kept"
PROCESSES: dict[str, tuple[str, ...]] = {
    FLOOR: ("-c", FLOOR),
    "stepflow --help": (*STEPFLOW, "--help"),
    "stepflow lint rules/csv-table.yaml": (*STEPFLOW, "lint", "rules/csv-table.yaml"),
    "stepflow lint": (*STEPFLOW, "lint"),
    "stepflow test": (*STEPFLOW, "test"),
    COLD: (*STEPFLOW, "test"),
}
TARGETS_S = {"stepflow lint": 2.0, "stepflow test": 2.0}
"""All shipped rules and pipelines: seconds that may pass in the quickest of the processes, on two cores."""

Taken = dict[str, list[tuple[float, float]]]
"""For each process, the seconds that passed and those of the processor, run by run."""


def measured(runs: int, environment: dict[str, str]) -> Taken:
    """Start every process so many times; once more before, which compiles the modules."""
    taken: Taken = {name: [] for name in PROCESSES}
    for number in range(runs + 1):
        for name, arguments in PROCESSES.items():
            kept = {"STEPFLOW_COMPILED": "off"} if name == COLD else {}
            figures = started([sys.executable, *arguments], environment | kept)
            if number:
                taken[name].append(figures)
    return taken


def started(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """One process: seconds that passed, and seconds of the processor. Raises when it fails."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    passed = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with exit code {process.returncode}")
    return passed, used.ru_utime + used.ru_stime


def table(taken: Taken) -> str:
    """Minimum and median of each, and how often the floor's minimum goes into its own."""
    lines = [f"{'':<36}{'seconds: min':>13}{'median':>8}{'CPU: min':>10}{'median':>8}   × floor"]
    least = min(cpu for _, cpu in taken[FLOOR])
    for name, figures in taken.items():
        passed, cpu = zip(*figures, strict=True)
        columns = f"{min(passed):>13.2f}{statistics.median(passed):>8.2f}"
        columns += f"{min(cpu):>10.2f}{statistics.median(cpu):>8.2f}{min(cpu) / least:>10.1f}"
        lines.append(f"{name:<36}{columns}{_verdict(name, min(passed))}")
    return "\n".join(lines)


def _verdict(name: str, passed: float) -> str:
    target = TARGETS_S.get(name)
    if target is None:
        return ""
    return f"   (target {target:.0f} s)" if passed < target else f"   (target {target:.0f} s: MISSED)"


def main() -> int:
    """Measure and print; exit code 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="how often each process is started")
    options = parser.parse_args()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        # Modules are compiled once, as in every ordinary installation; so are patterns.
        caches = {"PYTHONPYCACHEPREFIX": folder, "STEPFLOW_COMPILED": folder}
        taken = measured(options.runs, environment | caches | {"PYTHONPATH": str(ROOT)})
    print(table(taken))
    return any(min(passed for passed, _ in taken[name]) >= target for name, target in TARGETS_S.items())


if __name__ == "__main__":
    sys.exit(main())
