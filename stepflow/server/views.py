"""The records as one request may see them: none too old, or none at all."""

from __future__ import annotations

import time
from collections.abc import Callable

from stepflow.model import Answered
from stepflow.protocols import Nomination
from stepflow.runtime.drivers import Records


class NotOlder:
    """Records that are at most `seconds` old; older ones count as absent. Writing is as ever."""

    def __init__(self, records: Records, seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._records = records
        self._oldest = clock() - seconds
        self.save = records.save
        self.link = records.link

    def lookup(self, request_key: str) -> tuple[Answered | None, tuple[str, ...]]:
        """What the record of exactly this request says, unless it is too old."""
        answered, notes = self._records.lookup(request_key)
        if answered is not None and answered.created_at < self._oldest:
            return None, (*notes, f"record {answered.id} is older than this request allows")
        return answered, notes

    def nominate(
        self,
        namespace: str,
        signature: str,
        skeleton: str,
        prompt: str,
        top_k: int,
        min_similarity: float | None,
        *,
        by_hash: bool = True,
    ) -> Nomination:
        """Candidates that are not too old."""
        found = self._records.nominate(namespace, signature, skeleton, prompt, top_k, min_similarity, by_hash=by_hash)
        young = tuple(each for each in found.candidates if each.record.created_at >= self._oldest)
        old = len(found.candidates) - len(young)
        notes = (f"{old} older than this request allows",) if old else ()
        return Nomination(young, (*found.notes, *notes))
