"""What was compiled before, kept for the processes that come after: a rule's patterns, grammars and expressions.

One file in the user's cache folder holds plain data, written with `marshal` as Python's own compiled modules are, never
with pickle. Whatever gives a doubt counts as nothing kept, and is compiled anew: a folder or file that belongs to
another user or is open to one, a checksum that does not agree, another version of whatever compiles. Nothing here
raises.

`STEPFLOW_COMPILED` names another folder; `off` keeps nothing.
"""

from __future__ import annotations

import atexit
import hashlib
import marshal
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from stepflow.version import VERSION

VARIABLE = "STEPFLOW_COMPILED"
MAX_BYTES = 8_000_000
"""Above that, only what this process asked for or made is kept."""

_SUMMED = 32
_DOUBTS = (OSError, ValueError, EOFError, TypeError, AttributeError, RuntimeError, MemoryError)


class Kept:
    """Data by key, of one kind. `made_by` is all that has a say in what the data are: versions, hashes of modules."""

    def __init__(self, *made_by: str) -> None:
        self._made_by = repr((VERSION, sys.version, sys.byteorder, *made_by))

    def get(self, *key: str | int) -> Any:
        """The data put under this key, in this process or an earlier one; None when there are none."""
        return _FILE.get(self._name(key))

    def put(self, make: Callable[[], Any], *key: str | int) -> None:
        """Keep what is made, data of plain types, from the end of this process on. Other data are not kept."""
        if _FILE.target is None:
            return
        with suppress(*_DOUBTS):
            _FILE.put(self._name(key), marshal.dumps(_plain(make())))

    def _name(self, key: tuple[str | int, ...]) -> bytes:
        return hashlib.sha256(f"{self._made_by}{key!r}".encode("utf-8", "surrogatepass")).digest()


def save() -> None:
    """Keep from now on what was put, for a process that does not end as others do."""
    _FILE.save()


def texts_of(*paths: str | Path) -> str:
    """A hash of files that have a say in what is made; where one cannot be read, of nothing that was ever kept."""
    summed = hashlib.sha256()
    for path in paths:
        try:
            summed.update(Path(path).read_bytes())
        except OSError:
            return os.urandom(16).hex()
    return summed.hexdigest()


def _plain(data: Any) -> Any:
    """The same data, of built-in types only: `marshal` refuses the integers and texts that are libraries' own."""
    if isinstance(data, dict):
        return {_plain(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(map(_plain, data))
    return next((kind(data) for kind in (int, str) if isinstance(data, kind) and type(data) not in (kind, bool)), data)


class _File:
    """The rows of the file: read whole at the first question, written whole at the end of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[bytes, bytes] | None = None
        self._asked: set[bytes] = set()
        self._fresh: dict[bytes, bytes] = {}
        self._put = 0

    @cached_property
    def target(self) -> Path | None:
        return path()

    def get(self, name: bytes) -> Any:
        with self._lock:
            if self._rows is None:
                self._rows = {} if self.target is None else read(self.target)
            row = self._fresh.get(name) or self._rows.get(name)
            self._asked.add(name)
        if row is None:
            return None
        try:
            return marshal.loads(row)
        except _DOUBTS:
            return None

    def put(self, name: bytes, row: bytes) -> None:
        with self._lock:
            self._put += len(row)
            if self._put > MAX_BYTES:
                return  # a rule whose patterns change with every prompt: a server would hold ever more
            if not self._fresh:
                atexit.register(self.save)
            self._fresh[name] = row

    def save(self) -> None:
        """Add what is new to what the file holds by now. Of two processes that write at once, one may win: no harm."""
        with self._lock:
            fresh, self._fresh = self._fresh, {}
        if self.target is None or not fresh:
            return
        rows = read(self.target) | fresh
        if sum(map(len, rows.values())) > MAX_BYTES:
            rows = {name: row for name, row in rows.items() if name in self._asked or name in fresh}
        with suppress(*_DOUBTS):
            write(self.target, rows)


_FILE = _File()


def path() -> Path | None:
    """The file; None when nothing is kept."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen == "off" or not hasattr(os, "geteuid"):
        return None
    with suppress(*_DOUBTS):
        home = Path(chosen or os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        return (home if chosen else home / "stepflow") / f"compiled.{sys.implementation.cache_tag}"
    return None


def read(file: Path) -> dict[bytes, bytes]:
    """The rows of a file; none where anything is doubtful."""
    with suppress(*_DOUBTS):
        if not _private(os.stat(file.parent)):
            return {}
        with open(file, "rb") as source:
            held = source.read() if _private(os.fstat(source.fileno())) else b""
        if hashlib.sha256(held[_SUMMED:]).digest() == held[:_SUMMED]:
            return dict(marshal.loads(held[_SUMMED:]))
    return {}


def write(file: Path, rows: dict[bytes, bytes]) -> None:
    """Put a new file in the place of the old. Raises `OSError`."""
    import tempfile  # seldom needed, and dear to import

    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _private(os.stat(file.parent)):
        return
    body = marshal.dumps(rows)
    draft, name = tempfile.mkstemp(dir=file.parent)
    try:
        with open(draft, "wb") as target:
            target.write(hashlib.sha256(body).digest() + body)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise


def _private(status: os.stat_result) -> bool:
    """Whether a folder or file is this user's, and nobody else may enter or change it."""
    return status.st_uid == os.geteuid() and not status.st_mode & 0o077
