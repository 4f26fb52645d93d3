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
from concurrent.futures import Future
from typing import Protocol

from stepflow.errors import StoreError
from stepflow.model import Answered, Request
from stepflow.plan import Plan
from stepflow.runtime.effects import Generate, Join, Looked, Reply, Wait
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
                if looked.answered is not None:
                    break
            reply = yield effect
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        interpretation.close()
    return (yield from interpret(plan, request, journal))


class Leases(Protocol):
    """The records as a flight needs them (`stepflow.archive.Archive`)."""

    def lookup(self, request_key: str) -> tuple[Answered | None, tuple[str, ...]]:
        """What the record of exactly this request says, and notes about unreadable rows."""

    def acquire(self, request_key: str, owner: str, seconds: float) -> str:
        """Take or renew the lease of a request; its owner now."""

    def release(self, request_key: str, owner: str) -> None:
        """Give a lease back."""


class Keeper:
    """Knows this process's leaders, and renews their leases, in a thread that lives as long as there are any."""

    def __init__(self, lease_s: float = LEASE_S) -> None:
        self.lease_s = lease_s
        self._lock = threading.Lock()
        self._flights: dict[str, Flight] = {}
        self._thread: threading.Thread | None = None

    def leader(self, request_key: str) -> Flight | None:
        """Who of this process leads the request."""
        flight = self._flights.get(request_key)
        return flight if flight is not None and flight.pid == os.getpid() else None

    def add(self, request_key: str, flight: Flight) -> None:
        """Renew this flight's lease from now on."""
        with self._lock:
            self._flights[request_key] = flight
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._keep, name="stepflow-leases", daemon=True)
                self._thread.start()

    def drop(self, request_key: str, flight: Flight) -> None:
        """Renew it no longer."""
        with self._lock:
            if self._flights.get(request_key) is flight:
                del self._flights[request_key]

    def _keep(self) -> None:
        while True:
            time.sleep(self.lease_s / 3)
            with self._lock:
                own = {key: flight for key, flight in self._flights.items() if flight.pid == os.getpid()}  # no fork's
                self._flights = own
                if not own:
                    self._thread = None
                    return
                due = tuple(own.values())
            for flight in due:
                flight.renew()


class Flight:
    """One run's way past the others of the same request. `land` must be called at its end, whatever that is.

    Runs of the same process wait for their leader itself; of a leader elsewhere they see the lease and the record.
    """

    def __init__(self, leases: Leases, keeper: Keeper) -> None:
        self.pid = os.getpid()
        self.owner = ""
        self.over: Future[None]
        """Done when it has landed. Like `owner` it is there once the flight has boarded: most runs never need to."""
        self._leases = leases
        self._keeper = keeper
        self._leads = ""
        self._landed = False
        self._lock = threading.Lock()
        self._began: float | None = None
        self._leaders: set[str] = set()

    def board(self, join: Join) -> Looked | Wait:
        """What came of waiting: a record, or none (this run is to ask the model). Or how long to wait for more.

        It never waits itself.
        """
        try:
            return self._board(join)
        except StoreError as error:
            notes = () if error.told else (f"other runs of the same request cannot be seen: {error}",)
            return Looked(None, notes)

    def renew(self) -> None:
        """Keep the lease, if it is still held."""
        with self._lock, contextlib.suppress(StoreError):
            if self._leads:
                self._leases.acquire(self._leads, self.owner, self._keeper.lease_s)

    def land(self) -> None:
        """Let the others go on. Idempotent; a store that cannot be reached lets the lease run out by itself."""
        self._landed = True
        if not self._leads:
            return
        with self._lock, contextlib.suppress(StoreError):  # the lock: nothing is renewed after this
            key, self._leads = self._leads, ""
            if not key:
                return
            self._keeper.drop(key, self)
            try:
                self._leases.release(key, self.owner)
            finally:
                self.over.set_result(None)

    async def aland(self) -> None:
        """The same without blocking the event loop."""
        import asyncio

        self._landed = True
        if self._leads:
            await asyncio.to_thread(self.land)

    def _board(self, join: Join) -> Looked | Wait:
        now = time.monotonic()
        if self._began is None:
            self._began = now
            self.owner = f"{self.pid}.{secrets.token_hex(8)}"
            self.over = Future()
            self.over.set_running_or_notify_cancel()  # who waits for it cannot cancel it
        waited = now - self._began
        leader = self._keeper.leader(join.request_key)
        if leader is None:
            if self._leaders and (found := self._look(join.request_key, waited)).answered is not None:
                return found
            holder = self._acquire(join.request_key)
            if holder == self.owner:
                return self._look(join.request_key, waited)  # once more: the last owner may just have finished
        else:
            holder = leader.owner
        self._leaders.add(holder)
        left = join.patience_s - waited
        if left <= 0 or len(self._leaders) > PATIENCE_LEADERS:
            said = f"waited {waited:.2f} s for other runs of the same request without getting a record; no longer"
            return Looked(None, (said,))
        if leader is not None:
            return Wait(left, leader.over)
        return Wait(min(max(waited / 10, _PAUSES_S[0]), _PAUSES_S[1], left))

    def _acquire(self, key: str) -> str:
        """Take the lease; whose it is now. Whoever is cancelled meanwhile has landed already, and gives it back."""
        holder = self._leases.acquire(key, self.owner, self._keeper.lease_s)
        if holder == self.owner:
            self._keeper.add(key, self)
            self._leads = key
            if self._landed:
                self.land()
        return holder

    def _look(self, key: str, waited: float) -> Looked:
        """The record that a leader has left, or word of what is done without one."""
        answered, notes = self._leases.lookup(key)
        if answered is not None:
            self.land()
            said = f"the same request was being answered: waited {waited:.2f} s for its record"
        elif self._leaders:
            said = f"waited {waited:.2f} s for a run of the same request, which left no record; this one asks the model"
        else:
            return Looked(None, notes)
        return Looked(answered, (*notes, said))
