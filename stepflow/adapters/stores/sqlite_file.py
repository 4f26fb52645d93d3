"""One SQLite file shared by threads and processes, and what its errors mean to a user."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from stepflow.errors import StoreError

Row = tuple[Any, ...]
T = TypeVar("T")

PATIENCE_S = 60.0
"""How long a write waits for others. SQLite queues writers unfairly: with four processes, 11 s was the worst seen."""

_TIMEOUT_S = PATIENCE_S / 6
_READ_ONLY = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_OTHER_LAYOUT = re.compile(r"no such (?:table|column)|has no column|constraint failed")
_PASSING = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


_numbers = count(1)


class _Connection(sqlite3.Connection):
    """A connection that can be referred to weakly, which the built-in class cannot. `number` is its own."""

    number = 0


class SqliteFile:
    """A SQLite file. Each thread has its own connection, and a forked process its own again.

    Without a `schema` (SQL that creates what is missing) the file belongs to somebody else, is only read, and is never
    created here.
    """

    def __init__(self, path: Path, schema: str = "") -> None:
        self.path = path
        self._schema = schema
        self._local = threading.local()
        self._opened: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._inherited: list[_Connection] = []

    def read(self, query: str, arguments: Sequence[Any] = ()) -> list[Row]:
        """The rows found; none when the file is absent, damaged or not yet set up."""
        try:
            return self.rows(query, arguments)
        except (sqlite3.Error, UnicodeError):
            return []

    def version(self) -> tuple[int, int] | None:
        """Another one as soon as anybody else, in whatever process, has committed; None when that cannot be seen.

        It belongs to this thread's connection, and does not show what is written through that one itself.
        """
        try:
            connection = self._connection("rw")
            return connection.number, connection.execute("pragma data_version").fetchone()[0]
        except sqlite3.Error:
            return None

    def rows(self, query: str, arguments: Sequence[Any] = ()) -> list[Row]:
        """The rows found. Raises `sqlite3.Error` when they cannot be read, also when the file is absent."""
        return self._connection("rw").execute(query, arguments).fetchall()

    @contextmanager
    def writing(self) -> Iterator[_Connection]:
        """A transaction, committed at the end. Raises `StoreError` when it cannot be written."""
        try:
            connection = patiently(self._ready)
            patiently(lambda: connection.execute("begin immediate"))
            with connection:
                yield connection
        except sqlite3.Error as error:
            raise StoreError(explain(error, self.path)) from error

    def attempt(self, statement: str, rows: Sequence[Row], patience_s: float = 0.0) -> bool:
        """Execute a statement for each of the rows, all or none, and whether that was possible in so much time."""
        try:
            connection = self._connection("rw")
            connection.execute(f"pragma busy_timeout = {patience_s * 1000:.0f}")
            try:
                connection.execute("begin immediate")
                with connection:
                    connection.executemany(statement, rows)
            finally:
                connection.execute(f"pragma busy_timeout = {_TIMEOUT_S * 1000:.0f}")
        except (sqlite3.Error, UnicodeError):
            return False
        return True

    def vacuum(self) -> None:
        """Give freed pages back to the file system. Raises `StoreError`."""
        try:
            patiently(lambda: self._ready().execute("vacuum"))
        except sqlite3.Error as error:
            raise StoreError(explain(error, self.path)) from error

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def close(self) -> None:
        """Close every thread's connection. The next use opens them again."""
        for connection in list(self._opened):
            connection.close()
        self._opened.clear()
        self._local = threading.local()

    def _ready(self) -> _Connection:
        connection = self._connection("rwc")
        if not getattr(self._local, "ready", False):
            connection.executescript(f"pragma journal_mode = wal; pragma synchronous = normal; {self._schema}")
            self._local.ready = True
        return connection

    def _connection(self, mode: str) -> _Connection:
        local = self._local
        connection: _Connection | None = getattr(local, "connection", None)
        if connection is not None and local.pid == os.getpid():
            return connection
        if connection is not None:
            self._inherited.append(connection)  # SQLite forbids a child even to close what its parent opened
        local.connection = self._open(mode)
        local.pid = os.getpid()
        local.ready = False
        return local.connection  # type: ignore[no-any-return]

    def _open(self, mode: str) -> _Connection:
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,  # only so that `close` reaches the connections of other threads
            factory=_Connection,
        )
        connection.number = next(_numbers)
        self._opened.add(connection)
        return connection


def patiently(action: Callable[[], T]) -> T:
    """The action's result, tried again while another process writes. Raises what it raised after `PATIENCE_S`.

    Every other error is raised at once: a read-only or full disk does not heal by waiting.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return action()
        except Exception as error:
            if _code(error) not in _BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.001)


def explain(error: BaseException, path: Path) -> str:
    """What went wrong with the store at `path`, and how to mend it, as a sentence."""
    code = _code(error)
    if code == sqlite3.SQLITE_FULL or _is_of(error, sqlite3.SQLITE_IOERR_SHMSIZE):
        return f"the store {path} cannot be used: the disk is full; free some space or lower `size_limit`"
    if code in _READ_ONLY:
        return f"the store {path} cannot be opened for writing; make its folder writable or set another `path`"
    if code in _DAMAGED:
        return f"the store {path} is damaged; stop what uses it and delete its folder: it will be filled anew"
    if code in _BUSY:
        return f"the store {path} has been locked by another process for {PATIENCE_S:.0f} s; stop that process"
    if _OTHER_LAYOUT.search(str(_cause(error))):
        return (
            f"the store {path} was laid out by another version of stepflow ({_cause(error)}); "
            "set another `path`, or stop what uses it and delete its folder: it will be filled anew"
        )
    return f"the store {path} cannot be used: {_cause(error)}"


def is_passing(error: BaseException) -> bool:
    """Whether it may be gone at the next try: no room, also for the 32 KiB that readers share, or a failing disk."""
    return _code(error) in _PASSING


def _code(error: BaseException) -> int | None:
    code: int | None = getattr(_cause(error), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _is_of(error: BaseException, extended: int) -> bool:
    return getattr(_cause(error), "sqlite_errorcode", None) == extended


def _cause(error: BaseException) -> BaseException:
    """The SQLite error that came first: diskcache raises a bare `Timeout` in place of whatever stopped a transaction,
    and when a full disk has ended one, an error that there is none to roll back.
    """
    found, behind = error, error.__context__
    while behind is not None:
        found = behind if isinstance(behind, sqlite3.Error) else found
        behind = behind.__context__
    return found
