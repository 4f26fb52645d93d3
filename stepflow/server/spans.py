"""OpenTelemetry spans, where its package is installed and something exports them; else nothing at all.

Prompts and answers stay out of them, and so do messages of errors, which may quote them.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from stepflow.server.recent import Entry

NAME = "stepflow.answer"


@functools.cache
def _api() -> Any:
    """OpenTelemetry's module, None where it is not installed."""
    try:
        return importlib.import_module("opentelemetry.trace")
    except ImportError:
        return None


def _anybody_listens() -> bool:
    """Whether spans go anywhere: the package is installed, and something has set a provider."""
    api = _api()
    return api is not None and not isinstance(api.get_tracer_provider(), api.ProxyTracerProvider)


@functools.cache
def _tracer() -> Any:
    return _api().get_tracer("stepflow.server")


class Span:
    """One request under way."""

    def __init__(self) -> None:
        self._span = _tracer().start_span(NAME) if _anybody_listens() else None

    def current(self) -> AbstractContextManager[Any]:
        """Makes it the parent of whatever others trace within, such as the call of the model."""
        if self._span is None:
            return nullcontext()
        found: AbstractContextManager[Any] = _api().use_span(
            self._span, record_exception=False, set_status_on_exception=False
        )
        return found

    def end(self, entry: Entry) -> None:
        """It is over, and the entry says how it went. Idempotent."""
        if self._span is not None:
            _describe(self._span, entry)
            self._span.end()
            self._span = None


def past_spans(entries: Iterable[Entry]) -> None:
    """The spans of requests that were over before anybody thought of them."""
    for entry in entries if _anybody_listens() else ():
        began = int(entry.began * 1e9)
        span = _tracer().start_span(NAME, start_time=began)
        _describe(span, entry)
        span.end(end_time=began + int(entry.seconds * 1e9))


def _describe(span: Any, entry: Entry) -> None:
    span.set_attribute("stepflow.trace", entry.id)
    span.set_attribute("stepflow.pipeline", entry.pipeline)
    span.set_attribute("http.response.status_code", entry.status)
    if entry.status >= 400:
        span.set_status(_api().StatusCode.ERROR)
    outcome = entry.outcome
    if outcome is not None:
        span.set_attribute("stepflow.outcome", outcome.outcome)
        span.set_attribute("stepflow.final", outcome.final)
        span.set_attribute("stepflow.rule", outcome.rule or "")
        span.set_attribute("stepflow.calls", outcome.calls)
        span.set_attribute("stepflow.tokens", outcome.usage.total)
