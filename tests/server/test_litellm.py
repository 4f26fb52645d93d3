"""LiteLLM on every side: a provider behind the server, a client before it, and stepflow as a provider of its own."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, edited, write_pipeline
from serverkit import RIGHT, Running, counting, events, running, streamed_text

pytestmark = [  # LiteLLM sets these filters as it is imported; pytest takes them back after the test that imported it
    pytest.mark.filterwarnings("ignore:.*`ReadOnly` qualifier:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*conflict with protected namespace:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*Accessing the.*attribute on the instance is deprecated"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:There is no current event loop:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
]

CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}]


class Provider(ThreadingHTTPServer):
    """Speaks OpenAI's protocol as a provider does; remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[dict[str, Any]] = []
        self.status = 200
        self.broken = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.append(body)
        if self.server.status != 200:
            self._send({"error": {"message": "the provider says no", "type": "x", "code": None}}, self.server.status)
        elif body.get("stream"):
            self._stream(body)
        else:
            self._send({**head(), "object": "chat.completion", "choices": choices(body), "usage": usage()})

    def _send(self, data: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        if body.get("tools"):
            deltas.append({"tool_calls": [{"index": 0, **CALL}]})
        elif "count to 3" in json.dumps(body["messages"]):
            deltas += [{"reasoning_content": "I "}, {"reasoning_content": "count"}]
            deltas += [{"content": line} for line in RIGHT.splitlines(keepends=True)]
        else:
            slow = "slowly" in json.dumps(body["messages"])
            deltas += [{"content": f"{word} "} for word in ("one", "two", "three", *(["more"] * 200 if slow else []))]
        try:
            for delta in deltas:
                self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
                time.sleep(0.03)
            self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self._event({"choices": [], "usage": usage()})
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.server.broken.set()

    def _event(self, event: dict[str, Any]) -> None:
        said = {**head(), "object": "chat.completion.chunk", **event}
        self.wfile.write(b"data: " + json.dumps(said).encode() + b"\n\n")
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""


def head() -> dict[str, Any]:
    return {"id": "up-1", "created": 7, "model": "up-model"}


def usage() -> dict[str, int]:
    return {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


def choices(body: dict[str, Any]) -> list[dict[str, Any]]:
    if body.get("tools"):
        message = {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "I add"}
        return [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    text = RIGHT if "count to 3" in json.dumps(body["messages"]) else "hi"
    message = {"role": "assistant", "content": text, "reasoning_content": "I count"}
    return [{"index": index, "message": message, "finish_reason": "stop"} for index in range(body.get("n", 1))]


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """LiteLLM's sync calls make the thread an event loop if it has none, and leave it."""
    found = asyncio.new_event_loop()
    asyncio.set_event_loop(found)
    yield
    asyncio.set_event_loop(None)
    found.close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture
def server(tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-up")
    backend = {"model": "openai/up-model", "api_base": provider.address, "retries": 0, "timeout": 20}
    with running(tmp_path, COUNT, pipeline={"backend": backend}) as found:
        yield found


def test_parameters_reach_the_provider_and_so_do_those_that_nobody_knows(server: Running, provider: Provider) -> None:
    reply = server.chat(temperature=0.5, top_k=3, metadata={"a": "b"}, made_up={"x": [1]}, service_tier="flex")
    assert reply.headers["x-stepflow-outcome"] == "miss"
    sent = provider.seen[0]
    assert sent["model"] == "up-model"
    assert (sent["temperature"], sent["made_up"], sent["service_tier"]) == (0.5, {"x": [1]}, "flex")


def test_parameters_that_nobody_knows_are_also_passed_on_with_what_is_relayed(
    server: Running, provider: Provider
) -> None:
    assert server.chat("add", tools=TOOLS, made_up={"x": [1]}).status_code == 200
    assert server.chat("hello", stream=True, made_up={"x": [1]}).status_code == 200
    assert [sent["made_up"] for sent in provider.seen] == [{"x": [1]}] * 2


@pytest.mark.parametrize(
    "name",
    [
        "api_base",
        "base_url",
        "api_key",
        "extra_headers",
        "custom_llm_provider",
        "mock_response",
        "fallbacks",
        "extra_body",
        "timeout",
    ],
)
def test_no_parameter_decides_who_is_asked(server: Running, provider: Provider, name: str) -> None:
    for prompt in ("count to 3", "hello"):
        reply = server.chat(prompt, **{name: "http://elsewhere"})
        assert (reply.status_code, name in reply.json()["error"]["message"]) == (400, True)
    assert provider.seen == []


def test_tool_calls_and_reasoning_come_back_whole(server: Running, provider: Provider) -> None:
    message = server.chat("add", tools=TOOLS, tool_choice="auto").json()["choices"][0]["message"]
    assert message["tool_calls"][0]["function"] == CALL["function"]
    assert (message["content"], message["reasoning_content"]) == (None, "I add")
    assert (provider.seen[0]["tools"], provider.seen[0]["tool_choice"]) == (TOOLS, "auto")


def thoughts(reply: Any) -> str:
    choices = [choice for event in events(reply) if event != "[DONE]" for choice in event["choices"]]
    return "".join(choice["delta"].get("reasoning_content") or "" for choice in choices)


def test_what_the_model_thought_comes_with_a_fresh_answer_and_not_with_a_stored_one(server: Running) -> None:
    said = [server.chat(temperature=0).json()["choices"][0]["message"] for _ in range(2)]
    assert [message.get("reasoning_content") for message in said] == ["I count", None]
    assert [thoughts(server.chat(temperature=1, stream=True)) for _ in range(2)] == ["I count", ""]


def test_a_conversation_with_tools_and_images_goes_out_as_it_came(server: Running, provider: Provider) -> None:
    messages = [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "content": "4", "tool_call_id": "c1"},
    ]
    assert server.chat(messages).status_code == 200
    assert provider.seen[0]["messages"] == messages


def test_several_choices_come_back_and_are_never_stored(server: Running, provider: Provider) -> None:
    for _ in range(2):
        reply = server.chat(n=2)
        assert [choice["index"] for choice in reply.json()["choices"]] == [0, 1]
    assert len(provider.seen) == 2
    assert server.client.get("/v1/records").json()["data"] == []


def test_a_stream_of_tool_calls_comes_through(server: Running) -> None:
    found = [event for event in events(server.chat("add", tools=TOOLS, stream=True)) if event != "[DONE]"]
    calls = [call for event in found for choice in event["choices"] for call in choice["delta"].get("tool_calls") or ()]
    assert calls[0]["function"]["name"] == "add"


def test_what_no_rule_owns_streams_from_the_provider(server: Running) -> None:
    reply = server.chat("hello", stream=True)
    assert streamed_text(reply) == "one two three "
    entry = server.client.get("/console/state").json()["requests"][0]
    assert (entry["outcome"], entry["prompt_tokens"], entry["completion_tokens"]) == ("passthrough", 5, 3)


def test_steps_are_sent_as_the_provider_writes_them(
    tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-up")
    backend = {"model": "openai/up-model", "api_base": provider.address}
    with running(tmp_path, edited(COUNT, stream="steps"), pipeline={"backend": backend}, hold_headers=30) as server:
        reply = server.chat("count to 3", stream=True, temperature=0.5, made_up=[1])
        entry = server.client.get("/console/state").json()["requests"][0]
    assert (streamed_text(reply), "x-stepflow-outcome" in reply.headers) == (RIGHT, False)  # sent before its end
    assert thoughts(reply) == "I count"
    assert (provider.seen[0]["temperature"], provider.seen[0]["made_up"]) == (0.5, [1])
    assert (entry["outcome"], entry["prompt_tokens"], entry["completion_tokens"]) == ("miss", 5, 3)


def test_a_client_that_leaves_ends_the_providers_stream(server: Running, provider: Provider) -> None:
    body = {"model": "kit", "stream": True, "messages": [{"role": "user", "content": "slowly"}]}
    with server.client.stream("POST", "/v1/chat/completions", json=body) as reply:
        next(reply.iter_lines())
    assert provider.broken.wait(5)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 503])
@pytest.mark.parametrize("more", [{}, {"n": 2}, {"stream": True}])
def test_the_providers_status_reaches_the_client(
    server: Running, provider: Provider, status: int, more: dict[str, Any]
) -> None:
    provider.status = status
    for prompt in ("hello", "count to 3"):
        reply = server.chat(prompt, **more)
        assert (reply.status_code, "error" in reply.json()) == (status, True), prompt


def test_a_message_that_litellm_does_not_take_is_the_clients_fault(server: Running, provider: Provider) -> None:
    reply = server.chat([{"role": "user", "content": [{"type": "telepathy"}]}])
    assert (reply.status_code, provider.seen) == (400, [])
    assert "was not asked: Invalid user message" in reply.json()["error"]["message"]


# --- before the server -----------------------------------------------------------------------------------------------


def test_litellm_is_a_client_like_any_other(server: Running) -> None:
    import litellm

    messages = [{"role": "user", "content": "count to 3"}]
    options: dict[str, Any] = {
        "model": "openai/kit",
        "api_base": f"{server.url}/v1",
        "api_key": "-",
        "messages": messages,
    }
    assert litellm.completion(**options).choices[0].message.content == RIGHT
    chunks = list(litellm.completion(**options, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == RIGHT


# --- instead of the server -------------------------------------------------------------------------------------------


def test_a_pipeline_is_a_model_of_litellm(tmp_path: Path) -> None:
    import litellm

    from stepflow.server.litellm_provider import register

    with register(write_pipeline(tmp_path, COUNT)) as pipeline:
        pipeline.backend = _Both()
        messages = [{"role": "user", "content": "count to 3"}]
        first = litellm.completion(model="stepflow/kit", messages=messages)
        second = asyncio.run(litellm.acompletion(model="stepflow/kit", messages=messages, temperature=0))
        assert [each.choices[0].message.content for each in (first, second)] == [RIGHT, RIGHT]
        assert first.usage.total_tokens == 10
        again = litellm.completion(model="stepflow/kit", messages=messages)
        assert (again.usage.total_tokens, again._hidden_params["stepflow"]["outcome"]) == (0, "exact")
        chunks = list(litellm.completion(model="stepflow/kit", messages=messages, stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == RIGHT
        with pytest.raises(litellm.NotFoundError, match="there is no pipeline 'wibble'"):
            litellm.completion(model="stepflow/wibble", messages=messages)
        with pytest.raises(litellm.BadRequestError, match="only conversations in plain text"):
            litellm.completion(model="stepflow/kit", messages=[{**messages[0], "name": "ann"}])


class _Both:
    """The counting model, asked either way."""

    def __init__(self) -> None:
        self.model, self.identity = "kit/model", {"model": "kit/model"}
        self._inner = counting()

    def complete(self, call: Any) -> Any:
        return asyncio.run(self._inner.acomplete(call))

    async def acomplete(self, call: Any) -> Any:
        return await self._inner.acomplete(call)

    def close(self) -> None:
        """Nothing is open."""
