"""Exact hits that were served before: their replies, ready but for an id and a time.

What decides an answer is the tenant, the route, the wishes in the headers, the bytes of the body, the loaded pipeline,
and two rows of the store. The first four are looked up by; the others are asked for at every hit: the pipeline must be
the one that is served now, and the record must stand as it stood (`Archive.still`: the store's version is the same,
or both rows are read again). Whatever is not certain goes the long way, which decides.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from stepflow.archive import Archive, Sighting
from stepflow.model import Outcome, Request
from stepflow.server.houses import House, Loaded

Headers = list[tuple[bytes, bytes]]
Key = tuple[str, str, tuple[tuple[bytes, bytes], ...], bytes, bool]

_HASHED = 2048
"""Bodies of fewer bytes are looked up by as they are, which costs less than their hash."""
LARGEST_SHARE = 16
"""No reply takes more than this part of the whole room."""
_BESIDE = 4096
"""Bytes that an answer takes beside its reply: its key, headers, outcome and journal. A rough, high guess."""


def key_of(tenant: str, form: str, wishes: tuple[tuple[bytes, bytes], ...], body: bytes) -> Key:
    """What a reply is looked up by. Nothing is joined, so that nothing can pass for something else."""
    is_long = len(body) >= _HASHED
    return tenant, form, wishes, hashlib.sha256(body).digest() if is_long else body, is_long


class Template:
    """Headers and a body in which an id and a time (a whole number) are left open."""

    def __init__(self, write: Callable[[str, int], tuple[Headers, bytes]]) -> None:
        """`write` writes a reply with a given id and time; random ones show where they stand."""
        mark, moment = secrets.token_hex(16), int.from_bytes(secrets.token_bytes(16), "big") + 10**38
        headers, body = write(mark, moment)
        self._headers = [pair for pair in headers if mark.encode() not in pair[1]]
        self._named = [name for name, value in headers if value == mark.encode()]
        id_, at = mark.encode(), str(moment).encode()
        self._parts = re.split(b"(%b|%b)" % (id_, at), body)
        self._ids = [place for place, part in enumerate(self._parts) if part == id_]
        self._times = [place for place, part in enumerate(self._parts) if part == at]
        self.whole = len(self._headers) + len(self._named) == len(headers)

    @property
    def size(self) -> int:
        """Bytes of it."""
        return sum(map(len, self._parts)) + sum(len(name) + len(value) for name, value in self._headers)

    def filled(self, id_: str, at: int) -> tuple[Headers, bytes]:
        """The reply with this id and time."""
        id_bytes, at_bytes, parts = id_.encode(), b"%d" % at, self._parts.copy()
        for place in self._ids:
            parts[place] = id_bytes
        for place in self._times:
            parts[place] = at_bytes
        return self._headers + [(name, id_bytes) for name in self._named], b"".join(parts)


@dataclass(slots=True)
class Base:
    """What an exact hit stands on: as long as it does, the same request has the same answer."""

    house: House
    loaded: Loaded
    tenant: str
    request: Request
    seen: Sighting

    def holds(self, version: Hashable | None) -> bool:
        """Whether it stands, now that the store has this version."""
        seen = self.loaded.pipeline.archive.still(self.seen, version) if self.house.current is self.loaded else None
        self.seen = seen or self.seen
        return seen is not None


@dataclass(frozen=True, slots=True)
class Hot:
    """One answer, ready."""

    base: Base
    outcome: Outcome
    template: Template

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        texts = len(self.outcome.answer) + sum(len(message.content) for message in self.base.request.messages)
        return _BESIDE + self.template.size + 4 * texts


class HotAnswers:
    """The answers used last, as many as fit into so many bytes. For one thread: the event loop's."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._taken = 0
        self._answers: OrderedDict[Key, Hot] = OrderedDict()
        self._versions: dict[Archive, Hashable | None] = {}

    def get(self, key: Key) -> Hot | None:
        """The answer, if it may be served at this moment. What may not be is forgotten."""
        hot = self._answers.get(key)
        if hot is None:
            return None
        if not hot.base.holds(self._version(hot.base.loaded.pipeline.archive)):
            self._forget(key)
            return None
        self._answers.move_to_end(key)
        return hot

    def keep(self, key: Key, hot: Hot) -> None:
        """Have it ready from now on; those used longest ago make room."""
        self._forget(key)
        if hot.size * LARGEST_SHARE > self._room or not hot.template.whole:
            return
        self._answers[key] = hot
        self._taken += hot.size
        while self._taken > self._room:
            self._forget(next(iter(self._answers)))

    def _version(self, archive: Archive) -> Hashable | None:
        """The store's version, asked for once for all requests whose turn it is.

        They had come in before this turn of the loop, and so before the question: what was deleted before a request was
        sent, the answer to the question shows. The loop runs what is queued in order, and whoever comes in from now on
        is queued behind the forgetting.
        """
        if archive not in self._versions:
            if not self._versions:
                asyncio.get_running_loop().call_soon(self._versions.clear)
            self._versions[archive] = archive.version()
        return self._versions[archive]

    def clear(self) -> None:
        """Forget all: pipelines that are no longer served must not be held."""
        self._answers.clear()
        self._taken = 0

    def __len__(self) -> int:
        return len(self._answers)

    def _forget(self, key: Key) -> None:
        hot = self._answers.pop(key, None)
        if hot is not None:
            self._taken -= hot.size
