"""Measures again, and writes the tables of docs/explanation/benchmark.md: `make bench-pipelines RUNS="paper real"`.

Reports and raw figures go to build/bench. A table stands between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from stepflow.bench.figures import SHARES
from stepflow.bench.terminal import percent, seconds

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "benchmark.md"
BUILD = ROOT / "build" / "bench"
RUNS: dict[str, list[str]] = {
    "paper": ["--mix", "paper"],
    "harsh": ["--mix", "harsh"],
    "real": [
        *("--mix", "paper", "--backend", "pipeline", "-p", "none", "-p", "default"),
        *("--requests", "20", "--max-tokens", "160"),  # of each seed; some ten minutes in all
    ],
}


def main(names: list[str]) -> int:
    """Measure the named runs, write their tables; 1 when an answer served as right was wrong."""
    BUILD.mkdir(parents=True, exist_ok=True)
    worst = 0
    for name in names:
        files = ["--json", str(BUILD / f"{name}.json"), "--html", str(BUILD / f"{name}.html")]
        done = subprocess.run([sys.executable, "-m", "stepflow", "bench", *RUNS[name], *files], cwd=ROOT, check=False)
        if done.returncode not in (0, 1):
            return done.returncode
        worst = max(worst, done.returncode)
        write(name, json.loads((BUILD / f"{name}.json").read_text(encoding="utf-8")))
    return worst


def write(name: str, data: dict[str, Any]) -> None:
    """Put the run's table into the page."""
    page = PAGE.read_text(encoding="utf-8")
    between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    assert between.search(page), f"{PAGE} has no place for the table of {name}"
    PAGE.write_text(between.sub(lambda found: found[1] + table(data) + found[2], page), encoding="utf-8")


def table(data: dict[str, Any]) -> str:
    """The figures as a Markdown table, one column for each pipeline."""
    pipelines = data["pipelines"]
    rows = [["", *(each["name"] for each in pipelines)], ["---", *("---:" for _ in pipelines)]]
    totals = [each["total"] for each in pipelines]
    rows.append(["requests", *(str(total["requests"]) for total in totals)])
    for figure in ("mean", "median", "p90", "p95", "p99"):
        rows.append([f"{figure} latency", *(_ratio(each, figure, seconds) for each in pipelines)])
    rows.append(["tokens a request", *(_ratio(each, "tokens", lambda value: f"{value:.1f}") for each in pipelines)])
    rows.append(["model calls a request", *(f"{total['calls']:.2f}" for total in totals)])
    rows.append(["correct (independent checkers)", *(percent(total["correctness"]) for total in totals)])
    rows.append(["served as right, and wrong", *(str(total["wrong"]) for total in totals)])
    rows.append(["… of these without a call", *(str(total["wrong_reuse"]) for total in totals)])
    rows.append(["unverified", *(percent(total["unverified"] / total["requests"]) for total in totals)])
    for share in SHARES:
        if not any(share in total["shares"] for total in totals):
            continue
        counts = (total["shares"].get(share, 0) / total["requests"] for total in totals)
        rows.append([f"*{share}*", *map(percent, counts)])
    served = ["–" if each["name"] == "none" else percent(each["changed"]["share"]) for each in pipelines]
    rows.append(["changed variants served without call and fallback", *served])
    rows += _patches(pipelines)
    facts = "; ".join(f"{name}: {value}" for name, value in data["facts"].items())
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + f"\n\n{facts}\n"


def _patches(pipelines: list[dict[str, Any]]) -> list[list[str]]:
    """For each kind of patch: the mean share of a full answer's completion tokens, and of how many patches."""
    found: dict[tuple[str, int], dict[str, str]] = {}
    for each in pipelines:
        for cost in each["patches"]:
            shown = f"{percent(cost['mean'])} ({cost['patches']})"
            found.setdefault((cost["kind"], cost["asked"]), {})[each["name"]] = shown
    names = [each["name"] for each in pipelines]
    return [
        [f"completion tokens of a patch: {kind}, {asked} written anew", *(shown.get(name, "–") for name in names)]
        for (kind, asked), shown in sorted(found.items())
    ]


def _ratio(pipeline: dict[str, Any], figure: str, shown: Any) -> str:
    """The figure, and what share of the model's alone it is."""
    share = pipeline["against_none"].get(figure)
    value = shown(pipeline["total"][figure])
    return value if share is None or pipeline["name"] == "none" else f"{value} ({share:.3f})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["paper", "harsh"]))
