"""Single flight: of the same requests at the same time, one asks the model, and the others wait for its record.

Nobody waits who need not: exact hits, reuse and rewriting ask no model, and so the lease of a request is taken only
where the model is about to be asked for an answer that will be stored. A lease runs out, whatever becomes of its owner.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from typing import Protocol

from stepflow.errors import StoreError
from stepflow.model import Record, Request
from stepflow.plan import Plan
from stepflow.runtime.effects import Generate, Join, Looked, Reply
from stepflow.runtime.interpreter import Interpretation, interpret
from stepflow.runtime.journal import Journal
from stepflow.runtime.record import request_key

LEASE_S = 10.0
"""How long a run that was killed keeps the others waiting. A living one renews its lease three times as often."""

PATIENCE_LEADERS = 2
"""Runs waited for, one after the other. If neither left a record (they failed, or nothing passed), a third would
hardly do better, and those who wait must not be answered one by one."""

_PAUSES_S = (0.005, 0.2)


def fly(plan: Plan, request: Request, journal: Journal) -> Interpretation:
    """`interpret`, but before the model is asked, the same request of another run may answer this one."""
    if not {"exact", "record"} <= plan.stages:
        return (yield from interpret(plan, request, journal))
    interpretation = interpret(plan, request, journal)
    joined = False
    reply: Reply | None = None
    try:
        while True:
            effect = next(interpretation) if reply is None else interpretation.send(reply)
            if isinstance(effect, Generate) and effect.purpose != "passthrough" and not joined:
                joined = True
                looked = yield Join(request_key(plan.sources, request), plan.limits.wall_time_s)
                assert isinstance(looked, Looked)
                for note in looked.notes:
                    journal.add("flight", note)
                if looked.record is not None:
                    break
            reply = yield effect
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        interpretation.close()
    return (yield from interpret(plan, request, journal))


class Leases(Protocol):
    """The records as a flight needs them (`stepflow.archive.Archive`)."""

    def lookup(self, request_key: str) -> tuple[Record | None, tuple[str, ...]]:
        """The record of exactly this request, and notes about unreadable rows."""

    def acquire(self, request_key: str, owner: str, seconds: float) -> str:
        """Take or renew the lease of a request; its owner now."""

    def release(self, request_key: str, owner: str) -> None:
        """Give a lease back."""


class Keeper:
    """Renews the leases of this process's leaders, in a thread that lives as long as there are any."""

    def __init__(self, lease_s: float = LEASE_S) -> None:
        self.lease_s = lease_s
        self._lock = threading.Lock()
        self._flights: set[Flight] = set()
        self._thread: threading.Thread | None = None

    def add(self, flight: Flight) -> None:
        """Renew this flight's lease from now on."""
        with self._lock:
            self._flights.add(flight)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._keep, name="stepflow-leases", daemon=True)
                self._thread.start()

    def drop(self, flight: Flight) -> None:
        """Renew it no longer."""
        with self._lock:
            self._flights.discard(flight)

    def _keep(self) -> None:
        while True:
            time.sleep(self.lease_s / 3)
            with self._lock:
                self._flights = {flight for flight in self._flights if flight.pid == os.getpid()}  # none of a fork's
                if not self._flights:
                    self._thread = None
                    return
                due = tuple(self._flights)
            for flight in due:
                flight.renew()


class Flight:
    """One run's way past the others of the same request. `land` must be called at its end, whatever that is."""

    def __init__(self, leases: Leases, keeper: Keeper) -> None:
        self.pid = os.getpid()
        self._leases = leases
        self._keeper = keeper
        self._owner = f"{self.pid}.{secrets.token_hex(8)}"
        self._leads = ""
        self._lock = threading.Lock()
        self._began: float | None = None
        self._leaders: set[str] = set()

    @property
    def leads(self) -> bool:
        """Whether others wait for this run."""
        return bool(self._leads)

    def board(self, join: Join) -> Looked | float:
        """What came of waiting: a record, or none (this run is to ask the model). Or seconds after which to ask again.

        It never waits itself.
        """
        try:
            return self._board(join)
        except StoreError as error:
            return Looked(None, (f"other runs of the same request cannot be seen: {error}",))

    def renew(self) -> None:
        """Keep the lease, if it is still held."""
        with self._lock, contextlib.suppress(StoreError):
            if self._leads:
                self._leases.acquire(self._leads, self._owner, self._keeper.lease_s)

    def land(self) -> None:
        """Let the others go on. Idempotent; a store that cannot be reached lets the lease run out by itself."""
        if not self._leads:
            return
        self._keeper.drop(self)
        with self._lock, contextlib.suppress(StoreError):  # the lock: nothing is renewed after this
            key, self._leads = self._leads, ""
            self._leases.release(key, self._owner)

    def _board(self, join: Join) -> Looked | float:
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        waited = now - self._began
        holder = self._leases.acquire(join.request_key, self._owner, self._keeper.lease_s)
        if holder == self._owner:
            self._leads = join.request_key
            self._keeper.add(self)
        else:
            self._leaders.add(holder)
        record, notes = self._leases.lookup(join.request_key)  # after the lease: the last owner may just have finished
        if record is not None:
            self.land()
            return Looked(
                record, (*notes, f"the same request was being answered: waited {waited:.2f} s for its record")
            )
        if self.leads:
            after = (
                f"waited {waited:.2f} s for a run of the same request, which left no record; this one asks the model"
            )
            return Looked(None, (*notes, after) if self._leaders else notes)
        if waited >= join.patience_s or len(self._leaders) > PATIENCE_LEADERS:
            after = f"waited {waited:.2f} s for other runs of the same request without getting a record; no longer"
            return Looked(None, (*notes, after))
        return min(max(waited / 10, _PAUSES_S[0]), _PAUSES_S[1], join.patience_s - waited)
