"""An exact hit without loading the pipeline: one look at the files' bytes, one look into the store.

It knows nothing of rules and compiles nothing, so that `stepflow run` answers a repeated request without pydantic,
numpy, lark or litellm. Whatever it does not understand it leaves to the full path, which says what is wrong.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from stepflow import traces
from stepflow.config.sources import PipelineFile
from stepflow.errors import StepflowError
from stepflow.model import Answered, Outcome, Request
from stepflow.records import decode_answered, pointed
from stepflow.runtime.drivers import new_id
from stepflow.runtime.interpreter import exact_outcome
from stepflow.runtime.journal import Journal
from stepflow.runtime.record import request_key
from stepflow.version import VERSION

DEFAULT_STORE = ".stepflow/cache"
DEFAULT_TRACES = {"dir": ".stepflow/traces", "keep": 200}


def exact_hit(path: str, request: Request, overrides: Mapping[str, Any] | None = None) -> Outcome | None:
    """The outcome when exactly this request was answered before under exactly these files, else None."""
    started = time.perf_counter()
    try:
        file = PipelineFile(path, overrides)
        if "exact" not in file.data.get("stages", ["exact"]):
            return None
        key = request_key(file.fingerprint(VERSION), request)
        store = _store(file.data)
        answered = None if store is None else _read(store, key)
    except (StepflowError, ValueError, LookupError, AttributeError, TypeError, RuntimeError):
        return None  # the full path says what is wrong
    if answered is None:
        return None
    outcome = replace(exact_outcome(answered, Journal()), seconds=time.perf_counter() - started)
    return _noted(file.data, path, request, outcome)


class Values(Protocol):
    """A store, as one look needs it."""

    def get(self, key: str) -> str | None:
        """The value, or None."""

    def credit(self, *keys: str) -> None:
        """Note that these values have saved a model call."""

    def close(self) -> None:
        """Free what was opened."""


def _store(data: Any) -> Values | None:
    settings = data.get("store") or {}
    match settings.get("type", "diskcache"):
        case "diskcache":
            from pathlib import Path

            from stepflow.adapters.stores.disk import DiskStore

            path = settings.get("path", DEFAULT_STORE)
            return DiskStore(path) if Path(path).expanduser().is_dir() else None
        case "redis":
            from stepflow.adapters.stores.redis_reading import RedisReader

            return RedisReader(settings["url"], settings.get("prefix", "stepflow"))
        case _:
            return None


def _read(store: Values, key: str) -> Answered | None:
    try:
        row = store.get(f"exact:{key}")
        id_ = pointed(row, key) if row is not None else None
        value = store.get(f"record:{id_}") if id_ is not None else None
        answered = decode_answered(value) if value is not None else None
        if answered is None or answered.id != id_:
            return None
        store.credit(f"exact:{key}", f"record:{id_}")
        return answered
    finally:
        store.close()


def _noted(data: Any, path: str, request: Request, outcome: Outcome) -> Outcome:
    settings = {**DEFAULT_TRACES, **(data.get("trace") or {})}
    if not settings["keep"]:
        return outcome
    trace_id = new_id()
    traces.write(str(settings["dir"]), int(settings["keep"]), trace_id, traces.describe(request, outcome, path))
    return replace(outcome, trace=trace_id)
