"""The records, seen through a store, an embedder and one index for each namespace.

Rows of the store: `record:<id>` holds an encoded record, `exact:<request key>` a pointer to the record that answers
exactly this request. The log says under which hashes and which vector a record is found.
"""

from __future__ import annotations

import hashlib
import threading
import time
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from stepflow.errors import StoreError, UsageError
from stepflow.model import Answered, Record
from stepflow.protocols import Candidate, Embedder, Index, LogEntry, Nomination, Store
from stepflow.records import UnreadableRecord, decode_answered, decode_record, encode_record, pointed, pointer

T = TypeVar("T", Record, Answered)

_RECORD = "record:"
_EXACT = "exact:"
_UNPOINTED = "the row of request {} is unreadable, or belongs to another"

MAX_INDEXES = 64
"""Indexes kept in memory. Every conversation is a namespace of its own, so a server sees them without end; an index
that was dropped is built again from the log."""


FED_AT_ONCE = 50_000
FED_IN_A_CHUNK = 2_000
"""Log entries that a search reads itself before it looks; the rest of a long log is read by a thread, in chunks."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A record that answers exactly one request, as it stood when the store had this version.

    `rows` are the keys of the two rows that say so, `digest` is of the record's text, and `until` is when the first
    of the rows expires, in seconds since 1970.
    """

    request_key: str
    record_id: str
    rows: tuple[str, str]
    digest: bytes
    until: float
    version: Hashable


