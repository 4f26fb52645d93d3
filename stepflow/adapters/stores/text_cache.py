"""diskcache, cut down to what is safe: text under text keys, in the database, never pickled, never in a file.

diskcache's own `Disk` unpickles what it finds (CVE-2025-69872): a row planted in the folder ran code. Values in files
would also leave orphans behind when a process is killed between the file and the row.
"""

from __future__ import annotations

import sqlite3
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import diskcache

from stepflow.adapters.stores.sqlite_file import PATIENCE_S, explain, patiently
from stepflow.errors import StoreError

T = TypeVar("T")
RAW = 1
"""diskcache's mode of a value that stands in the database as it is."""

_FILLED_AFTER = 0.97
"""Share of the size limit that is filled after an eviction: to look for what earns least is dear."""
_BATCH = 500
"""Rows in one statement: SQLite takes 999 variables, in old builds."""
_ROW_BYTES = 150
"""What a row takes beside its value: its key, twice, and its numbers."""
_WORTH_INDEX = (
    "create index if not exists Cache_worth on Cache (store_time, access_count, size)"  # read without the values
)
_LEAST_WORTH = f"""
select rowid, size from Cache
order by (access_count + 1.0) / ((max(?1 - store_time, 0) + 3600) * (size + {_ROW_BYTES})), store_time, rowid
"""
"""Calls saved for each second and byte, the least first. One call and one hour are given in advance, so that the young
have their chance and yet do not crowd out what is used. A clock that went back makes nobody younger than new."""
_EXPIRED = "select rowid from Cache where expire_time is not null and expire_time <= ? order by expire_time limit 2000"


_WRITE = f"""
insert into Cache (key, raw, store_time, expire_time, access_time, access_count, tag, size, mode, filename, value)
values (?, 1, ?, ?, ?, 0, null, ?, {RAW}, null, ?)
on conflict (key, raw) do update set
    store_time = excluded.store_time, expire_time = excluded.expire_time, access_time = excluded.access_time,
    access_count = 0, tag = null, size = excluded.size, mode = {RAW}, filename = null, value = excluded.value
"""
"""What diskcache's `set` does in three statements, for one row that stands in the database."""


class TextDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache publishes no types
    """Keys and values are text, stored as such; every other form is refused on the way in and absent on the way out."""

    def put(self, key: Any) -> tuple[str, bool]:
        """The key's columns: the text itself, raw."""
        if not isinstance(key, str):
            raise TypeError(f"a key is text, not {type(key).__name__}")
        return key, True

    def get(self, key: Any, raw: bool) -> str:
        """The key that its columns denote."""
        if not raw or not isinstance(key, str):
            raise TypeError("a key that this store did not write")
        return key

    def store(self, value: Any, read: bool, key: Any = None) -> tuple[int, int, None, str]:
        """The value's columns: its size in bytes, mode, no file name, and the text itself."""
        if read or not isinstance(value, str):
            raise TypeError(f"a value is text, not {type(value).__name__}")
        return len(value.encode("utf-8", "surrogatepass")), RAW, None, value

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> str:
        """The text. Any other form raises `OSError`, which diskcache takes for a value that is gone."""
        if mode != RAW or not isinstance(value, str):
            raise OSError("a value that this store did not write")
        return value

    def remove(self, file_path: str) -> None:
        """Nothing: no value lives in a file, so a row that names one was planted to have that file deleted."""


class TextCache:
    """The writing side of a disk store. Everything raises `StoreError` when it cannot be written.

    diskcache evicts nothing here (`cull_limit=0`): of its policies each either writes at every hit or forgets what is
    used most, and within a transaction it evicts without end. `make_room` evicts, in batches.
    """

    def __init__(self, folder: Path, size_limit: int, expire: float | None) -> None:
        self._folder = folder
        self._size_limit = size_limit
        self._expire = expire
        self._cache = self._write(
            lambda: diskcache.Cache(
                str(folder),
                timeout=PATIENCE_S / 6,
                disk=TextDisk,
                size_limit=size_limit,
                cull_limit=0,
                eviction_policy="none",
            )
        )
        self._write(lambda: self._sql(_WORTH_INDEX))

    def write(self, values: Mapping[str, str]) -> None:
        """Write all the values or none."""

        def action() -> None:
            with self._cache.transact():
                now = time.time()
                until = None if self._expire is None else now + self._expire
                for key, value in values.items():
                    (name, _), (size, *_) = self._cache.disk.put(key), self._cache.disk.store(value, read=False)
                    self._sql(_WRITE, (name, now, until, now, size, value))

        self._write(action)

    def is_over(self) -> bool:
        """Whether the values take more than the size limit."""
        return self._write(self._volume) > self._size_limit

    def make_room(self) -> Sequence[str]:
        """Remove what earns least until the values are a little under the size limit; the keys that are gone."""
        return self._write(self._evict)

    def expire(self) -> Sequence[str]:
        """Remove what has expired; the keys that are gone."""
        return self._write(self._remove_expired)

    def delete(self, key: str) -> bool:
        """Remove the value; whether it was there."""
        return bool(self._write(lambda: self._cache.delete(key)))

    def check(self) -> Sequence[str]:
        """diskcache's self-audit, one sentence per finding."""
        with warnings.catch_warnings():
            warnings.simplefilter("always")  # diskcache reports by warnings: they must neither raise nor be dropped
            return [f"{self._folder}: {found.message}" for found in self._write(self._cache.check)]

    def close(self) -> None:
        """Close this thread's connection; the others' close with their threads."""
        self._cache.close()

    def _volume(self) -> int:
        """Bytes of the database. (diskcache's own `volume` adds the sizes of the values, which it takes for files.)"""
        ((pages,),) = self._sql("pragma page_count").fetchall()
        ((size,),) = self._sql("pragma page_size").fetchall()
        return int(pages * size)

    def _evict(self) -> Sequence[str]:
        # In one transaction: processes that find the store full at the same time shall not each take their share.
        with self._cache.transact():
            excess = self._volume() - int(self._size_limit * _FILLED_AFTER)
            victims: list[int] = []
            for rowid, size in self._sql(_LEAST_WORTH, (time.time(),)):
                if excess <= 0:
                    break
                victims.append(rowid)
                excess -= size + _ROW_BYTES
            return self._remove(victims)

    def _remove_expired(self) -> Sequence[str]:
        with self._cache.transact():
            return self._remove([row for (row,) in self._sql(_EXPIRED, (time.time(),)).fetchall()])

    def _remove(self, rows: Sequence[int]) -> Sequence[str]:
        """Delete the rows; their keys. The caller holds the transaction."""
        gone: list[object] = []
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            places = ", ".join("?" * len(batch))
            gone += [key for (key,) in self._sql(f"select key from Cache where rowid in ({places})", batch)]
            self._sql(f"delete from Cache where rowid in ({places})", batch)
        return [key for key in gone if isinstance(key, str)]

    @property
    def _sql(self) -> Any:
        """What executes a statement on this thread's connection."""
        return self._cache._sql

    def _write(self, action: Callable[[], T]) -> T:
        # Not diskcache's own `retry=True`: it retries every error, so that on a read-only disk it never returns.
        try:
            return patiently(action)
        except (diskcache.Timeout, sqlite3.Error, OSError) as error:
            raise StoreError(explain(error, self._folder)) from error
