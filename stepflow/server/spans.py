"""OpenTelemetry spans, where the package `opentelemetry-api` is installed; else nothing at all."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from stepflow.server.recent import Entry

_NOTHING = nullcontext()


@functools.cache
def tracer() -> Any:
    """The tracer, None where OpenTelemetry is not installed."""
    try:
        trace = importlib.import_module("opentelemetry.trace")
    except ImportError:
        return None
    return trace.get_tracer("stepflow.server")


def span(name: str, entry: Entry) -> AbstractContextManager[None]:
    """A span around one request, with its outcome. Prompts and answers stay out of it."""
    found = tracer()
    return _NOTHING if found is None else _span(found, name, entry)


def past_span(name: str, entry: Entry) -> None:
    """The same for a request that is over."""
    found = tracer()
    if found is not None:
        began = int(entry.began * 1e9)
        current = found.start_span(name, start_time=began)
        _describe(current, entry)
        current.end(end_time=began + int(entry.seconds * 1e9))


@contextmanager
def _span(found: Any, name: str, entry: Entry) -> Iterator[None]:
    with found.start_as_current_span(name) as current:
        try:
            yield
        finally:
            _describe(current, entry)


def _describe(current: Any, entry: Entry) -> None:
    current.set_attribute("stepflow.trace", entry.id)
    current.set_attribute("stepflow.pipeline", entry.pipeline)
    outcome = entry.outcome
    if outcome is not None:
        current.set_attribute("stepflow.outcome", outcome.outcome)
        current.set_attribute("stepflow.final", outcome.final)
        current.set_attribute("stepflow.rule", outcome.rule or "")
        current.set_attribute("stepflow.calls", outcome.calls)
        current.set_attribute("stepflow.tokens", outcome.usage.total)