class Archive:
    """The records of a store. Thread-safe; other processes may read and write the same store.

    A record that cannot be read counts as absent, and a journal note says why. Writing raises `StoreError`.
    `make_index` is given a name that belongs to one namespace and one embedder.
    """

    def __init__(self, store: Store, embedder: Embedder, make_index: Callable[[str], Index]) -> None:
        self._store = store
        self._embedder = embedder
        self._make_index = make_index
        self._indexes: dict[str, Index] = {}
        self._feeders: dict[str, threading.Thread] = {}
        self._closed = False
        self._lock = threading.Lock()

    # --- finding ------------------------------------------------------------------------------------------------------

    def lookup(self, request_key: str) -> tuple[Answered | None, tuple[str, ...]]:
        """What the record that answers exactly this request says, and notes about rows that could not be read."""
        row, text = self._store.follow(_EXACT + request_key, _RECORD)
        notes = [*self._store.news()]
        if row is None:
            return None, tuple(notes)
        record_id = pointed(row, request_key)
        if record_id is None:
            return None, (*notes, _UNPOINTED.format(request_key))
        answered = _decoded(text, _RECORD + record_id, notes, decode_answered)
        if answered is not None:
            self._store.credit(_EXACT + request_key, _RECORD + record_id)
        return answered, tuple(notes)

    def sighting(self, request_key: str) -> Sighting | None:
        """The record of exactly this request as it stands now; None when there is none, or it cannot be watched.

        Seen again and equal, it still answers the request. It says nothing of calls saved.
        """
        version = self._store.version()  # first: what is written from here on makes it another
        row, text = self._store.follow(_EXACT + request_key, _RECORD) if version is not None else (None, None)
        record_id = None if row is None else pointed(row, request_key)
        expiries = [self._store.expiry(key) for key in (_EXACT + request_key, f"{_RECORD}{record_id}")]
        if record_id is None or text is None or None in expiries:
            return None
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        rows = _EXACT + request_key, _RECORD + record_id
        return Sighting(request_key, record_id, rows, digest, min(each or 0.0 for each in expiries), version)

    def version(self) -> Hashable | None:
        """Another one after every change of any value; None where that cannot be seen. Those of two threads differ."""
        return self._store.version()

    def still(self, seen: Sighting, version: Hashable | None) -> Sighting | None:
        """What was seen, as it stands now: the same when no value has changed since. None when it is gone.

        `version` is the present one, asked for in the thread in which it was seen.
        """
        if time.time() < seen.until and version is not None and version == seen.version:
            return seen
        now = self.sighting(seen.request_key)
        return now if now is not None and (now.record_id, now.digest) == (seen.record_id, seen.digest) else None

    def credit(self, seen: Sighting) -> None:
        """Note that what was seen has saved a model call."""
        self._store.credit(*seen.rows)

    def nominate(
        self,
        namespace: str,
        signature: str,
        skeleton: str,
        prompt: str,
        top_k: int,
        min_similarity: float | None = None,
        *,
        by_hash: bool = True,
        by_similarity: bool = True,
    ) -> Nomination:
        """At most `top_k` candidates: of the same signature; if none, of the same skeleton; if none, the similar ones.

        By hash the newest come first; by similarity the nearest, none below `min_similarity` (a cosine; None leaves it
        to the embedder).
        """
        notes: list[str] = []
        found: tuple[Candidate, ...] = ()
        if by_hash:
            keys = self._store.with_signature(namespace, signature, top_k)
            found = self._found("signature", namespace, keys, notes)
        if by_hash and not found:
            keys = self._store.with_skeleton(namespace, skeleton, top_k)
            found = self._found("skeleton", namespace, keys, notes)
        if by_similarity and not found:
            floor = self._embedder.default_min_similarity if min_similarity is None else min_similarity
            found = self._similar(namespace, prompt, top_k, floor, notes)
        return Nomination(found, tuple(dict.fromkeys(notes)))

    def get(self, id_or_prefix: str) -> Record:
        """The record with this id, or with the only id that begins so. Raises `UsageError`, saying which it is not."""
        record_id = self._full_id(id_or_prefix)
        notes: list[str] = []
        record = self._read(_RECORD + record_id, notes)
        if record is None:
            raise UsageError(notes[0] if notes else f"there is no record {record_id}")
        return record

    def records(
        self,
        rule: str | None = None,
        tenant: str | None = None,
        tag: str | None = None,
        *,
        newest_first: bool = False,
    ) -> Iterator[Record]:
        """Every readable record, or those of one rule, tenant or tag; oldest first unless it is wished otherwise."""
        keys = self._store.keys(_RECORD)
        for key in reversed(list(keys)) if newest_first else keys:
            record = self._read(key, [])
            if record is None or rule not in (None, record.rule) or tenant not in (None, record.tenant):
                continue
            if tag is None or tag in record.tags:
                yield record

    # --- writing ------------------------------------------------------------------------------------------------------

    def save(self, record: Record) -> None:
        """Store a record and make it findable. It stands whole before anything points to it."""
        self._write(record, {_EXACT + record.request_key: pointer(record.request_key, record.id)})

    def adopt(self, record: Record) -> bool:
        """Store a record that comes from elsewhere; False, and nothing is written, when its id is taken.

        No request finds it as its own answer: it is verified before it is served, like any candidate.
        """
        if self._store.get(_RECORD + record.id) is not None:
            return False
        self._write(record, {})
        return True

    def link(self, request_key: str, record_id: str) -> None:
        """Let exactly this request find a record that has just answered it."""
        self._store.credit(_RECORD + record_id)
        self._store.put(_EXACT + request_key, pointer(request_key, record_id))

    def acquire(self, request_key: str, owner: str, seconds: float) -> str:
        """Take or renew the lease of a request that is about to be answered; its owner now. Raises `StoreError`."""
        return self._store.acquire(request_key, owner, seconds)

    def release(self, request_key: str, owner: str) -> None:
        """Give a lease back; silent when it is another's by now. Raises `StoreError`."""
        self._store.release(request_key, owner)

    def delete(self, record_id: str) -> bool:
        """Remove a record and its own exact row; whether it was there."""
        key = _RECORD + record_id
        record = self._read(key, [])
        there = self._store.delete(key)
        if record is not None:
            exact = _EXACT + record.request_key
            if pointed(self._store.get(exact) or "", record.request_key) == record_id:
                self._store.delete(exact)
        if there:
            self._store.append(LogEntry("-", key, record.namespace if record else ""))
        return there

    # --- housekeeping -------------------------------------------------------------------------------------------------

    def stats(self) -> Mapping[str, Any]:
        """The store's figures, and the number of records."""
        return {"records": sum(1 for _ in self._store.keys(_RECORD)), **self._store.stats()}

    def prune(self) -> int:
        """Remove what has expired and compact the log; how many values went."""
        return self._store.prune()

    def check(self) -> Sequence[str]:
        """Audit the store, every record and every pointer to one; a sentence for each thing found wrong."""
        notes: list[str] = []
        for key in self._store.keys(_RECORD):
            self._read(key, notes)
        for key in self._store.keys(_EXACT):
            row, request_key = self._store.get(key), key.removeprefix(_EXACT)
            if row is not None and pointed(row, request_key) is None:  # that its record is gone is nothing wrong
                notes.append(_UNPOINTED.format(request_key))
        return (*self._store.check(), *notes)

    def close(self) -> None:
        """Close the store. Idempotent."""
        with self._lock:
            self._closed = True
            indexes, feeders = [*self._indexes.values()], [*self._feeders.values()]
            self._indexes.clear()
        for feeder in feeders:
            feeder.join()
        for index in indexes:
            index.close()
        self._store.close()

    # --- parts --------------------------------------------------------------------------------------------------------

    @property
    def _stamp(self) -> bytes:
        """Four bytes before each vector in the log, so that those of another embedder are never compared with ours."""
        return zlib.crc32(f"{self._embedder.name}/{self._embedder.dimensions}".encode()).to_bytes(4, "little")

    def _write(self, record: Record, pointers: Mapping[str, str]) -> None:
        if not record.id:
            raise ValueError("a record without an id cannot be stored")
        vector = self._embedder.embed(record.prompt)
        key = _RECORD + record.id
        stamped = self._stamp + vector if any(vector) else b""
        self._store.write(
            {key: encode_record(record), **pointers},
            LogEntry("+", key, record.namespace, record.skeleton, record.signature, stamped),
        )

    def _read(self, key: str, notes: list[str]) -> Record | None:
        return _decoded(self._store.get(key), key, notes, decode_record)

    def _found(self, how: str, namespace: str, keys: Iterable[str], notes: list[str]) -> tuple[Candidate, ...]:
        records = [self._read(key, notes) for key in keys]
        return tuple(Candidate(record, how) for record in records if record and record.namespace == namespace)

    def _similar(
        self, namespace: str, prompt: str, top_k: int, floor: float, notes: list[str]
    ) -> tuple[Candidate, ...]:
        vector = self._embedder.embed(prompt)
        if not any(vector):
            return ()
        found: dict[str, Candidate] = {}
        for limit in (top_k * 2**doubling for doubling in count()):
            gone = []
            for key, cosine in self._search(namespace, vector, limit, notes):
                if cosine < floor or len(found) == top_k:
                    break
                record = found[key].record if key in found else self._read(key, notes)
                if record is None or record.namespace != namespace:
                    gone.append(key)
                else:
                    found[key] = Candidate(record, "similarity", cosine)
            self._forget(namespace, gone)
            if not gone or len(found) == top_k:
                break  # else the places of the gone were wasted: look further
        return tuple(found.values())

    def _search(self, namespace: str, vector: bytes, limit: int, notes: list[str]) -> Sequence[tuple[str, float]]:
        with self._lock:
            index = self._fed(namespace)
            if index.note:
                notes.append(index.note)
            return index.search(vector, limit)

    def _forget(self, namespace: str, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                self._index(namespace).remove(key)

    def _index(self, namespace: str) -> Index:
        """The namespace's index as it is. The caller holds the lock."""
        index = self._indexes.pop(namespace, None)
        if index is None:
            index = self._make_index(f"{namespace}-{self._stamp.hex()}")
        self._indexes[namespace] = index  # at the end: the least recently used stands first
        if len(self._indexes) > MAX_INDEXES:
            del self._indexes[next(iter(self._indexes))]
        return index

    def _fed(self, namespace: str) -> Index:
        """The index with what the log holds by now; of a long log that nobody has read yet, a thread feeds the rest."""
        index = self._index(namespace)
        feeder = self._feeders.get(namespace)
        if feeder is not None and feeder.is_alive():
            return index
        for _ in range(0, FED_AT_ONCE, FED_IN_A_CHUNK):
            if self._feed(namespace, index) < FED_IN_A_CHUNK:
                return index
        self._feeders[namespace] = threading.Thread(target=self._feed_rest, args=(namespace, index), daemon=True)
        self._feeders[namespace].start()
        return index

    def _feed(self, namespace: str, index: Index) -> int:
        """Feed one chunk of the log; how many entries it had. The caller holds the lock."""
        stamp, length = self._stamp, 4 + 4 * self._embedder.dimensions
        after = index.seen
        entries = self._store.tail(after, namespace, FED_IN_A_CHUNK)
        for entry in entries:
            if entry.op == "-":
                index.remove(entry.key)
            elif len(entry.vector) == length and entry.vector.startswith(stamp):
                index.add(entry.key, entry.vector[4:])
        index.settle(after, entries[-1].id if entries else after)
        return len(entries)

    def _feed_rest(self, namespace: str, index: Index) -> None:
        while not self._closed and self._indexes.get(namespace) is index:
            if not index.is_behind:
                try:
                    with self._lock:
                        if self._feed(namespace, index) < FED_IN_A_CHUNK:
                            return
                except StoreError:  # the next search goes on from here, and says what is wrong
                    return
            time.sleep(0.05 if index.is_behind else 0.002)  # whoever waits for the lock comes in between

    def _full_id(self, id_or_prefix: str) -> str:
        if not id_or_prefix:
            raise UsageError("an empty text is not a record's id")
        if self._store.get(_RECORD + id_or_prefix) is not None:
            return id_or_prefix
        ids = [key.removeprefix(_RECORD) for key in self._store.keys(_RECORD + id_or_prefix)]
        if not ids:
            raise UsageError(f"there is no record {id_or_prefix!r}")
        if len(ids) > 1:
            examples = ", ".join(sorted(ids)[:3])
            raise UsageError(f"{len(ids)} records begin with {id_or_prefix!r} ({examples} …); give more of the id")
        return ids[0]


def _decoded(text: str | None, key: str, notes: list[str], decode: Callable[[str], T]) -> T | None:
    """The record that stands under the key as this text; a note says why it counts as absent."""
    if text is None:
        return None
    try:
        record = decode(text)
        if _RECORD + record.id != key:
            raise UnreadableRecord(f"it is the record {record.id}")
    except UnreadableRecord as error:
        notes.append(f"record {key.removeprefix(_RECORD)} counts as absent: {error}")
        return None
    return record
