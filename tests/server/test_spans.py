"""Spans, by the real OpenTelemetry: what it is told of requests, and what it is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from serverkit import Model, Relaying, counting, events, eventually, running

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

EXPORTER = InMemorySpanExporter()


@pytest.fixture(scope="module", autouse=True)
def provider() -> None:
    """A process has one provider, set once and for ever."""
    found = TracerProvider()
    found.add_span_processor(SimpleSpanProcessor(EXPORTER))
    trace.set_tracer_provider(found)


@pytest.fixture(autouse=True)
def spans() -> Any:
    EXPORTER.clear()
    return EXPORTER.get_finished_spans


def test_a_span_says_how_a_request_was_answered(tmp_path: Path, spans: Any) -> None:
    with running(tmp_path, model=counting()) as server:
        ids = [server.chat().headers["x-stepflow-trace"] for _ in range(3)]
        assert eventually(lambda: len(spans()) == 3)
    assert {span.name for span in spans()} == {"stepflow.answer"}
    told = [dict(span.attributes) for span in spans()]
    assert [each["stepflow.trace"] for each in told] == ids
    assert [each["stepflow.outcome"] for each in told] == ["miss", "exact", "exact"]  # the last was ready
    assert told[0] == {
        "stepflow.trace": ids[0], "stepflow.pipeline": "kit", "stepflow.outcome": "miss", "stepflow.final": "verified",
        "stepflow.rule": "count", "stepflow.calls": 1, "stepflow.tokens": 10, "http.response.status_code": 200,
    }  # fmt: skip
    assert all(span.start_time < span.end_time for span in spans())
    assert all(span.status.status_code is trace.StatusCode.UNSET for span in spans())


def test_what_others_trace_meanwhile_lies_within_it(tmp_path: Path, spans: Any) -> None:
    class Traced(Model):
        async def acomplete(self, call: Any) -> Any:
            with trace.get_tracer("kit").start_as_current_span("model call"):
                return await super().acomplete(call)

    with running(tmp_path, model=Traced(hello="hi")) as server:
        server.chat("hello")
    call, answer = spans()
    assert (call.name, call.parent.span_id) == ("model call", answer.context.span_id)


def test_the_span_of_a_stream_ends_with_the_stream(tmp_path: Path, spans: Any) -> None:
    model = Relaying()
    model.free.clear()
    body = {"model": "kit", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    with running(tmp_path, model=model) as server:
        with server.client.stream("POST", "/v1/chat/completions", json=body) as reply:
            lines = reply.iter_lines()
            next(lines)
            assert spans() == ()
            model.free.set()
            assert list(lines)
        assert eventually(lambda: len(spans()) == 1)
    assert (spans()[0].attributes["stepflow.outcome"], spans()[0].attributes["stepflow.tokens"]) == ("passthrough", 8)


def test_a_request_that_fails_is_an_error_and_its_texts_stay_out_of_it(tmp_path: Path, spans: Any) -> None:
    model = Model(**{"count to 3": "9 my secret"})
    with running(tmp_path, model=model, pipeline={"on_unverified": "error"}) as server:
        for more in ({}, {"stream": True}):
            reply = server.chat(**more)
            assert reply.status_code == 422, events(reply)
    for span in spans():
        assert span.status.status_code is trace.StatusCode.ERROR
        assert span.attributes["http.response.status_code"] == 422
        assert "secret" not in json.dumps(json.loads(span.to_json()))
    assert len(spans()) == 2
