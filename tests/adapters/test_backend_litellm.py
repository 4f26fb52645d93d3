from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import ValidationError

from stepflow.adapters.backends import litellm as plug
from stepflow.adapters.backends.litellm import LiteLlm, Options, build
from stepflow.errors import BackendError, ConnectionRefused, MissingApiKey, RateLimited, TimedOut
from stepflow.model import Message, Usage
from stepflow.protocols import Backend, Call, Completion

pytestmark = [  # LiteLLM sets these filters as it is imported; pytest takes them back after the test that imported it
    pytest.mark.filterwarnings("ignore:.*`ReadOnly` qualifier:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*conflict with protected namespace:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*Accessing the.*attribute on the instance is deprecated"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
]

SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}, "required": ["b"]}
OK = {"content": "hello", "finish_reason": "stop"}


class Stub(ThreadingHTTPServer):
    """Speaks OpenAI's chat protocol on a loopback port: plays `replies` in order, the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), StubHandler)
        self.replies: list[Any] = []
        self.seen: list[dict[str, Any]] = []
        self.authorization: list[str] = []
        self.connections: set[Any] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class StubHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Stub

    def do_POST(self) -> None:
        self.server.seen.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.server.authorization.append(self.headers["authorization"])
        self.server.connections.add(self.client_address)
        replies = self.server.replies
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, tuple):
            self.answer(reply[0], {"error": {"message": "the stub says no", "type": "stub", "code": "no"}}, reply[1])
        else:
            threading.Event().wait(reply.get("after_s", 0))
            self.answer(200, completion(reply), {})

    def answer(self, status: int, data: dict[str, Any], headers: dict[str, str]) -> None:
        body = json.dumps(data).encode()
        try:
            self.send_response(status)
            for name, value in {
                **headers,
                "content-type": "application/json",
                "content-length": str(len(body)),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the client gave up waiting, which is what some tests are about

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""


def completion(reply: dict[str, Any]) -> dict[str, Any]:
    choice = {
        "index": 0,
        "finish_reason": reply.get("finish_reason", "stop"),
        "message": {"role": "assistant", "content": reply.get("content")},
    }
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": reply.get("model", "stub-model"),
        "choices": [] if reply.get("no_choice") else [choice],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


@pytest.fixture(scope="module")
def server() -> Iterator[Stub]:
    with Stub() as stub:
        thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield stub
        stub.shutdown()
        thread.join()


@pytest.fixture
def stub(server: Stub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setattr(plug, "_FIRST_WAIT_S", 0.01)
    server.replies, server.seen, server.authorization, server.connections = [OK], [], [], set()
    loop = asyncio.new_event_loop()  # LiteLLM's sync calls make the thread an event loop if it has none, and leave it
    asyncio.set_event_loop(loop)
    yield server
    asyncio.set_event_loop(None)
    loop.close()


def backend(stub: Stub, **options: Any) -> LiteLlm:
    return build(
        Options(**{"model": "openai/gpt-4o", "api_base": stub.address, "timeout": 20, "retries": 0, **options})
    )


def call(timeout_s: float | None = None, schema: dict[str, Any] | None = None, **parameters: Any) -> Call:
    return Call((Message("system", "be brief"), Message("user", "hi")), parameters, schema, timeout_s)


def ask(asked: LiteLlm, one: Call, how: str) -> Completion:
    return asked.complete(one) if how == "sync" else asyncio.run(finished(asked, one))


async def finished(asked: LiteLlm, one: Call) -> Completion:
    """The async reply, once LiteLLM has closed what it keeps open for this loop."""
    import litellm

    try:
        return await asked.acomplete(one)
    finally:
        await litellm.close_litellm_async_clients()


both = pytest.mark.parametrize("how", ["sync", "async"])


# --- without LiteLLM -------------------------------------------------------------------------------------------------


def test_its_identity_is_all_that_can_change_an_answer() -> None:
    options: dict[str, Any] = {
        "model": "openai/m",
        "temperature": 0.0,
        "seed": 1,
        "api_base": "http://a/v1",
        "extra": {"top_k": 3},
    }
    first: Backend = build(Options(**options, timeout=1, retries=5, api_key_env="A_KEY"), None)
    second = build(Options(**options, timeout=9))
    assert first.identity == second.identity
    assert first.identity == {**{k: v for k, v in options.items() if k != "extra"}, "top_k": 3, "drop_params": False}
    first.close()


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [({"api_key": "sk-1"}, "is a secret; name the variable"), ({"stream": True}, "cannot"), ({"seed": 1}, "cannot")],
)
def test_extra_holds_neither_keys_nor_what_is_ours(extra: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Options(model="m", extra=extra)


def test_importing_the_plug_does_not_import_litellm() -> None:
    code = (
        "import sys, stepflow.adapters.backends.litellm as plug; plug.build(plug.Options(model='m')); "
        "assert not {'litellm', 'openai', 'httpx', 'asyncio'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_warm_backend_imports_next_to_nothing_at_its_first_call(stub: Stub) -> None:
    code = (
        "import asyncio, sys; from stepflow.protocols import Call; from stepflow.model import Message; "
        "from stepflow.adapters.backends.litellm import Options, build; "
        f"backend = build(Options(model='openai/gpt-4o', api_base='{stub.address}')); "
        "backend.warm(); before = set(sys.modules); "
        "asyncio.run(backend.acomplete(Call((Message('user', 'hi'),), {}, None))); print(len({*sys.modules} - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50  # without, it is 500: a second and a half
    assert len(stub.seen) == 1  # warming asks nobody


# --- replies ---------------------------------------------------------------------------------------------------------


@both
def test_a_model_named_by_no_text_is_the_one_that_was_asked(stub: Stub, how: str) -> None:
    stub.replies = [{**OK, "model": 5}]
    assert ask(backend(stub), call(), how).model == "openai/gpt-4o"


@both
def test_a_reply_of_a_wrong_shape_is_an_error_without_the_libraries_traceback(stub: Stub, how: str) -> None:
    stub.replies = [{"content": 5}]
    with pytest.raises(BackendError, match=r"openai/gpt-4o could not be asked: Invalid response object$"):
        ask(backend(stub), call(), how)


@both
def test_a_reply_and_its_usage_are_passed_on(stub: Stub, how: str) -> None:
    asked = backend(stub, temperature=0, max_tokens=5, stop=["END"], extra={"presence_penalty": 0.5})
    reply = ask(asked, call(max_tokens=9, seed=4), how)
    assert reply == Completion("hello", Usage(7, 3), "stop", "stub-model")
    assert stub.seen == [
        {
            "model": "gpt-4o",
            "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
            "temperature": 0,
            "max_tokens": 9,
            "seed": 4,
            "stop": ["END"],
            "presence_penalty": 0.5,
        }
    ]


@both
@pytest.mark.parametrize(
    ("reply", "text", "finish_reason"),
    [
        ({"content": ""}, "", "stop"),
        ({"content": None}, "", "stop"),
        ({"content": "x", "finish_reason": "length"}, "x", "length"),
    ],
)
def test_empty_and_cut_off_replies_are_left_to_the_runtime(
    stub: Stub, reply: dict[str, Any], text: str, finish_reason: str, how: str
) -> None:
    stub.replies = [reply]
    got = ask(backend(stub), call(), how)
    assert (got.text, got.finish_reason) == (text, finish_reason)


def test_a_schema_of_anything_but_an_object_is_not_sent(stub: Stub) -> None:
    for schema in ({"type": "array", "items": {}}, {"type": "string"}, {}):
        backend(stub, model="openai/gpt-4o").complete(call(schema=schema))
    assert [seen.get("response_format") for seen in stub.seen] == [None, None, None]


@pytest.mark.parametrize(("model", "sent"), [("openai/gpt-4o", True), ("openai/some-unknown-model", False)])
def test_a_schema_goes_only_to_models_that_are_known_to_follow_one(stub: Stub, model: str, sent: bool) -> None:
    backend(stub, model=model).complete(call(schema=SCHEMA))
    expected = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
    assert stub.seen[0].get("response_format") == (expected if sent else None)
    if sent:
        assert list(stub.seen[0]["response_format"]["json_schema"]["schema"]["properties"]) == ["b", "a"]


def test_the_key_comes_from_the_variable_that_is_named(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "sk-other")
    backend(stub, api_key_env="OTHER_KEY").complete(call())
    backend(stub).complete(call())
    assert stub.authorization == ["Bearer sk-other", "Bearer sk-test"]


def test_it_prints_and_logs_nothing(stub: Stub, capfd: pytest.CaptureFixture[str]) -> None:
    replies: list[Any] = [OK, (400, {}), (500, {})]
    for reply in replies:
        stub.replies = [reply]
        try:
            backend(stub).complete(call())
        except BackendError:
            continue
    assert capfd.readouterr() == ("", "")


# --- errors ----------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (400, BackendError, "openai/gpt-4o could not be asked: the stub says no$"),
        (401, MissingApiKey, "openai/gpt-4o refused the key in OPENAI_API_KEY: the stub says no; set that variable"),
        (403, BackendError, "could not be asked: the stub says no"),
        (404, BackendError, "the provider does not know openai/gpt-4o: the stub says no; mend `model`"),
        (429, RateLimited, "takes no more requests for now: the stub says no; wait, or raise `retries`"),
        (500, BackendError, "could not be asked: the stub says no"),
        (503, BackendError, "could not be asked: the stub says no"),
    ],
)
def test_a_refusal_is_told_in_our_words(
    stub: Stub, status: int, kind: type[BackendError], sentence: str, how: str
) -> None:
    stub.replies = [(status, {})]
    with pytest.raises(BackendError, match=sentence) as caught:
        ask(backend(stub), call(), how)
    assert type(caught.value) is kind
    assert len(stub.seen) == 1


@both
def test_nothing_at_the_address_is_a_refused_connection(stub: Stub, how: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        with pytest.raises(ConnectionRefused, match=f"nothing answers at {address}: .*; start the server"):
            ask(backend(stub, api_base=address, retries=1), call(), how)


@both
def test_a_late_reply_is_a_time_out_and_not_tried_again(stub: Stub, how: str) -> None:
    stub.replies = [{**OK, "after_s": 1}]
    with pytest.raises(TimedOut, match=r"openai/gpt-4o gave no answer within 0\.2 s; raise `timeout`"):
        ask(backend(stub, retries=3), call(timeout_s=0.2), how)
    assert len(stub.seen) == 1


@pytest.mark.parametrize(("own", "callers"), [(0.2, 30.0), (0.2, None), (30.0, 0.2)])
def test_the_shorter_of_its_own_and_the_callers_time_counts(stub: Stub, own: float, callers: float | None) -> None:
    stub.replies = [{**OK, "after_s": 1}]
    with pytest.raises(TimedOut, match=r"within 0\.2 s"):
        backend(stub, timeout=own).complete(call(timeout_s=callers))


@pytest.mark.parametrize(
    ("options", "variable"),
    [
        ({}, "OPENAI_API_KEY"),
        ({"model": "anthropic/claude-sonnet-4-5"}, "ANTHROPIC_API_KEY"),
        ({"api_key_env": "MY_KEY"}, "MY_KEY"),
    ],
)
def test_a_missing_key_names_its_variable(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], variable: str
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "MY_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingApiKey, match=f"needs a key: set the environment variable {variable}"):
        backend(stub, **options).complete(call())
    assert not stub.seen


@pytest.mark.parametrize(
    ("model", "parameters", "sentence"),
    [
        ("wibble", {}, "does not know whose model 'wibble' is; write provider/model, e.g. openai/wibble"),
        (
            "openai/o1",
            {"temperature": 0},
            "openai/o1 does not support a parameter: .*; remove it, or set `drop_params: true`",
        ),
        (
            "openai/gpt-4o",
            {"api_base": "http://elsewhere"},
            "the parameter 'api_base' is not passed on: it could change who is asked",
        ),
    ],
)
def test_what_cannot_be_sent_is_an_error(stub: Stub, model: str, parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BackendError, match=sentence):
        backend(stub, model=model).complete(call(**parameters))
    assert not stub.seen


def test_unsupported_parameters_may_be_left_out(stub: Stub) -> None:
    backend(stub, model="openai/o1", drop_params=True).complete(call(temperature=0))
    assert "temperature" not in stub.seen[0]


def test_a_reply_without_a_choice_is_an_error(stub: Stub) -> None:
    stub.replies = [{"no_choice": True}]
    with pytest.raises(BackendError, match="openai/gpt-4o"):
        backend(stub).complete(call())


# --- retries ---------------------------------------------------------------------------------------------------------


@both
def test_one_call_after_the_other_takes_one_connection(stub: Stub, how: str) -> None:
    async def three(asked: LiteLlm) -> None:
        for _ in range(2):
            await asked.acomplete(call(10))
        await finished(asked, call(10))

    asked = backend(stub)
    if how == "sync":
        for _ in range(3):
            asked.complete(call(10))
    else:
        asyncio.run(three(asked))
    assert (len(stub.seen), len(stub.connections)) == (3, 1)


@both
@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_passing_failure_is_tried_again(stub: Stub, status: int, how: str) -> None:
    stub.replies = [(status, {}), (status, {}), OK]
    assert ask(backend(stub, retries=2), call(), how).text == "hello"
    assert len(stub.seen) == 3


@pytest.mark.parametrize(("status", "tries"), [(400, 1), (401, 1), (404, 1), (429, 3), (500, 3)])
def test_tries_are_bounded_and_what_would_fail_again_is_not_tried_again(stub: Stub, status: int, tries: int) -> None:
    stub.replies = [(status, {})]
    with pytest.raises(BackendError):
        backend(stub, retries=2).complete(call())
    assert len(stub.seen) == tries


def test_the_provider_may_ask_for_a_longer_wait(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    stub.replies = [(429, {"retry-after": "3"}), (429, {"retry-after": "soon"}), OK]
    backend(stub, retries=2).complete(call())
    assert waits == [3.0, 0.02]


def test_a_wait_longer_than_the_time_left_is_not_begun(stub: Stub) -> None:
    stub.replies = [(429, {"retry-after": "30"}), OK]
    with pytest.raises(RateLimited):
        backend(stub, retries=2, timeout=20).complete(call())
    assert len(stub.seen) == 1
