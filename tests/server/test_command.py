"""`stepflow serve` as a process: it starts, serves, stops on a signal, and says what is wrong before it listens."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from flowkit import COUNT, write_pipeline

from stepflow.cli.main import run
from stepflow.server.running import serve
from stepflow.server.settings import Settings
from stepflow.server.tenants import hash_of

IPV6 = Path("/proc/net/if_inet6").exists()


def on_disk(folder: Path) -> str:
    backend = {"type": "scripted", "replies": ["1\n2\n3"], "cycle": True}
    return write_pipeline(folder, COUNT, backend=backend, store={"path": str(folder / "cache")})


@contextmanager
def process(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process and its address, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "stepflow", "serve", "-p", on_disk(folder), "--port", str(port), *options]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, server)
            yield server, url
        finally:
            server.terminate()
            server.wait(20)


def _wait(url: str, server: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the server does not answer: {server.poll()}")


def ask(url: str, **headers: str) -> httpx.Response:
    body = {"model": "kit", "messages": [{"role": "user", "content": "count to 3"}]}
    return httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, trust_env=False, timeout=20)


def test_a_process_serves_logs_and_stops_on_a_signal(tmp_path: Path) -> None:
    with process(tmp_path, "--log", "json") as (server, url):
        assert ask(url).headers["x-stepflow-outcome"] == "miss"
        server.send_signal(signal.SIGHUP)
        assert ask(url).headers["x-stepflow-outcome"] == "exact"
        time.sleep(1)
        server.terminate()
        _, said = server.communicate(timeout=20)
    events = [json.loads(line)["event"] for line in said.splitlines() if line.startswith("{")]
    assert server.returncode in (0, -signal.SIGTERM)
    assert said.startswith(f"stepflow serves {url}/v1; the console is at {url}/\n")
    assert (events[0], events[-1]) == ("started", "stopped")
    assert events.count("request") == 2
    assert "reloaded" in events
    assert "Traceback" not in said


def test_workers_share_one_store_and_each_shows_the_figures_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    with process(tmp_path, "--workers", "2", "--log", "none") as (server, url):
        outcomes = [ask(url).headers["x-stepflow-outcome"] for _ in range(12)]
        assert outcomes == ["miss", *["exact"] * 11]
        assert _answered(url, 12) == 12
        workers = _children(server.pid)
        os.kill(workers[-1], signal.SIGKILL)  # another takes its place, and its counts stay
        assert _answered(url, 12) == 12
        ask(url)
        assert _answered(url, 13) == 13
        assert list((tmp_path / "temporary").glob("stepflow-serve-*"))
    assert not list((tmp_path / "temporary").glob("stepflow-serve-*"))


def _answered(url: str, hoped: int) -> float:
    """The least that several scrapes in a row say of answers, once all workers had time to put up theirs."""
    deadline = time.monotonic() + 10
    while (least := min(_scraped(url) for _ in range(6))) != hoped and time.monotonic() < deadline:
        time.sleep(0.2)
    return least


def _scraped(url: str) -> float:
    try:
        text = httpx.get(f"{url}/metrics", trust_env=False).text
    except httpx.TransportError:  # the worker that was killed had taken the connection
        return -1
    return sum(float(each) for each in re.findall(r"^stepflow_requests_total\{.*\} (\S+)$", text, re.MULTILINE))


def _children(pid: int) -> list[int]:
    """The processes that this one has started and that serve, the newest last."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(each) for each in found if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


def test_keys_are_read_anew_on_a_signal(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"{hash_of('one')} north\n", encoding="utf-8")
    with process(tmp_path, "--keys", str(keys), "--log", "none") as (server, url):
        assert [ask(url, authorization=f"Bearer {key}").status_code for key in ("one", "two")] == [200, 401]
        keys.write_text(f"{hash_of('two')} north\n", encoding="utf-8")
        server.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while ask(url, authorization="Bearer two").status_code == 401 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [ask(url, authorization=f"Bearer {key}").status_code for key in ("one", "two")] == [401, 200]
        keys.unlink()  # what cannot be read changes nothing
        server.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert ask(url, authorization="Bearer two").status_code == 200


def test_a_new_key_is_printed_once_and_its_line_holds_only_a_hash(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--new-key", "north"]) == 0
    said = capsys.readouterr()
    key = re.search(r"sk-stepflow-\S+", said.err)
    assert key is not None
    assert said.out == f"{hash_of(key[0])} north\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--host", "0.0.0.0"], "can be reached from other machines"),
        (["--host", "..a..", "--open-to-all"], "cannot listen at http://..a..:8080: no such name"),
        (["--keys", "nowhere"], "the API keys nowhere cannot be read"),
        (["--new-key", "a/b"], "is no name of a tenant"),
        (["-p", "nowhere.yaml"], "nowhere.yaml"),
        (["--workers", "2"], "a store in memory cannot be shared"),
        (["--workers", "0"], "--workers"),
    ],
)
def test_what_is_wrong_is_said_before_it_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, options: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STEPFLOW_API_KEYS", raising=False)
    named = [] if "-p" in options else ["-p", write_pipeline(tmp_path, COUNT)]
    assert run(["serve", *named, *options]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "stepflow serves" not in said


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_an_error_and_nothing_is_said_to_be_served(
    tmp_path: Path, capsys: Any, workers: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert run(["serve", "-p", on_disk(tmp_path), "--port", str(port), "--workers", workers]) == 2
    said = capsys.readouterr().err
    assert f"cannot listen at http://127.0.0.1:{port}: Address already in use; choose another" in said
    assert "stepflow serves" not in said


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost"),
        pytest.param("::1", "[::1]", marks=pytest.mark.skipif(not IPV6, reason="this machine has no IPv6")),
    ],
)
def test_it_says_that_it_serves_once_it_listens_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, shown: str
) -> None:
    reached = []

    def announce(url: str) -> None:
        where, _, port = url.removeprefix("http://").rpartition(":")
        with socket.create_connection((where.strip("[]"), int(port)), timeout=5):
            reached.append(where)

    at_once = []

    def listens(_: Any, fd: int, **__: Any) -> None:
        with socket.socket(fileno=os.dup(fd)) as door:
            at_once.append(door.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(uvicorn, "run", listens)
    serve(Settings((write_pipeline(tmp_path, COUNT),), host=host, port=0), None, announce)
    assert reached == [shown]
    assert at_once == [1]  # a reply in two parts would wait 40 ms for the second on each connection that is kept


def test_two_pipelines_of_one_id_are_refused(tmp_path: Path, capsys: Any) -> None:
    path = write_pipeline(tmp_path, COUNT)
    assert run(["serve", "-p", path, "-p", path]) == 2
    assert "the same id" in capsys.readouterr().err


def test_the_description_names_every_route(tmp_path: Path) -> None:
    from serverkit import running

    with running(tmp_path) as server:
        described = server.client.get("/openapi.json").json()
        assert described["openapi"].startswith("3.1")
        for path, methods in described["paths"].items():
            for method in methods:
                reply = server.client.request(method.upper(), path.replace("{id}", "x"))
                assert reply.status_code in (200, 400, 404, 415), (method, path)
