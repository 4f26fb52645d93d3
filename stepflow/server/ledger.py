"""What is noted of requests: the console's newest, the sums, a line of the log, a span. Hits that were ready are noted
a moment later, many at once; nobody who looks finds them missing, and nothing is lost when the server stops.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from stepflow.model import Outcome
from stepflow.plan import Plan
from stepflow.runtime.drivers import new_id
from stepflow.runtime.journal import Journal
from stepflow.server.hot import Hot
from stepflow.server.houses import Loaded
from stepflow.server.logs import Log
from stepflow.server.recent import Entry, Recent
from stepflow.server.refusals import Refused, refused
from stepflow.server.settings import Settings
from stepflow.server.spans import past_spans
from stepflow.server.tallies import Tallies

SETTLED_EVERY_S = 0.05
UNSETTLED = 256
"""Hits that wait to be noted, at most so long and so many."""
_OVER = Journal()
"""The live account of what is over: nobody writes into it, as the outcome has its own."""


@dataclass(slots=True)
class _Hit:
    hot: Hot
    id: str
    at: float
    seconds: float


class Ledger:
    """The accounts of one process. For one thread: the event loop's."""

    def __init__(self, settings: Settings) -> None:
        self.log = Log(settings.log)
        self._recent = Recent(settings.recent)
        self._tallies = Tallies()
        self._hits: list[_Hit] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def recent(self) -> Recent:
        """The newest requests."""
        self.settle()
        return self._recent

    @property
    def tallies(self) -> Tallies:
        """The sums."""
        self.settle()
        return self._tallies

    def succeeded(self, entry: Entry, tenant: str, loaded: Loaded, plan: Plan, outcome: Outcome) -> None:
        """Note an answer. `entry.seconds` is known by now."""
        entry.outcome, entry.status = outcome, 200
        entry.dollars_saved = _dollars(loaded, outcome)
        self._tallies.answered(tenant, entry.pipeline, outcome, entry.seconds, entry.dollars_saved)
        self._recent.write(entry, plan)
        self.log.request(entry)

    def failed(self, entry: Entry, plan: Plan, error: BaseException) -> None:
        """Note a request that got no answer."""
        if isinstance(error, Exception):
            said = refused(error)
            entry.status, entry.error = said.status, str(said)
        else:
            entry.status, entry.error = 499, "the client has gone"
        self._recent.write(entry, plan)
        self.log.request(entry)

    def refusal(self, error: Exception) -> Refused:
        """What a client is told of an error, counted; a failure of ours is logged."""
        refusal = refused(error)
        if refusal.status == 500 and refusal.code == "internal_error":
            self.log.failure(error)
        self._tallies.refused(refusal.status)
        return refusal

    def served(self, hot: Hot, began: float) -> str:
        """Note an answer that was ready, soon; the id of the request. `began` is of `time.perf_counter`."""
        id_ = new_id()
        self._hits.append(_Hit(hot, id_, time.time(), time.perf_counter() - began))
        if len(self._hits) >= UNSETTLED:
            self.settle()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SETTLED_EVERY_S, self.settle)
        return id_

    def settle(self) -> None:
        """Note the hits that wait for it."""
        hits, self._hits = self._hits, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if hits:
            entries = [self._noted(hit) for hit in hits]
            self.log.request(*entries)
            past_spans(entries)

    def _noted(self, hit: _Hit) -> Entry:
        base, outcome = hit.hot.base, hit.hot.outcome
        dollars = _dollars(base.loaded, outcome)
        entry = Entry(
            hit.id, base.request.tenant, base.house.id, base.request, began=hit.at - hit.seconds, started=0.0,
            journal=_OVER, status=200, outcome=outcome, seconds=hit.seconds, dollars_saved=dollars,
        )  # fmt: skip
        base.loaded.pipeline.archive.credit(base.seen)
        self._tallies.answered(base.tenant, entry.pipeline, outcome, hit.seconds, dollars)
        self._recent.begin(entry)
        return entry

    def close(self) -> None:
        """Note what waits, and write what is to be written. Idempotent."""
        self.settle()
        self._recent.close()


def _dollars(loaded: Loaded, outcome: Outcome) -> float | None:
    if loaded.prices is None:
        return None
    return outcome.saved.prompt_tokens * loaded.prices[0] + outcome.saved.completion_tokens * loaded.prices[1]
