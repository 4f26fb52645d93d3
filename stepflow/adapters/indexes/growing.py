"""Exact while a namespace is small; above that in clusters, drawn and saved in the background, with the newest exact.

Needs faiss, which the extra `scale` installs. Below the threshold faiss is not even imported.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stepflow.adapters.indexes.exact import ExactIndex

if TYPE_CHECKING:
    from stepflow.adapters.indexes.clusters import Clusters

THRESHOLD = 20_000
"""Vectors that are compared one by one, at most, before clusters are drawn: 20,000 take 2 ms where none is zero."""
PATIENCE_S = 10.0
"""How long closing waits for clusters that are being drawn: a program that ends sooner leaves them to the next."""
RETRY_S = 2.0
"""Pause after an attempt that failed, or was left to another process."""


class GrowingIndex:
    """An `Index` whose clusters are saved under `home` (None: nowhere). Thread-safe.

    When clusters have been drawn, by this process or by another that shares the folder, `seen` falls back to what is in
    them: whoever feeds the index feeds it again what came after.
    """

    def __init__(self, home: Path | None = None, threshold: int = THRESHOLD) -> None:
        self._home = home
        self._threshold = threshold
        self._lock = threading.RLock()
        self._recent = ExactIndex()
        self._removed: set[str] = set()
        self._builder: threading.Thread | None = None
        self._retry_at = 0.0
        self._broken = ""
        self._clusters: Clusters | None = None
        self.seen = 0
        if home is not None and home.is_dir():
            self._adopt(home)

    @property
    def note(self) -> str:
        """Why the clusters could not be drawn or saved, if they could not."""
        return self._broken

    @property
    def is_behind(self) -> bool:
        """Whether much waits for clusters that are being drawn."""
        return self._is_building and len(self._recent) > 4 * self._threshold

    def add(self, key: str, vector: bytes) -> None:
        """Add or replace a vector. Raises `ValueError` when its length is not that of the others."""
        with self._lock:
            self._recent.add(key, vector)

    def remove(self, key: str) -> None:
        """Forget a vector; silent when unknown."""
        with self._lock:
            self._recent.remove(key)
            if self._clusters is not None or self._is_building:
                self._removed.add(key)

    def search(self, vector: bytes, limit: int) -> Sequence[tuple[str, float]]:
        """The nearest keys with their cosine similarity, best first."""
        with self._lock:
            found = [*self._recent.search(vector, limit), *self._in_clusters(vector, limit)]
        found.sort(key=lambda pair: -pair[1])
        return tuple(found[:limit])

    def settle(self, after: int, seen: int) -> None:
        """Remember the id; draw clusters in the background when enough has come together."""
        with self._lock:
            if self.seen != after:
                return  # clusters have come meanwhile: what lies between them and `after` is to be fed again
            self.seen = seen
            if len(self._recent) > self._room and not self._is_building and time.monotonic() >= self._retry_at:
                self._builder = threading.Thread(target=self._build, name="stepflow-index", daemon=True)
                self._builder.start()

    def close(self) -> None:
        """Wait for clusters that are being drawn, but not long."""
        if self._builder is not None:
            self._builder.join(PATIENCE_S)

    # --- parts --------------------------------------------------------------------------------------------------------

    @property
    def _room(self) -> int:
        """How many vectors may stand beside the clusters. To grow those means to write them anew."""
        return self._threshold if self._clusters is None else max(self._threshold // 2, len(self._clusters) // 64)

    @property
    def _is_building(self) -> bool:
        return self._builder is not None and self._builder.is_alive()

    def _in_clusters(self, vector: bytes, limit: int) -> Sequence[tuple[str, float]]:
        """The nearest that are neither removed nor replaced since the clusters were drawn."""
        asked = limit
        while self._clusters is not None and limit > 0:
            nearest = self._clusters.search(vector, asked)
            visible = [pair for pair in nearest if pair[0] not in self._removed and pair[0] not in self._recent]
            if len(visible) >= limit or len(nearest) < asked:
                return visible[:limit]
            asked *= 2
        return ()

    def _build(self) -> None:
        try:
            with _alone(self._home) as alone:
                if not alone:
                    self._retry_at = time.monotonic() + RETRY_S
                elif self._home is None or not self._adopt(self._home):
                    self._draw()
        except Exception as error:  # the exact search goes on, only slower
            self._retry_at = time.monotonic() + RETRY_S
            self._broken = f"the index could not be built: {error or type(error).__name__}"

    def _adopt(self, home: Path) -> bool:
        """Take over what another process has saved, if it has seen more than our clusters have."""
        from stepflow.adapters.indexes.clusters import newest

        clusters = newest(home, 0 if self._clusters is None else self._clusters.seen)
        if clusters is not None:
            self._begin_with(clusters)
        return clusters is not None

    def _draw(self) -> None:
        from stepflow.adapters.indexes.clusters import draw, grow, save

        with self._lock:
            (keys, vectors), removed = self._recent.vectors(), frozenset(self._removed)
            old, seen = self._clusters, self.seen
        clusters = draw(keys, vectors, seen) if old is None else grow(old, keys, vectors, removed, seen)
        if self._home is not None:
            try:
                clusters, self._broken = save(clusters, self._home), ""
            except OSError as error:
                self._broken = f"the index could not be saved: {error}"
        self._begin_with(clusters)

    def _begin_with(self, clusters: Clusters) -> None:
        with self._lock:
            self._clusters, self.seen = clusters, clusters.seen
            self._recent, self._removed = ExactIndex(), set()


@contextmanager
def _alone(home: Path | None) -> Iterator[bool]:
    """Whether no other process draws for this folder now. The system frees the lock of a process that is killed."""
    if home is None:
        yield True
        return
    try:
        import fcntl
    except ImportError:  # without POSIX locks they may do the work twice
        yield True
        return
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(home / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except OSError:
        alone = False
    try:
        yield alone
    finally:
        os.close(lock)
