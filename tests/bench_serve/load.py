"""What the server can bear, beside a route that does nothing: `make bench-serve`.

Server and client are two processes on this machine, over loopback. A Starlette route that returns a constant body of
the same size, on uvicorn with the same settings, is the measure. Rounds take turns, and the table holds the median of
each, so that a noisy neighbour troubles all alike. Read the ratios: the requests per second are this machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench_hits.filling import GENUINE, ROOT, SOLUTION, asked, equation, reworded
from bench_serve.client import Load, load, post

SLOW_S = 3.0
SLOW = 50
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CONSTANT = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
BODY = b"x" * int(sys.argv[2])
async def constant(request):
    return Response(BODY, media_type="application/json")
app = Starlette(routes=[Route("/v1/chat/completions", constant, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="none", access_log=False,
            log_level="warning", server_header=False)
"""


def write_pipeline(folder: Path) -> Path:
    """A shipped rule, a slow model that knows every answer, and a store on disk; 8 steps to an answer."""
    tasks = range(GENUINE + 10 * SLOW)
    rows = [{"prompt": asked(n), "right": [SOLUTION.format(**equation(n))]} for n in tasks]
    (folder / "answers.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    backend = {
        "type": "simulated", "answers": str(folder / "answers.jsonl"), "correctness": 1, "latency": SLOW_S,
        "tokens_per_second": 1e6, "sleep": True,
    }  # fmt: skip
    data = {
        "stepflow": 1,
        "kind": "pipeline",
        "id": "load",
        "rules": [str(ROOT / "rules" / "linear-equation.yaml")],
        "backend": backend,
        "store": {"path": str(folder / "cache")},
        "trace": {"dir": str(folder / "traces")},
    }
    path = folder / "pipeline.yaml"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def chat(prompt: str, **more: object) -> bytes:
    """A request as bytes."""
    return post({"model": "load", "messages": [{"role": "user", "content": prompt}], **more})


class Server:
    """A server that runs as a process of its own."""

    def __init__(self, command: list[str], port: int, log: IO[str]) -> None:
        self.port = port
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.1)

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self) -> float:
        """Resident MiB."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE / 2**20

    def stop(self) -> None:
        """Stop it as a supervisor would."""
        self.process.terminate()
        self.process.wait(40)


@contextmanager
def serving(*command: str) -> Iterator[Server]:
    """A server on a free port, which takes the place of PORT in its command."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryFile("w") as log:
        server = Server([sys.executable, *(word.replace("PORT", str(port)) for word in command)], port, log)
        try:
            yield server
        finally:
            server.stop()


def ask(server: Server, requests: list[bytes], **how: object) -> Load:
    """A load, all of whose replies are good."""
    result = asyncio.run(load(server.port, requests, **how))  # type: ignore[arg-type]
    assert not result.bad, result.bad[:900]
    return result


class Table:
    """Rounds of each kind of load, and the lines that are printed of them."""

    def __init__(self) -> None:
        self._rounds: dict[str, list[tuple[float, float, float, float]]] = {}

    def add(self, name: str, server: Server, run: Callable[[], Load]) -> None:
        """One round: requests per second, its quantiles, and the server's processor time for one request."""
        before = server.cpu()
        result = run()
        cpu = (server.cpu() - before) / len(result.latencies)
        self._rounds.setdefault(name, []).append((result.rate, cpu, result.at(0.5), result.at(0.99)))

    def median(self, name: str, column: int) -> float:
        """The median of a figure over the rounds."""
        return statistics.median(row[column] for row in self._rounds[name])

    def show(self, measure: str) -> None:
        """All of it; shares are of `measure`."""
        print(f"{'':34}{'req/s':>9}{'share':>8}{'CPU/req':>10}{'share':>8}{'p50':>10}{'p99':>10}")
        for name in self._rounds:
            rate, cpu, p50, p99 = (self.median(name, column) for column in range(4))
            by_rate, by_cpu = rate / self.median(measure, 0), self.median(measure, 1) / max(cpu, 1e-9)
            print(
                f"{name:34}{rate:9,.0f}{by_rate:8.0%}{cpu * 1e6:7.0f} µs{by_cpu:8.0%}"
                f"{p50 * 1e3:7.2f} ms{p99 * 1e3:7.2f} ms"
            )


