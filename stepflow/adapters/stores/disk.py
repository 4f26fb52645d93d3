"""The disk store: diskcache for the values, an append-only log beside them.

Importing this module and reading a value cost neither diskcache nor pydantic (the plug's options live in
`diskcache_plug`): a read goes straight to diskcache's table, 0.3 ms from cold instead of 20, and unlike opening a
`diskcache.Cache` it writes nothing, so that a hit never waits for a writer. diskcache is imported by the first write.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepflow.adapters.stores.folder import claim
from stepflow.adapters.stores.leases import Leases
from stepflow.adapters.stores.log import Log
from stepflow.adapters.stores.sqlite_file import SqliteFile, explain, is_passing
from stepflow.errors import StoreError
from stepflow.protocols import LogEntry

if TYPE_CHECKING:
    from stepflow.adapters.stores.text_cache import TextCache

DEFAULT_SIZE_LIMIT = 2**30
TIDY_EVERY = 64
"""Writes between two looks for what has expired."""
WEIGHED_EVERY = 1 / 256
"""Share of the size limit that is written between two looks at how large the store has become."""
CREDITS_KEPT = 1024
CREDITED_EVERY_S = 30.0
"""Notes of calls saved wait in memory for so many keys or seconds, then a thread writes them: a hit never does."""

_LIVE = "raw = 1 and mode = 1 and (expire_time is null or expire_time > ?)"
_GET = f"select value from Cache where key = ? and {_LIVE}"
_LEADS = """? || substr(leads.value, 3, max(instr(leads.value, '","') - 3, 0))"""
_FOLLOW = f"""
select value, (select value from Cache where key = {_LEADS} and {_LIVE}) from Cache as leads where key = ? and {_LIVE}
"""
_EXPIRY = f"select coalesce(expire_time, 9e999) from Cache where key = ? and {_LIVE}"
_KEYS = f"select key from Cache where key >= ? and key < ? and {_LIVE} order by store_time, rowid"
_CREDIT = "update Cache set access_count = access_count + ? where key = ? and raw = 1"
_FOREIGN = "a form that this store never writes; it counts as absent"


class DiskStore:
    """A `Store` in a folder, for any number of threads and processes at once.

    `path` is created if need be, for its owner only. `size_limit` bounds the values, in bytes; the log comes on top.
    `expire` is in seconds, None for never. Raises `StoreError` when the folder cannot be a store or is damaged.
    """

    def __init__(self, path: str | Path, size_limit: int = DEFAULT_SIZE_LIMIT, expire: float | None = None) -> None:
        self._folder = claim(path)
        self._size_limit = size_limit
        self._expire = expire
        self._values = SqliteFile(self._folder / "values" / "cache.db")
        self._log = Log(self._folder / "log.db")
        self._leases = Leases(self._folder / "leases.db")
        self._writer: TextCache | None = None
        self._written = 0
        self._unweighed = size_limit  # the first write looks
        self._credits: Counter[str] = Counter()
        self._credited_at = time.monotonic()
        self._refuse_damage()
        self._drop_orphaned_indexes()

    @property
    def folder(self) -> Path:
        """The store's folder."""
        return self._folder

    def get(self, key: str) -> str | None:
        """The value, or None when absent, expired or unreadable."""
        rows = self._values.read(_GET, (key, time.time()))
        return _text(rows[0][0]) if rows else None

    def follow(self, key: str, prefix: str) -> tuple[str | None, str | None]:
        """The value and the one that it leads to, read by one statement."""
        now = time.time()
        rows = self._values.read(_FOLLOW, (prefix, now, key, now))
        return (_text(rows[0][0]), _text(rows[0][1])) if rows else (None, None)

    def expiry(self, key: str) -> float | None:
        """When the value expires, in seconds since 1970: never is infinite, None an absent one."""
        rows = self._values.read(_EXPIRY, (key, time.time()))
        return float(rows[0][0]) if rows else None

    def version(self) -> tuple[int, int] | None:
        """SQLite's count of the commits of others. Values are written through connections of the cache's own."""
        return self._values.version()

    def put(self, key: str, value: str) -> None:
        """Write the value. Raises `StoreError` when it was not written."""
        self._write({key: value})

    def write(self, values: Mapping[str, str], entry: LogEntry) -> int:
        """Write all the values or none, then append the entry; its id. Raises `StoreError`."""
        self._write(values)
        return self._log.append(entry)

    def credit(self, *keys: str) -> None:
        """Note that these values have saved a model call."""
        for key in keys:
            self._credits[key] += 1
        waited = time.monotonic() - self._credited_at
        if waited > CREDITED_EVERY_S or len(self._credits) >= CREDITS_KEPT:
            self._credited_at = time.monotonic()
            threading.Thread(target=self._give_credit, args=(1.0,), name="stepflow-credit", daemon=True).start()

    def delete(self, key: str) -> bool:
        """Remove the value; whether it was there."""
        return self._values.exists() and self._cache.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The live keys with the prefix, the longest unwritten first. Raises `StoreError` when that cannot be seen."""
        try:
            rows = self._values.rows(_KEYS, (prefix, prefix + "\U0010ffff", time.time()))
        except (sqlite3.Error, UnicodeError) as error:
            if is_passing(error):  # whoever asks what there is must not take it for nothing
                raise StoreError(explain(error, self._folder)) from error
            rows = []
        return iter([key for (key,) in rows])

    def append(self, entry: LogEntry) -> int:
        """Append to the log; the entry's id. Put the value first: a kill in between must not leave a promise."""
        return self._log.append(entry)

    def tail(self, after: int, namespace: str | None = None, limit: int | None = None) -> Sequence[LogEntry]:
        """The log's entries with an id larger than `after`, in order, at most `limit`."""
        return self._log.tail(after, namespace, limit)

    def with_skeleton(self, namespace: str, skeleton: str, limit: int) -> Sequence[str]:
        """Keys written with this skeleton, newest first."""
        return self._log.with_skeleton(namespace, skeleton, limit)

    def with_signature(self, namespace: str, signature: str, limit: int) -> Sequence[str]:
        """Keys written with this signature, newest first."""
        return self._log.with_signature(namespace, signature, limit)

    def acquire(self, key: str, owner: str, seconds: float) -> str:
        """Take or renew a lease; its owner now. Raises `StoreError`."""
        return self._leases.acquire(key, owner, seconds)

    def release(self, key: str, owner: str) -> None:
        """Give a lease back. Raises `StoreError`."""
        self._leases.release(key, owner)

    def stats(self) -> Mapping[str, Any]:
        """Live values, bytes on disk, the size limit in bytes, log entries, and the folder."""
        return {
            "values": len(list(self.keys())),
            "bytes": sum(_size(file) for file in self._folder.rglob("*.db*")),
            "size_limit": self._size_limit,
            "log_entries": self._log.count(),
            "path": str(self._folder),
        }

    def prune(self) -> int:
        """Remove what has expired or is over the size limit, and compact the log; how many values went."""
        if not self._values.exists():
            return 0
        before = self._count()
        self._give_credit()
        while self._cache.expire():
            pass
        if self._cache.is_over():
            self._cache.make_room()
        gone = before - self._count()
        self._log.compact(self._live_keys)
        self._log.vacuum()
        return max(gone, 0)

    def check(self) -> Sequence[str]:
        """Audit values, log and leases; a sentence for each thing found wrong."""
        return (*self._check_values(), *self._log.check(), *self._leases.check())

    def news(self) -> Sequence[str]:
        """Nothing: what goes wrong here does not mend by itself."""
        return ()

    def close(self) -> None:
        """Close what was opened. Idempotent."""
        self._give_credit()
        self._values.close()
        self._log.close()
        self._leases.close()
        if self._writer is not None:
            self._writer.close()

    def _write(self, values: Mapping[str, str]) -> None:
        self._cache.write(values)
        self._written += 1
        self._unweighed += sum(map(len, values.values()))
        gone: Sequence[str] = ()
        if self._written % TIDY_EVERY == 0:
            gone = self._cache.expire()
        if self._unweighed > self._size_limit * WEIGHED_EVERY:
            self._unweighed = 0
            if self._cache.is_over():
                self._give_credit()
                gone = (*gone, *self._cache.make_room())
        if gone:
            self._log.forget(gone)

    def _give_credit(self, patience_s: float = 0.0) -> None:
        """Write the notes down. Those for which other writers leave no room are lost."""
        noted, self._credits = self._credits, Counter()
        if noted and self._values.exists():
            self._values.attempt(_CREDIT, [(count, key) for key, count in noted.items()], patience_s)

    @property
    def _cache(self) -> TextCache:
        if self._writer is None:
            from stepflow.adapters.stores.text_cache import TextCache

            self._writer = TextCache(self._values.path.parent, self._size_limit, self._expire)
        return self._writer

    def _drop_orphaned_indexes(self) -> None:
        """Drop saved indexes that speak of a log which is gone: the next one counts from 1 again."""
        indexes = self._folder / "indexes"
        if not self._log.exists() and indexes.exists():
            import shutil

            shutil.rmtree(indexes, ignore_errors=True)

    def _refuse_damage(self) -> None:
        if not self._values.exists():
            return
        try:
            self._values.rows("select count(*) from sqlite_master")
        except sqlite3.Error as error:
            if is_passing(error):
                return  # nothing can be read as long as that lasts: the model answers, and the journal says why
            raise StoreError(explain(error, self._folder)) from error

    def _live_keys(self) -> Collection[str]:
        # Strictly: read as if empty, a file damaged for a moment would cost the whole log.
        try:
            return {key for (key,) in self._values.rows(f"select key from Cache where {_LIVE}", (time.time(),))}
        except sqlite3.Error as error:
            raise StoreError(explain(error, self._folder)) from error

    def _count(self) -> int:
        return sum(count for (count,) in self._values.read("select count(*) from Cache"))

    def _check_values(self) -> Sequence[str]:
        if not self._values.exists():
            return ()
        try:
            findings = list(self._cache.check())
            rows = self._values.rows("select key, raw, mode, filename, value from Cache order by rowid")
        except (StoreError, sqlite3.Error) as error:
            return (str(error) if isinstance(error, StoreError) else explain(error, self._folder),)
        for key, raw, mode, filename, value in rows:
            if raw != 1 or mode != 1 or filename is not None or not isinstance(key, str) or not _is_json(value):
                findings.append(f"{self._folder}: the value of {key!r} has {_FOREIGN}")
        return findings


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # another process has just closed the last connection, and with it the WAL went
        return 0


def _is_json(value: object) -> bool:
    try:
        json.loads(value if isinstance(value, str) else "")
    except (ValueError, RecursionError):
        return False
    return True
