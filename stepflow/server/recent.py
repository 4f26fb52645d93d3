"""The newest requests, kept in memory for the console, and written down as traces where the pipeline says so."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from stepflow import traces
from stepflow.model import Event, Outcome, Request
from stepflow.plan import Plan
from stepflow.runtime.journal import Journal
from stepflow.server.tenants import Tenant

_SHOWN_CHARS = 300
_UNWRITTEN = 64
"""Traces that wait to be written; under more load than the disk takes, further ones are left out."""


@dataclass(slots=True, eq=False)
class Entry:
    """One request: under way while `status` is 0. `journal` is its live account."""

    id: str
    tenant: str
    pipeline: str
    request: Request
    began: float = field(default_factory=time.time)
    started: float = field(default_factory=time.perf_counter)
    journal: Journal = field(default_factory=Journal)
    status: int = 0
    outcome: Outcome | None = None
    shadow: str = ""
    error: str = ""
    seconds: float = 0.0
    dollars_saved: float | None = None

    def line(self) -> dict[str, Any]:
        """What a list shows."""
        prompt = " ".join(self.request.prompt[: 2 * _SHOWN_CHARS].split())[:_SHOWN_CHARS]
        outcome = self.outcome
        said = {} if outcome is None else traces.summary(outcome)
        return {
            **said,
            "id": self.id,
            "at": self.began,
            "tenant": self.tenant,
            "pipeline": self.pipeline,
            "prompt": prompt,
            "status": self.status,
            "shadow": self.shadow,
            "error": self.error,
            "milliseconds": round((self.seconds if self.status else time.perf_counter() - self.started) * 1000, 1),
            "tokens_saved": 0 if outcome is None else outcome.saved.total,
            "dollars_saved": self.dollars_saved,
        }

    def story(self) -> dict[str, Any]:
        """Everything that is known of it."""
        events: tuple[Event, ...] | list[Event] = self.outcome.journal if self.outcome else self.journal.events
        return {
            **self.line(),
            "prompt": self.request.prompt,
            "answer": "" if self.outcome is None else self.outcome.answer,
            "journal": [traces.event_json(event) for event in events],
        }


class Recent:
    """The newest requests by id; a new one pushes out the oldest."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._writer = ThreadPoolExecutor(1, "stepflow-traces")
        self._unwritten = 0

    def begin(self, entry: Entry) -> Entry:
        """Note a request that has come in."""
        self._entries[entry.id] = entry
        if len(self._entries) > self._keep:
            self._entries.popitem(last=False)
        return entry

    def get(self, id_: str, tenant: Tenant) -> Entry | None:
        """The request with this id, if it is the tenant's to see."""
        entry = self._entries.get(id_)
        return entry if entry is not None and tenant.owns(entry.tenant) else None

    def newest(self, tenant: Tenant, limit: int) -> list[Entry]:
        """The tenant's newest requests, newest first."""
        own = (entry for entry in reversed(self._entries.values()) if tenant.owns(entry.tenant))
        return [entry for entry, _ in zip(own, range(limit), strict=False)]

    def write(self, entry: Entry, plan: Plan) -> None:
        """Write its trace down, behind the answer. Exact hits are not written: there are many, and they say nothing."""
        outcome = entry.outcome
        is_exact = outcome is not None and outcome.outcome == "exact"
        if plan.trace_dir is None or is_exact or self._unwritten >= _UNWRITTEN:
            return
        if outcome is not None:
            trace = traces.describe(entry.request, outcome, plan.path)
        else:
            story = entry.story()
            trace = {"pipeline": plan.path, **{key: story[key] for key in ("prompt", "error", "journal")}}
        self._unwritten += 1
        self._writer.submit(self._write, plan, entry.id, trace)

    def _write(self, plan: Plan, id_: str, trace: Mapping[str, Any]) -> None:
        try:
            traces.write(plan.trace_dir or "", plan.trace_keep, id_, trace)
        finally:
            self._unwritten -= 1

    def close(self) -> None:
        """Finish writing."""
        self._writer.shutdown()