def throughput(table: Table, constant: Server, server: Server, args: argparse.Namespace) -> None:
    """Rounds of the constant route, of exact hits, whole and streamed, and of verified reuse."""
    exact = [chat(asked(n)) for n in range(GENUINE)]
    streamed = [chat(asked(n), stream=True) for n in range(GENUINE)]
    reused = [chat(reworded(n, 1), stepflow={"no_store": True}) for n in range(GENUINE)]
    kinds = [
        ("a constant Starlette route", constant, exact),
        ("exact hits", server, exact),
        ("exact hits, streamed", server, streamed),
        ("verified reuse", server, reused),
    ]
    for _, place, requests in kinds:
        ask(place, requests, connections=args.connections, count=GENUINE * 2)
    for _ in range(args.rounds):
        for name, place, requests in kinds:
            table.add(name, place, lambda place=place, requests=requests: ask(  # type: ignore[misc]
                place, requests, connections=args.connections, seconds=args.seconds))  # fmt: skip


def beside_misses(table: Table, server: Server, args: argparse.Namespace) -> None:
    """Hits alone, and hits while the model is at work for `SLOW` others, in turns, from 4 connections."""
    exact = [chat(asked(n)) for n in range(GENUINE)]

    async def both(first: int) -> tuple[Load, Load]:
        slow = [chat(asked(n), stepflow={"no_cache": True}) for n in range(first, first + SLOW)]
        misses = asyncio.create_task(load(server.port, slow, connections=SLOW, count=SLOW))
        await asyncio.sleep(0.5)
        hits = await load(server.port, exact, connections=4, seconds=SLOW_S - 1)
        assert not misses.done(), "the misses were over before the hits"
        return hits, await misses

    def beside(first: int) -> Load:
        hits, misses = asyncio.run(both(first))
        assert b"x-stepflow-outcome: miss" in misses.last, misses.last[:500]
        return hits

    for turn in range(args.rounds):
        table.add("hits alone, 4 connections", server, lambda: ask(server, exact, connections=4, seconds=SLOW_S - 1))
        table.add(f"hits beside {SLOW} slow misses", server, lambda: beside(GENUINE + turn * SLOW))  # noqa: B023


def memory(server: Server, count: int) -> None:
    """Resident memory while so many requests come: first a thousand wordings that nobody has used before, then hits."""
    wordings = [chat(reworded(n, way)) for n in range(GENUINE) for way in range(10)]
    for part in range(6):
        if part:
            ask(server, [chat(asked(n)) for n in range(GENUINE)], connections=16, count=(count - len(wordings)) // 5)
        else:
            ask(server, wordings, connections=16, count=len(wordings))
        print(f"{server.memory():.0f} MiB", end="\n" if part == 5 else ", ", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each load in each round")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--requests", type=int, default=50_000, help="over which memory is watched; 0 leaves it out")
    parser.add_argument("--log", default="text", help="the server's log, which goes to a file")
    args = parser.parse_args()
    uvloop.install()
    with tempfile.TemporaryDirectory() as folder:
        path = write_pipeline(Path(folder))
        options = ("--model-calls", "128", "--tenant-calls", "256", "--log", args.log, "--reload", "0")
        with serving("-m", "stepflow", "serve", "-p", str(path), "--port", "PORT", *options) as server:
            measure(server, args)


def measure(server: Server, args: argparse.Namespace) -> None:
    """All parts."""
    ask(server, [chat(asked(n)) for n in range(GENUINE)], connections=GENUINE, count=GENUINE)
    table = Table()
    whole = ask(server, [chat(asked(0))], connections=1, count=1).last
    size = len(whole) - whole.index(b"\r\n\r\n") - 4
    with serving("-c", CONSTANT, "PORT", str(size)) as constant:
        throughput(table, constant, server, args)
    if args.rounds:
        beside_misses(table, server, args)
    table.show("a constant Starlette route")
    if args.requests:
        print(
            f"\nResident memory over {args.requests:,} requests: {server.memory():.0f} MiB, then ", end="", flush=True
        )
        memory(server, args.requests)


if __name__ == "__main__":
    main()
