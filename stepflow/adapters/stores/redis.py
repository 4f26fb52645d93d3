"""Keeps records in Redis or Valkey, shared by any number of processes on any number of machines.

Any Redis from 5 on will do, or any Valkey: values with an expiry, streams, sorted sets and short scripts are used, and
no module. Each process keeps its own index of vectors, fed by the streams.

    store: {type: redis, url: '${REDIS_URL:-redis://localhost:6379/0}', prefix: stepflow, expire: 30d}

`rediss://` is TLS; user and password stand in the URL, and are never shown. All keys begin with `prefix`. There is no
size limit here: set `expire`, and give the server `maxmemory` with the policy `volatile-ttl`, under which the oldest
records go first.

It declines (a store error) when the URL is none, the library is missing (the extra `redis`), or the server cannot be
reached, or refuses. Then requests are answered by the model, the journal says so once, and a server that was away is
asked again after a pause of at most 5 seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr

from stepflow.adapters.stores.redis_scripts import ACQUIRE, FOLLOW, FORGET, RELEASE, WRITE
from stepflow.adapters.stores.redis_server import RedisServer
from stepflow.adapters.stores.vectors import pack, unpack
from stepflow.errors import StoreError
from stepflow.notation import BuildContext
from stepflow.options import Options as BaseOptions
from stepflow.protocols import LogEntry, Store

NAME = "redis"
PAGE = 1000
"""Rows that are asked for at once."""


class Options(BaseOptions):
    """What stands beside `type: redis`."""

    url: SecretStr = Field(description="The server: redis://…, rediss://… with TLS, or unix://…")
    prefix: str = Field(
        default="stepflow", pattern=r"^[A-Za-z0-9_.-]+$", description="What the store's keys on the server begin with."
    )
    expire: float | None = Field(
        default=None, gt=0, description="Seconds after which a value expires, e.g. 30d. Never when left out."
    )


def build(options: Options, context: BuildContext) -> Store:
    """The store. The server is not asked yet: it may be away. Raises `StoreError` when the URL is none."""
    return RedisStore(options.url.get_secret_value(), options.prefix, options.expire)


class RedisStore:
    """A `Store` on a Redis or Valkey server. `expire` is in seconds, None for never."""

    folder: Path | None = None

    def __init__(self, url: str, prefix: str = "stepflow", expire: float | None = None) -> None:
        self._server = RedisServer(url)
        self._prefix = prefix
        self._keep_ms = 0 if expire is None else max(1, round(expire * 1000))
        self._do_follow = self._server.script(FOLLOW)
        self._do_write = self._server.script(WRITE)
        self._do_forget = self._server.script(FORGET)
        self._do_acquire = self._server.script(ACQUIRE)
        self._do_release = self._server.script(RELEASE)

    def get(self, key: str) -> str | None:
        """The value, or None when absent, expired or unreadable. Raises `StoreError` while the server is away."""
        try:
            name = self._name("value", key)
            return _text(self._server.ask(lambda client: client.get(name)))
        except UnicodeEncodeError:
            return None
        except StoreError as error:
            if "WRONGTYPE" in str(error):
                return None
            raise

    def follow(self, key: str, prefix: str) -> tuple[str | None, str | None]:
        """The value and the one that it leads to, for one question. Raises `StoreError` while the server is away."""
        arguments = [self._prefix, key, prefix]
        try:
            found: list[object] = self._server.ask(lambda client: self._do_follow([], arguments, client))
        except UnicodeEncodeError:
            return None, None
        value, led_to = (*found, None, None)[:2]
        return _text(value), _text(led_to)

    def expiry(self, key: str) -> float | None:
        """None: nobody asks, where there is no version."""
        return None

    def version(self) -> None:
        """None: to know whether another machine has written anything takes a question to the server."""

    def put(self, key: str, value: str) -> None:
        """Write the value; it is the youngest now."""
        self._write({key: value})

    def write(self, values: Mapping[str, str], entry: LogEntry) -> int:
        """Write the values and append the entry, all or nothing; the entry's id."""
        return self._write(values, entry)

    def credit(self, *keys: str) -> None:
        """Nothing: what goes first is for the server's policy to say."""

    def delete(self, key: str) -> bool:
        """Remove the value; whether it was there."""

        def action(client: Any) -> Any:
            pipe = client.pipeline()
            return pipe.delete(self._name("value", key)).zrem(self._name("written"), key).execute()

        return bool(self._server.ask(action, writes=True)[0])

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The live keys with the prefix, the longest unwritten first."""
        for page in self._written():
            keys = [key for key in page if key.startswith(prefix)]
            live = self._each(keys, lambda pipe, key: pipe.exists(self._name("value", key)))
            yield from (key for key, there in zip(keys, live, strict=True) if there == 1)

    def append(self, entry: LogEntry) -> int:
        """Append to the log; the entry's id."""
        return self._write({}, entry)

    def tail(self, after: int, namespace: str | None = None, limit: int | None = None) -> Sequence[LogEntry]:
        """The well-formed entries with an id larger than `after`, in order, at most `limit`."""
        names = [self._name("log", namespace)] if namespace is not None else self._logs()
        found = [entry for name in names for entry in self._entries(name, after, limit)]
        found.sort(key=lambda entry: entry.id)
        return tuple(found[:limit])

    def with_skeleton(self, namespace: str, skeleton: str, limit: int) -> Sequence[str]:
        """Keys written with this skeleton, newest first."""
        return self._newest(self._name("hash", namespace, "s", skeleton), limit)

    def with_signature(self, namespace: str, signature: str, limit: int) -> Sequence[str]:
        """Keys written with this signature, newest first."""
        return self._newest(self._name("hash", namespace, "g", signature), limit)

    def acquire(self, key: str, owner: str, seconds: float) -> str:
        """Take or renew a lease; its owner now. Raises `StoreError`."""
        name, ms = self._name("lease", key), max(1, round(seconds * 1000))
        return str(_text(self._run(self._do_acquire, [name], [owner, ms])))

    def release(self, key: str, owner: str) -> None:
        """Give a lease back. Raises `StoreError`."""
        self._run(self._do_release, [self._name("lease", key)], [owner])

    def stats(self) -> Mapping[str, Any]:
        """Live values, bytes in them, no size limit, log entries, and the server's address with the prefix."""
        sizes = self._each(self.keys(), lambda pipe, key: pipe.strlen(self._name("value", key)))
        lengths = self._each(self._logs(), lambda pipe, name: pipe.xlen(name))
        whole = [size for size in sizes if isinstance(size, int)]
        return {
            "values": len(whole),
            "bytes": sum(whole),
            "size_limit": None,
            "log_entries": sum(length for length in lengths if isinstance(length, int)),
            "path": f"{self._server.address} {self._prefix}",
        }

    def prune(self) -> int:
        """Forget what has expired or was evicted, and compact the log; how many values had gone."""
        gone = 0
        for page in list(self._written()):
            gone += int(self._run(self._do_forget, [], [self._prefix, *page]))
        for name in self._logs():
            self._compact(name)
        return gone

    def check(self) -> Sequence[str]:
        """Audit the values and the log; a sentence for each thing found wrong."""
        findings = []
        for page in self._written():
            values = self._each(page, lambda pipe, key: pipe.get(self._name("value", key)))
            rows = zip(page, values, strict=True)
            findings += [f"the value of {key!r} is not JSON text" for key, value in rows if not _is_json(value)]
        for name in self._logs():
            findings += [
                f"the log {name}: entry {id_} is malformed; it is ignored"
                for id_, fields in self._rows(name)
                if _entry(id_, fields, "") is None
            ]
        return findings

    def news(self) -> Sequence[str]:
        """That the server is back, or takes again what it refused."""
        return self._server.news()

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._server.close()

    # --- parts --------------------------------------------------------------------------------------------------------

    def _name(self, *parts: str) -> str:
        return ":".join((self._prefix, *parts))

    def _write(self, values: Mapping[str, str], entry: LogEntry | None = None) -> int:
        arguments: list[Any] = [self._prefix, self._keep_ms, len(values)]
        for pair in values.items():
            arguments += pair
        if entry is not None:
            arguments += (entry.op, entry.key, entry.namespace, entry.skeleton, entry.signature, pack(entry.vector))
        return int(self._run(self._do_write, [], arguments))

    def _run(self, script: Callable[..., Any], names: list[str], arguments: list[Any]) -> Any:
        return self._server.ask(lambda client: script(names, arguments, client), writes=True)

    def _written(self) -> Iterator[list[str]]:
        """All keys that were written and not deleted, in pages, the longest unwritten first."""
        name, after = self._name("written"), "-inf"

        def action(client: Any) -> Any:
            return client.zrangebyscore(name, after, "+inf", start=0, num=PAGE, withscores=True)

        while rows := self._server.ask(action):
            yield [key for key in (_text(member) for member, _ in rows) if key is not None]
            after = f"({rows[-1][1]!r}"

    def _each(self, items: Any, command: Any) -> list[Any]:
        """The answers to one command for each of the items; an exception stands where one was refused."""
        answers: list[Any] = []
        for page in _pages(items):

            def action(client: Any, page: Sequence[str] = page) -> Any:
                pipe = client.pipeline(transaction=False)
                for item in page:
                    command(pipe, item)
                return pipe.execute(raise_on_error=False)

            answers += self._server.ask(action)
        return answers

    def _logs(self) -> list[str]:
        """The names of all logs, one for each namespace."""
        pattern = self._name("log", "*")
        found = self._server.ask(lambda client: list(client.scan_iter(pattern, count=PAGE)))
        return sorted({name for name in map(_text, found) if name is not None})

    def _rows(self, name: str, after: int = 0) -> Iterator[tuple[int, Mapping[bytes, bytes]]]:
        def action(client: Any) -> Any:
            return client.xrange(name, f"{after + 1}-0", "+", count=PAGE)

        while rows := self._server.ask(action):
            for id_, fields in rows:
                after = int(id_.split(b"-")[0])
                yield after, fields or {}
            if len(rows) < PAGE:
                return

    def _entries(self, name: str, after: int, limit: int | None) -> Iterator[LogEntry]:
        namespace = name.removeprefix(self._name("log", ""))
        count = 0
        for id_, fields in self._rows(name, after):
            if count == limit:
                return
            entry = _entry(id_, fields, namespace)
            if entry is not None:
                count += 1
                yield entry

    def _newest(self, name: str, limit: int) -> Sequence[str]:
        found = self._server.ask(lambda client: client.zrevrange(name, 0, limit - 1)) if limit > 0 else []
        return tuple(key for key in map(_text, found) if key is not None)

    def _compact(self, name: str) -> None:
        """Delete every entry of a log but the newest '+' of each live key."""
        entries = list(self._entries(name, 0, None))
        newest = {entry.key: entry for entry in entries}
        live = self._each(newest, lambda pipe, key: pipe.exists(self._name("value", key)))
        dead = {key for key, there in zip(newest, live, strict=True) if there != 1}
        old = [entry for entry in entries if entry.op != "+" or entry is not newest[entry.key] or entry.key in dead]

        def forget(pipe: Any, entry: LogEntry) -> None:
            pipe.xdel(name, f"{entry.id}-0")
            if entry.key in dead:
                for kind, hash_ in (("s", entry.skeleton), ("g", entry.signature)):
                    pipe.zrem(self._name("hash", entry.namespace, kind, hash_), entry.key)

        self._each(old, forget)


def _pages(items: Any) -> Iterator[Sequence[Any]]:
    rest = iter(items)
    while page := tuple(islice(rest, PAGE)):
        yield page


def _text(value: Any) -> str | None:
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else None
    except UnicodeDecodeError:
        return None


def _entry(id_: int, fields: Mapping[bytes, bytes], namespace: str) -> LogEntry | None:
    op, key, skeleton, signature = (_text(fields.get(name)) for name in (b"o", b"k", b"s", b"g"))
    vector = unpack(fields.get(b"v"))
    if op not in ("+", "-") or not key or skeleton is None or signature is None or vector is None:
        return None
    return LogEntry(op, key, namespace, skeleton, signature, vector, id_)


def _is_json(value: object) -> bool:
    """Whether it is JSON text, or nothing: a value may expire while it is looked for."""
    if value is None:
        return True
    try:
        json.loads(_text(value) or "")
    except (ValueError, RecursionError):
        return False
    return True
