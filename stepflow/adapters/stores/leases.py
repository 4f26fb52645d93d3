"""Leases on a disk: who is answering which request at this moment, for all processes on one machine.

They have a file of their own, so that nothing that befalls it can touch a record, and losing it costs a model call.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from stepflow.adapters.stores.sqlite_file import SqliteFile, explain, is_passing

_SCHEMA = "create table if not exists lease (key text primary key, owner text not null, until real not null);"
_HOLDER = "select owner from lease where key = ? and until > ? and until < ?"
_FREE = "delete from lease where until <= ? or until >= ? or (key = ? and owner = ?)"


class Leases:
    """Leases in one SQLite file. Everything raises `StoreError` when it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA)

    def acquire(self, key: str, owner: str, seconds: float) -> str:
        """Take or renew a lease; its owner now."""
        now = time.time()
        held = self._file.read(_HOLDER, (key, now, _absurd(now, seconds)))  # so that who waits writes nothing
        if held and held[0][0] != owner:
            return str(held[0][0])
        with self._file.writing() as connection:
            now = time.time()  # after the lock: nobody's lease can have been given later than this
            connection.execute(_FREE, (now, _absurd(now, seconds), key, owner))
            connection.execute("insert or ignore into lease values (?, ?, ?)", (key, owner, now + seconds))
            return str(connection.execute("select owner from lease where key = ?", (key,)).fetchone()[0])

    def release(self, key: str, owner: str) -> None:
        """Give a lease back; silent when it is another's by now."""
        with self._file.writing() as connection:
            connection.execute("delete from lease where key = ? and owner = ?", (key, owner))

    def check(self) -> Sequence[str]:
        """A sentence when the file cannot be used. No record is in it."""
        try:
            damage = self._file.exists() and self._file.rows("pragma quick_check(1)") != [("ok",)]
        except sqlite3.Error as error:
            if is_passing(error):
                return (explain(error, self._file.path),)
            damage = True
        if not damage:
            return ()
        return (f"{self._file.path} is damaged, so that several may ask the model the same at once; delete that file",)

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._file.close()


def _absurd(now: float, seconds: float) -> float:
    """An end that no lease can have, unless the clock went back: such a lease must not bind anybody."""
    return now + 10 * seconds
