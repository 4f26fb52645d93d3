"""diskcache, cut down to what is safe: text under text keys, in the database, never pickled, never in a file.

diskcache's own `Disk` unpickles what it finds (CVE-2025-69872): a row planted in the folder ran code. Values in files
would also leave orphans behind when a process is killed between the file and the row.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import diskcache

from stepflow.adapters.stores.sqlite_file import PATIENCE_S, explain, patiently
from stepflow.errors import StoreError

T = TypeVar("T")
RAW = 1
"""diskcache's mode of a value that stands in the database as it is."""


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
        """The value's columns: size in files, mode, no file name, and the text itself."""
        if read or not isinstance(value, str):
            raise TypeError(f"a value is text, not {type(value).__name__}")
        return 0, RAW, None, value

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> str:
        """The text. Any other form raises `OSError`, which diskcache takes for a value that is gone."""
        if mode != RAW or not isinstance(value, str):
            raise OSError("a value that this store did not write")
        return value

    def remove(self, file_path: str) -> None:
        """Nothing: no value lives in a file, so a row that names one was planted to have that file deleted."""


class TextCache:
    """The writing side of a disk store. Everything raises `StoreError` when it cannot be written."""

    def __init__(self, folder: Path, size_limit: int, expire: float | None) -> None:
        self._folder = folder
        self._expire = expire
        self._cache = self._write(
            lambda: diskcache.Cache(
                str(folder),
                timeout=PATIENCE_S / 6,
                disk=TextDisk,
                size_limit=size_limit,
                eviction_policy="least-recently-stored",  # the only policy under which reading never writes
            )
        )

    def put(self, key: str, value: str) -> None:
        """Write the value; what is over the size limit goes, oldest first."""
        self._write(lambda: self._cache.set(key, value, expire=self._expire))

    def delete(self, key: str) -> bool:
        """Remove the value; whether it was there."""
        return bool(self._write(lambda: self._cache.delete(key)))

    def prune(self) -> None:
        """Remove what has expired, and then what is over the size limit."""
        self._write(self._cache.expire)
        self._write(self._cache.cull)

    def check(self) -> Sequence[str]:
        """diskcache's self-audit, one sentence per finding."""
        with warnings.catch_warnings():
            warnings.simplefilter("always")  # diskcache reports by warnings: they must neither raise nor be dropped
            return [f"{self._folder}: {found.message}" for found in self._write(self._cache.check)]

    def close(self) -> None:
        """Close this thread's connection; the others' close with their threads."""
        self._cache.close()

    def _write(self, action: Callable[[], T]) -> T:
        # Not diskcache's own `retry=True`: it retries every error, so that on a read-only disk it never returns.
        try:
            return patiently(action)
        except (diskcache.Timeout, sqlite3.Error, OSError) as error:
            raise StoreError(explain(error, self._folder)) from error
