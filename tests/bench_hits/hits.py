"""What a hit costs, beside what it cannot cost less, beside Redis and other caches: `make bench`, `make bench-compare`.

Every figure stands beside a floor that was measured in the same run on the same machine: what a plain dictionary on
disk costs (SHA-256 of the prompt and one `diskcache` get), or a Python process that imports the same three libraries.
Read the ratios; the microseconds are this machine's, and what else it was doing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench_hits import stores, tables
from bench_hits.filling import ROOT
from bench_hits.measuring import in_one_process, processes
from bench_hits.timing import Figure

PEERS = ROOT / "build" / "peers" / "bin" / "python"
PAGE = ROOT / "docs" / "explanation" / "performance.md"


def measured(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, Figure]]:
    """Every figure by its name; after an @ stands the number of records."""
    sizes = [int(size) for size in options.sizes.split(",")]
    for size in sizes:
        place = folder / str(size)
        for name, figure in in_one_process(place, size):
            yield f"{name} @ {size:,}", figure
        for name, figure in processes(place, options.cold) if options.cold else ():
            yield f"{name} @ {size:,}", figure
    beside = min(sizes, key=lambda size: abs(size - 10_000))
    for name, each in stores.side_by_side(folder / "redis", beside, 2, options.cold) if options.redis else ():
        yield f"on Redis: {name} @ {beside:,}", each["redis"]
        yield f"the same in a folder: {name} @ {beside:,}", each["diskcache"]
    for name, figure in _peers(options.peers, folder, beside) if options.peers else ():
        yield f"beside others: {name} @ {beside:,}", figure


def _peers(python: str, folder: Path, size: int) -> Iterator[tuple[str, Figure]]:
    """Other caches, where they are installed, and stepflow among them: all are asked in turn."""
    if not Path(python).exists():
        print(
            "  other caches are left out: the top of tests/bench_hits/peers.py says how to install them",
            file=sys.stderr,
        )
        return
    saved = folder / "peers.json"
    command = [python, str(Path(__file__).parent / "peers.py"), "--size", str(size), "--save", str(saved)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    if subprocess.run(command, check=False, stdout=sys.stderr, env=environment).returncode == 0:
        yield from json.loads(saved.read_text()).items()


def main() -> int:
    """Measure, print one table, save; with `--against`, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000", help="records in the store")
    parser.add_argument("--cold", type=int, default=9, help="processes of each kind; 0 leaves them out")
    parser.add_argument("--no-redis", dest="redis", action="store_false", help="leave the Redis store out")
    parser.add_argument("--peers", default=str(PEERS), help="a Python with other caches; '' leaves them out")
    parser.add_argument("--save", default="build/bench-hits.json")
    parser.add_argument("--page", action="store_true", help=f"write the table into {PAGE.relative_to(ROOT)}, too")
    parser.add_argument("--against", help="an older run's file: exit code 1 when a ratio has grown")
    parser.add_argument("--tolerance", type=float, default=0.3)
    options = parser.parse_args()
    older = json.loads(Path(options.against).read_text()) if options.against else None
    figures: tables.Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, figure in measured(Path(folder), options):
            figures[name] = figure
            print(f"  {name}", file=sys.stderr)
    text = tables.table(figures)
    print(text)
    Path(options.save).parent.mkdir(parents=True, exist_ok=True)
    Path(options.save).write_text(json.dumps(figures, indent=1))
    if options.page:
        PAGE.write_text(tables.put(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    if older is None:
        return 0
    text, fine = tables.compare(older, figures, options.tolerance)
    print(text)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
