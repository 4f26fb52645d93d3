"""The append-only log beside a disk store: which record was written or deleted, and how it is found again.

Ids only grow, also after deletions, so that every process can tail the log by the last id that it has seen. (The rows
of diskcache cannot serve: an overwrite keeps the row's id, and the id of a deleted newest row is given out again.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from stepflow.adapters.stores.sqlite_file import Row, SqliteFile, explain
from stepflow.adapters.stores.vectors import pack, unpack
from stepflow.protocols import LogEntry

# Each index ends, as in every SQLite table, with the id: the three by namespace serve `tail`, `with_skeleton` and
# `with_signature` as one seek, however much the other namespaces hold.
_SCHEMA = """
create table if not exists log (
    id integer primary key autoincrement,
    op text not null,
    key text not null,
    namespace text not null,
    skeleton text not null,
    signature text not null,
    vector blob not null
);
create index if not exists log_namespace on log (namespace);
create index if not exists log_skeleton on log (namespace, skeleton);
create index if not exists log_signature on log (namespace, signature);
create index if not exists log_key on log (key, op);
"""

_ENTRIES = "select op, key, namespace, skeleton, signature, vector, id from log where id > ? "
_NEWEST_OF_KEY = (
    "select key from log as entry where namespace = ? and {column} = ? and op = '+' "
    "and not exists (select 1 from log as later where later.key = entry.key and later.id > entry.id) "
    "order by id desc limit ?"
)
_MALFORMED = (
    "select id from log where op not in ('+', '-') or key = '' or typeof(key) <> 'text' or typeof(namespace) <> 'text' "
    "or typeof(skeleton) <> 'text' or typeof(signature) <> 'text' or typeof(vector) <> 'blob' order by id"
)


class Log:
    """The log in one SQLite file. Reads treat a missing or damaged file as an empty log; writes raise `StoreError`."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA)

    def append(self, entry: LogEntry) -> int:
        """Append an entry; its id."""
        return self.extend((entry,))

    def extend(self, entries: Iterable[LogEntry]) -> int:
        """Append entries in one transaction; the last one's id."""
        insert = "insert into log (op, key, namespace, skeleton, signature, vector) values (?, ?, ?, ?, ?, ?)"
        rows = [
            (each.op, each.key, each.namespace, each.skeleton, each.signature, pack(each.vector)) for each in entries
        ]
        with self._file.writing() as connection:
            ids = [connection.execute(insert, row).lastrowid for row in rows]
        return ids[-1] or 0

    def tail(self, after: int, namespace: str | None = None, limit: int | None = None) -> Sequence[LogEntry]:
        """The well-formed entries with an id larger than `after`, in order: the first `limit` of all, when given."""
        most = -1 if limit is None else limit
        where, named = ("", ()) if namespace is None else ("and namespace = ? ", (namespace,))
        found: list[LogEntry] = []
        while len(found) != most:
            rows = self._file.read(f"{_ENTRIES}{where}order by id limit ?", (after, *named, most))
            found += islice(_entries(rows), None if limit is None else most - len(found))
            if limit is None or len(rows) < most:
                break
            after = rows[-1][-1]  # some were malformed: the limit counts those that are not
        return tuple(found)

    def with_skeleton(self, namespace: str, skeleton: str, limit: int) -> Sequence[str]:
        """Keys whose newest entry is a '+' with this skeleton, newest first."""
        query = _NEWEST_OF_KEY.format(column="skeleton")
        return tuple(key for (key,) in self._file.read(query, (namespace, skeleton, limit)))

    def with_signature(self, namespace: str, signature: str, limit: int) -> Sequence[str]:
        """Keys whose newest entry is a '+' with this signature, newest first."""
        query = _NEWEST_OF_KEY.format(column="signature")
        return tuple(key for (key,) in self._file.read(query, (namespace, signature, limit)))

    def exists(self) -> bool:
        """Whether there is a log yet."""
        return self._file.exists()

    def count(self) -> int:
        """How many entries there are."""
        return sum(count for (count,) in self._file.read("select count(*) from log"))

    def forget(self, keys: Sequence[str]) -> None:
        """Delete the entries of keys whose values are gone for good."""
        if self._file.exists():
            with self._file.writing() as connection:
                connection.executemany("delete from log where key = ?", [(key,) for key in keys])

    def compact(self, live_keys: Callable[[], Collection[str]]) -> None:
        """Delete every entry but the newest '+' of each live key. Ids are not given out again."""
        if not self._file.exists():
            return
        with self._file.writing() as connection:
            # The lock comes first: whoever appends has put the value before, so a key that is asked for from here on
            # and is not live stays dead.
            live = live_keys()
            rows = connection.execute("select id, op, key from log order by id desc").fetchall()
            connection.executemany("delete from log where id = ?", [(id_,) for id_ in _dead(rows, live)])

    def vacuum(self) -> None:
        """Give the space of deleted entries back to the file system."""
        if self._file.exists():
            self._file.vacuum()

    def check(self) -> Sequence[str]:
        """A sentence for each thing found wrong. An entry whose record is gone is not wrong: records are evicted."""
        if not self._file.exists():
            return ()
        try:
            damage = [text for (text,) in self._file.rows("pragma integrity_check") if text != "ok"]
            malformed = [id_ for (id_,) in self._file.rows(_MALFORMED)]
            vectors = self._file.rows("select id, vector from log where typeof(vector) = 'blob' order by id")
        except sqlite3.Error as error:
            return (explain(error, self._file.path),)
        malformed += [id_ for id_, vector in vectors if unpack(vector) is None]
        return (
            *(f"{self._file.path}: {text}" for text in damage),
            *(f"{self._file.path}: entry {id_} is malformed; it is ignored" for id_ in malformed),
        )

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._file.close()


def _entries(rows: Sequence[Row]) -> Iterator[LogEntry]:
    for op, key, namespace, skeleton, signature, packed, id_ in rows:
        vector = unpack(packed)
        if op in ("+", "-") and vector is not None:
            yield LogEntry(op, key, namespace, skeleton, signature, vector, id_)


def _dead(newest_first: Sequence[Row], live: Collection[str]) -> Iterator[int]:
    kept: set[str] = set()
    for id_, op, key in newest_first:
        if op == "+" and key in live and key not in kept:
            kept.add(key)
        else:
            yield id_
