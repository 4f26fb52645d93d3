"""Python processes that a test starts, talks to line by line, and never waits for without bound."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE_S = 60.0


class Child:
    """A process that runs this code. It may import what stands beside this; its errors go where the test's go."""

    def __init__(self, code: str, *arguments: object) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join((HERE, os.environ.get("PYTHONPATH", "")))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def ended(self) -> bool:
        """Whether it has come to an end."""
        return self.popen.poll() is not None

    def line(self, seconds: float = PATIENCE_S) -> str | None:
        """The next line that it writes; None at its end. Fails when it says nothing for so long."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            self.kill()
            raise AssertionError(f"process {self.popen.pid} said nothing for {seconds:g} s") from None

    def lines(self, seconds: float = PATIENCE_S) -> Iterator[str]:
        """All that it goes on to write."""
        while (line := self.line(seconds)) is not None:
            yield line

    def say(self, line: str = "") -> None:
        """Write a line to it."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(f"{line}\n")
        self.popen.stdin.flush()

    def end(self, seconds: float = PATIENCE_S) -> list[str]:
        """Close its input, and wait for its end; what it had still to say."""
        assert self.popen.stdin is not None
        self.popen.stdin.close()
        rest = list(self.lines(seconds))
        self._close()
        return rest

    def kill(self) -> None:
        """Kill it, as a crash would."""
        self.popen.kill()
        self._close()

    def _close(self) -> None:
        assert self.popen.stdin is not None
        self.popen.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        with contextlib.suppress(BrokenPipeError):
            self.popen.stdin.close()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        with self.popen.stdout as lines:
            for line in lines:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)
