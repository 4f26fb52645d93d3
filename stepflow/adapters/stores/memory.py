"""Keeps records in this process's memory: nothing is shared, and nothing outlives the process.

    store: {type: memory, expire: 1h}

For tests and for programs that must leave nothing on disk. It never declines, and it has no size limit.
"""

from __future__ import annotations

import json
import re
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from pydantic import Field

from stepflow.notation import BuildContext
from stepflow.options import Options as BaseOptions
from stepflow.protocols import LogEntry, Store

NAME = "memory"
_LEADS = re.compile(r'\["([^"\\]+)","')


class Options(BaseOptions):
    """What stands beside `type: memory`."""

    expire: float | None = Field(
        default=None, gt=0, description="Seconds after which a value expires, e.g. 1h. Never when left out."
    )


def build(options: Options, context: BuildContext) -> Store:
    """A new, empty store."""
    return MemoryStore(options.expire)


class MemoryStore:
    """A `Store` in a dict. `expire` is in seconds; `clock` tells the seconds of now."""

    def __init__(self, expire: float | None = None, clock: Callable[[], float] = time.time) -> None:
        self._expire = float("inf") if expire is None else expire
        self._clock = clock
        self._lock = threading.RLock()
        self._values: dict[str, tuple[str, float]] = {}
        self._log: list[LogEntry] = []
        self._last_id = 0
        self._version = 0
        self._leases: dict[str, tuple[str, float]] = {}

    @property
    def folder(self) -> None:
        """None: nothing outlives the process."""

    def get(self, key: str) -> str | None:
        """The value, or None when absent or expired."""
        value, expires_at = self._values.get(key, (None, 0.0))
        return value if self._clock() < expires_at else None

    def follow(self, key: str, prefix: str) -> tuple[str | None, str | None]:
        """The value and the one that it leads to."""
        value = self.get(key)
        leads = None if value is None else _LEADS.match(value)
        return value, None if leads is None else self.get(prefix + leads[1])

    def expiry(self, key: str) -> float | None:
        """When the value expires; None when absent or expired."""
        _, expires_at = self._values.get(key, (None, 0.0))
        return expires_at if self._clock() < expires_at else None

    def version(self) -> int:
        """The number of changes so far."""
        return self._version

    def put(self, key: str, value: str) -> None:
        """Write the value; it is the youngest now."""
        with self._lock:
            self._values.pop(key, None)
            self._values[key] = value, self._clock() + self._expire
            self._version += 1

    def write(self, values: Mapping[str, str], entry: LogEntry) -> int:
        """Write all the values, then append the entry; its id."""
        for key, value in values.items():
            self.put(key, value)
        return self.append(entry)

    def credit(self, *keys: str) -> None:
        """Nothing: without a size limit nothing is evicted."""

    def delete(self, key: str) -> bool:
        """Remove the value; whether it was there."""
        with self._lock:
            there = self.get(key) is not None
            self._values.pop(key, None)
            self._version += 1
            return there

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The live keys with the prefix, the longest unwritten first."""
        with self._lock:
            return iter([key for key in self._values if key.startswith(prefix) and self.get(key) is not None])

    def append(self, entry: LogEntry) -> int:
        """Append to the log; the entry's id."""
        with self._lock:
            self._last_id += 1
            columns = (entry.op, entry.key, entry.namespace, entry.skeleton, entry.signature, entry.vector)
            self._log.append(LogEntry(*columns, id=self._last_id))
            return self._last_id

    def tail(self, after: int, namespace: str | None = None, limit: int | None = None) -> Sequence[LogEntry]:
        """The log's entries with an id larger than `after`, in order, at most `limit`."""
        with self._lock:
            start = bisect_right(self._log, after, key=lambda entry: entry.id)
            entries = islice(self._log, start, None)
            return tuple(islice((entry for entry in entries if namespace in (None, entry.namespace)), limit))

    def with_skeleton(self, namespace: str, skeleton: str, limit: int) -> Sequence[str]:
        """Keys written with this skeleton, newest first."""
        found = [entry for entry in self._newest() if (entry.namespace, entry.skeleton) == (namespace, skeleton)]
        return tuple(entry.key for entry in found[:limit])

    def with_signature(self, namespace: str, signature: str, limit: int) -> Sequence[str]:
        """Keys written with this signature, newest first."""
        found = [entry for entry in self._newest() if (entry.namespace, entry.signature) == (namespace, signature)]
        return tuple(entry.key for entry in found[:limit])

    def acquire(self, key: str, owner: str, seconds: float) -> str:
        """Take or renew a lease; its owner now."""
        with self._lock:
            holder, until = self._leases.get(key, (owner, 0.0))
            if holder != owner and self._clock() < until:
                return holder
            self._leases[key] = owner, self._clock() + seconds
            return owner

    def release(self, key: str, owner: str) -> None:
        """Give a lease back; silent when it is another's by now."""
        with self._lock:
            if self._leases.get(key, ("", 0.0))[0] == owner:
                del self._leases[key]

    def stats(self) -> Mapping[str, Any]:
        """Live values, characters in them, no size limit, log entries, no path."""
        keys = list(self.keys())
        return {
            "values": len(keys),
            "bytes": sum(len(self.get(key) or "") for key in keys),
            "size_limit": None,
            "log_entries": len(self._log),
            "path": "",
        }

    def prune(self) -> int:
        """Remove what has expired and compact the log; how many values went."""
        with self._lock:
            live = set(self.keys())
            expired = [key for key in self._values if key not in live]
            for key in expired:
                del self._values[key]
            self._log = [entry for entry in reversed(self._newest()) if entry.key in live]
            return len(expired)

    def check(self) -> Sequence[str]:
        """A sentence for each value that is not JSON text."""
        return [
            f"the value of {key!r} is not JSON text" for key, (value, _) in self._values.items() if not _is_json(value)
        ]

    def news(self) -> Sequence[str]:
        """Nothing: what goes wrong here does not mend by itself."""
        return ()

    def close(self) -> None:
        """Nothing to free."""

    def _newest(self) -> list[LogEntry]:
        """The '+' entries that no later entry of their key has replaced or deleted, newest first."""
        with self._lock:
            newest = {entry.key: entry for entry in self._log}
        return sorted((entry for entry in newest.values() if entry.op == "+"), key=lambda entry: -entry.id)


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True
