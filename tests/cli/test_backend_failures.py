"""Every way in which a real backend fails, through the command line, LiteLLM and a socket.

One process plays all of them, because importing LiteLLM takes seconds.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import stepflow

CASES = {
    "key": "openai/m needs a key: set the environment variable NO_SUCH_KEY",
    "refused": "nothing answers at http://127.0.0.1:",
    "limited": "openai/m takes no more requests for now",
    "late": "openai/m gave no answer within 0.5 s",
    "broken": "openai/m could not be asked",
    "empty": "the model replied with no text",
    "cut": "the model stopped at its token limit after 3 tokens",
}
DRIVER = """
import contextlib, io, json, sys
from stepflow.cli.main import run

for case in sys.argv[1:]:
    told = []
    for command in (["run", "-p", case + ".yaml", "Add 1 and 2"],
                    ["cache", "-p", case + ".yaml", "stats", "--json"],
                    ["cache", "-p", case + ".yaml", "check"]):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(command)
        told.append([code, out.getvalue(), err.getvalue()])
    print(json.dumps(told))
"""


class Provider(BaseHTTPRequestHandler):
    """Plays the failure that the address names: /limited/chat/completions and so on."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        case = self.path.split("/")[1]
        if case == "late":
            threading.Event().wait(2)
        status = {"limited": 429, "broken": 500}.get(case, 200)
        text, reason = ("1", "length") if case == "cut" else ("", "stop")
        message = {"role": "assistant", "content": text}
        body = {
            "id": "1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "finish_reason": reason, "message": message}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        }  # fmt: skip
        raw = json.dumps(body if status == 200 else {"error": {"message": "no", "code": "no"}}).encode()
        try:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)
        except OSError:
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def provider() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_every_failure_is_told_ends_with_3_and_leaves_the_store_empty(project, provider) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        ports = {"refused": unused.getsockname()[1]}
        for case in CASES:
            address = f"http://127.0.0.1:{ports.get(case, provider)}/{case}"
            key = "NO_SUCH_KEY" if case == "key" else "A_KEY"
            backend = f"{{model: openai/m, api_base: '{address}', api_key_env: {key}, retries: 0, timeout: 500ms}}"
            text = f"stepflow: 1\nkind: pipeline\nid: {case}\nrules: ['rules/*.yaml']\nbackend: {backend}\n"
            project.write(f"{case}.yaml", text + f"store: {{path: {case}}}\n")
        environment = {**os.environ, "PYTHONPATH": str(Path(stepflow.__file__).parent.parent), "A_KEY": "k"}
        environment.pop("NO_SUCH_KEY", None)
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, *CASES],
            cwd=project.folder, env=environment, text=True, capture_output=True, check=True,
        )  # fmt: skip
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(CASES)
    for (case, sentence), (ran, stats, check) in zip(CASES.items(), told, strict=True):
        assert (ran[0], ran[1]) == (3, ""), (case, ran)
        assert ran[2].startswith("stepflow: "), ran[2]
        assert ran[2].count("\n") == 1, ran[2]
        assert sentence in ran[2]
        assert json.loads(stats[1])["records"] == 0
        assert check[:2] == [0, ""]
