"""OpenTelemetry spans, where the package `opentelemetry-api` is installed; else nothing at all."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stepflow.server.recent import Entry


@functools.cache
def tracer() -> Any:
    """The tracer, None where OpenTelemetry is not installed."""
    try:
        trace = importlib.import_module("opentelemetry.trace")
    except ImportError:
        return None
    return trace.get_tracer("stepflow.server")


@contextmanager
def span(name: str, entry: Entry) -> Iterator[None]:
    """A span around one request, with its outcome. Prompts and answers stay out of it."""
    found = tracer()
    if found is None:
        yield
        return
    with found.start_as_current_span(name) as current:
        current.set_attribute("stepflow.trace", entry.id)
        current.set_attribute("stepflow.pipeline", entry.pipeline)
        try:
            yield
        finally:
            outcome = entry.outcome
            if outcome is not None:
                current.set_attribute("stepflow.outcome", outcome.outcome)
                current.set_attribute("stepflow.final", outcome.final)
                current.set_attribute("stepflow.rule", outcome.rule or "")
                current.set_attribute("stepflow.calls", outcome.calls)
                current.set_attribute("stepflow.tokens", outcome.usage.total)
