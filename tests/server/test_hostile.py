"""Whatever is sent, there is a proper error in OpenAI's form: no crash, no hang, nothing of the server in it."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, edited
from hypothesis import given, settings
from hypothesis import strategies as st
from serverkit import Model, Running, counting, eventually, keyring, running

from stepflow.errors import UsageError
from stepflow.server import connections, console, wire
from stepflow.server.refusals import Refused, refused
from stepflow.server.running import open_service
from stepflow.server.settings import Settings
from stepflow.server.tenants import Keys, hash_of, new_key, read_keys


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("hostile"), model=counting(), body_bytes=100_000, body_time=0.5) as found:
        yield found


BEGUN = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: y"


def message(content: Any = "count to 3", **more: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content, **more}]


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a text": b'"x"',
    "not UTF-8": b'{"messages": "\xff\xfe"}',
    "UTF-16": '{"messages": []}'.encode("utf-16"),
    "a null byte": b"\x00",
    "deep lists": b'{"messages":' + b"[" * 40_000 + b"]" * 40_000 + b"}",
    "deep objects": b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
    "rather deep": json.dumps({"messages": message(), "x": json.loads("[" * 70 + "]" * 70)}).encode(),
    "NaN": b'{"messages":[{"role":"user","content":"x"}],"temperature":NaN}',
    "too large a number": b'{"messages":[{"role":"user","content":"x"}],"temperature":1e999}',
    "too long a number": b'{"messages":[{"role":"user","content":"x"}],"seed":' + b"9" * 5000 + b"}",
    "half a pair": b'{"messages":[{"role":"user","content":"\\ud800"}]}',
    "half a pair in a parameter": b'{"messages":[{"role":"user","content":"x"}],"stop":"\\udc00"}',
    "half a pair in a name": b'{"messages":[{"role":"user","content":"x"}],"\\ud800":1}',
    "a member named twice": b'{"messages":[{"role":"user","content":"x"}],"messages":[{"role":"user","content":"y"}]}',
    "a member within named twice": b'{"messages":[{"role":"user","content":"x","content":"y"}]}',
    "no messages": b'{"model":"kit"}',
    "messages of another type": b'{"messages":{"role":"user"}}',
    "a message that is none": b'{"messages":["hi"]}',
    "a message without a role": b'{"messages":[{"content":"hi"}]}',
    "a role of another type": b'{"messages":[{"role":[],"content":"hi"}]}',
    "content of another type": b'{"messages":[{"role":"user","content":5}]}',
    "a stream that is a text": b'{"messages":[{"role":"user","content":"x"}],"stream":"yes"}',
    "a model that is a number": b'{"messages":[{"role":"user","content":"x"}],"model":5}',
    "options that are a list": b'{"messages":[{"role":"user","content":"x"}],"stream_options":[]}',
    "tools that are none": b'{"messages":[{"role":"user","content":"x"}],"tools":5}',
    "a list of tools that are none": b'{"messages":[{"role":"user","content":"x"}],"tools":[1]}',
    "a form that is a list": b'{"messages":[{"role":"user","content":"x"}],"response_format":["json"]}',
    "a choice that is a list": b'{"messages":[{"role":"user","content":"x"}],"tool_choice":[]}',
    "metadata that are a list": b'{"messages":[{"role":"user","content":"x"}],"metadata":[]}',
    "a part that is a text": b'{"messages":[{"role":"user","content":["x"]}]}',
    "a part of no type": b'{"messages":[{"role":"user","content":[{"text":"x"}]}]}',
    "calls that are none": b'{"messages":[{"role":"assistant","tool_calls":["x"]},{"role":"user","content":"x"}]}',
    "control that is a list": b'{"messages":[{"role":"user","content":"x"}],"stepflow":[]}',
}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_body_is_a_400_in_openais_form(server: Running, name: str, path: str) -> None:
    reply = server.post(BODIES[name], path)
    error = reply.json()["error"]
    assert reply.status_code == 400
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert "Traceback" not in reply.text


def test_other_content_than_json_is_refused_so_that_no_page_of_another_site_can_post(server: Running) -> None:
    body = json.dumps({"messages": message()}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert server.post(body, content_type=kind).status_code == 415


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::2]", ""])
def test_a_name_of_another_site_does_not_reach_a_server_without_keys(server: Running, host: str) -> None:
    for path in ("/v1/models", "/console/state", "/metrics"):
        assert server.client.get(path, headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1:8080", "[::1]:8080", "[::1]"])
def test_the_machines_own_names_do(server: Running, host: str) -> None:
    assert server.client.get("/v1/models", headers={"host": host}).status_code == 200


def test_a_body_that_is_too_large_is_refused_whatever_it_says_of_its_length(server: Running) -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 10_000

    assert server.post(b" " * 100_001).status_code == 413
    reply = server.client.post("/v1/chat/completions", content=drip(), headers={"content-type": "application/json"})
    assert reply.status_code == 413


HEAD = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize("length", ["99999999999999999999999", "-1", "abc", "0x10", "1, 2"])
def test_a_length_that_is_none_is_no_crash(server: Running, length: str) -> None:
    status = raw(server, f"{HEAD}content-length: {length}\r\n\r\n")
    assert status in (400, 408, 413)


def test_a_body_that_comes_too_slowly_is_given_up(server: Running) -> None:
    began = time.monotonic()
    assert raw(server, f"{HEAD}content-length: 50\r\n\r\n{{") == 408
    assert time.monotonic() - began < 5
    assert server.service.open == 0


@pytest.mark.parametrize(
    ("before", "sent"),
    [(b"", b""), (b"", b"GET"), (b"", BEGUN), (BEGUN + b"\r\n\r\n", b"G"), (BEGUN + b"\r\n\r\n", BEGUN)],
)
def test_a_head_that_does_not_come_to_its_end_is_given_up(
    server: Running, monkeypatch: pytest.MonkeyPatch, before: bytes, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.2)
    with socket.create_connection(("127.0.0.1", port(server)), timeout=4) as client:
        client.sendall(before + sent)
        got = b"".join(iter(lambda: client.recv(65536), b""))
    assert got.count(b"HTTP/1.1 200") == bool(before)


def hangs_up(client: socket.socket, part: bytes, pause: float) -> bool:
    """Whether the server ends the connection while it is sent the same again and again, for 4 seconds."""
    client.setblocking(False)
    began = time.monotonic()
    while time.monotonic() - began < 4:
        try:
            with contextlib.suppress(BlockingIOError):
                client.send(part)
            with contextlib.suppress(BlockingIOError):
                if client.recv(65536) == b"":
                    return True
        except ConnectionError:
            return True
        time.sleep(pause)
    return False


def test_a_head_that_comes_drop_by_drop_is_given_up(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.3)
    with socket.create_connection(("127.0.0.1", port(server)), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        assert hangs_up(client, b"x: y\r\n", 0.05)


@pytest.mark.parametrize("part", [b"x: " + b"y" * 5_000 + b"\r\n", b"y" * 5_000])
def test_a_head_without_end_is_refused(server: Running, part: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port(server)), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n" + (b"" if b":" in part else b"x: "))
        assert hangs_up(client, part, 0.002)
    assert server.client.get("/healthz").json() == {"status": "ok"}


def test_a_slow_request_is_not_taken_for_a_slow_head(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.1)
    with socket.create_connection(("127.0.0.1", port(server)), timeout=5) as client:
        for _ in range(3):
            client.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
            time.sleep(0.25)


BODY = json.dumps({"messages": message()}).encode()


@pytest.mark.parametrize(
    "name", ["authorization", "host", "content-type", "x-stepflow-namespace", "x-stepflow-no-cache"]
)
def test_a_header_given_twice_is_refused_for_a_proxy_may_have_gone_by_the_other(server: Running, name: str) -> None:
    given = {"host": "localhost", "content-type": "application/json", "content-length": str(len(BODY))}
    value = given.get(name, "1")
    lines = [f"{key}: {said}" for key, said in {**given, name: value, name.upper(): value}.items()]
    head = "\r\n".join(["POST /v1/chat/completions HTTP/1.1", *lines])
    assert raw(server, f"{head}\r\n\r\n{BODY.decode()}") == 400
    if name == "authorization":
        assert raw(server, head.replace("POST /v1/chat/completions", "GET /v1/models") + "\r\n\r\n") == 400


def test_headers_behind_a_body_say_nothing_and_are_not_kept(tmp_path: Path) -> None:
    chunk = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
    with running(tmp_path, model=counting(), keys=keyring(north="n")) as server:
        head = HEAD.encode() + b"transfer-encoding: chunked\r\n"
        statuses = []
        for request in (
            head + b"authorization: Bearer n\r\n\r\n" + chunk + b"x: y\r\n\r\n",
            head + b"\r\n" + chunk + b"authorization: Bearer n\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port(server)), timeout=5) as client:
                client.sendall(request)
                statuses.append(int(client.recv(4096).split(b" ")[1]))
    assert statuses == [200, 401]


@pytest.mark.parametrize("more", [{}, {"stream": True}])
def test_a_client_that_takes_nothing_of_its_reply_is_given_up(
    server: Running, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    monkeypatch.setattr(connections, "TAKE_S", 0.3)
    server.model.answers["much"] = "much of it\n" * 1_500_000  # more than the system holds for a connection
    body = json.dumps({"messages": message("much"), **more})
    with socket.create_connection(("127.0.0.1", port(server)), timeout=20) as client:
        client.sendall(f"{HEAD}content-length: {len(body)}\r\n\r\n{body}".encode())
        assert client.recv(10)
        assert eventually(lambda: server.service.open == 0)
    assert eventually(lambda: server.house.current.users == 0)


def test_a_path_with_a_slash_too_many_is_not_sent_elsewhere_with_its_key(server: Running) -> None:
    assert server.post(BODY, "/v1/chat/completions/").status_code == 404


def test_headers_that_nobody_reads_take_no_room(server: Running) -> None:
    for number in range(4):
        reply = server.post(BODY, **{"x_stepflow_made_up": str(number) * 1000})
    assert reply.headers["x-stepflow-outcome"] == "exact"
    assert len(server.service.hot) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"model": "x" * 50_000},
        {"stepflow": {"pipeline": "x" * 50_000}},
        {"stepflow": {"rule": "x" * 50_000}},
        {"stepflow": {"x" * 50_000: 1}},
        {"api_base" + "x" * 50_000: 1},
    ],
)
def test_an_error_does_not_say_again_all_that_was_sent(server: Running, more: dict[str, Any]) -> None:
    reply = server.chat(**more)
    assert reply.status_code in (200, 400, 404)
    assert len(reply.content) < 1000


def test_a_large_body_is_read_beside_the_loop_and_a_small_one_on_it(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def read(raw: bytes) -> dict[str, Any]:
        threads.append(threading.current_thread().name.split("_")[0])
        return {"model": "nobody's"}

    monkeypatch.setattr(wire, "read_json", read)
    for size in (10, 50_000):
        assert server.post(b" " * size).status_code == 400
    assert (threads[0] != "stepflow", threads[1]) == (True, "stepflow")


def test_what_is_kept_of_requests_does_not_hold_their_parameters(server: Running) -> None:
    for _ in range(3):
        server.chat(metadata={"large": [[]] * 10_000})
    (entry, *_), hot = server.service.ledger.recent.newest(Keys().tenant(""), 1), server.service.hot
    assert entry.request.parameters == {}
    assert all(each.base.request.parameters == {} for each in hot._answers.values())


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /../../etc/passwd",
        "GET /%2e%2e/%2e%2e/etc/passwd",
        "GET /v1/records/..%2f..%2fx",
        "GET /v1/records/%00",
        "GET /v1/records/*",
        "GET //v1//models",
        "GET /v1/models/%ff",
        "GET /console/requests/..",
        "PUT /v1/records/x",
        "TRACE /",
        "GET /" + "a" * 5000,
    ],
)
def test_tricks_with_paths_find_nothing(server: Running, request_line: str) -> None:
    assert raw(server, f"{request_line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n") in (400, 404, 405)


def test_nonsense_instead_of_http_does_no_harm(server: Running) -> None:
    for sent in (
        b"\x16\x03\x01\x00",
        b"GET\r\n\r\n",
        b"\r\n" * 1000,
        b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 100_000,
    ):
        with socket.create_connection(("127.0.0.1", port(server)), timeout=5) as client:
            client.sendall(sent)
    assert server.client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize("name", ["model", "rule", "pipeline"])
def test_a_line_break_in_a_name_never_becomes_a_header(server: Running, name: str) -> None:
    evil = "kit\r\nset-cookie: a=b\r\n\r\nx"
    body: dict[str, Any] = {"model": "kit", "messages": message(), "stepflow": {}}
    body["stepflow" if name == "model" else name] = {}
    reply = server.chat(**({"model": evil} if name == "model" else {"stepflow": {name: evil}}))
    assert reply.status_code in (400, 404)
    assert "set-cookie" not in reply.headers


def test_an_answer_of_strange_characters_arrives_as_it_is(server: Running) -> None:
    answer = "\u2028\x00\x7f\r\n\ndata: [DONE]\n\n: stepflow\x85\U0001f600</script>"
    server.model.answers["strange"] = answer
    assert server.chat("strange").json()["choices"][0]["message"]["content"] == answer
    lines = [line for line in server.chat("strange", stream=True).content.split(b"\n") if line.startswith(b"data: {")]
    choices = [choice for line in lines for choice in json.loads(line[6:])["choices"]]
    assert "".join(choice["delta"].get("content") or "" for choice in choices) == answer


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=99999999999999999999", "limit=²"])
def test_a_limit_that_is_none_is_refused(server: Running, query: str) -> None:
    assert server.client.get(f"/v1/records?{query}").status_code == 400
    assert server.client.get(f"/console/state?{query}").status_code == 400


def test_a_failure_of_ours_tells_nothing_of_itself(tmp_path: Path) -> None:
    with running(tmp_path, model=Model(hello=ZeroDivisionError("a secret"))) as server:  # type: ignore[arg-type]
        reply = server.chat("hello")
    assert (reply.status_code, "secret" in reply.text) == (500, False)
    assert reply.json()["error"]["type"] == "server_error"


def test_a_pattern_made_to_hang_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    slow = edited(COUNT, id="slow", match=[{"type": "regex", "pattern": r"^(\w+\s?)*$"}])
    with running(tmp_path, slow, COUNT, model=counting()) as server, ThreadPoolExecutor(4) as pool:
        server.chat()
        hanging = [pool.submit(server.chat, "a" * 40 + f" {number}!") for number in range(3)]
        assert server.chat().headers["x-stepflow-outcome"] == "exact"
        assert not all(each.done() for each in hanging)
        assert {each.result().status_code for each in hanging} == {200}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["model", "messages", "prompt", "stream", "stream_options", "stepflow", "n", "tools", "stop", "x"]
)


def test_a_name_given_twice_among_very_many_is_found_at_once() -> None:
    """Each compared with all others took minutes."""
    names = [*map(str, range(100_000)), "last", "last"]
    with pytest.raises(Refused, match="'last' is named twice"):
        wire.read_json(("{" + ",".join(f'"{name}":1' for name in names) + "}").encode())


@settings(max_examples=300, deadline=None)
@given(body=st.dictionaries(NAMES, json_values), raw_body=st.binary(max_size=40))
def test_any_json_is_read_or_refused(body: dict[str, Any], raw_body: bytes) -> None:
    for read in (wire.read_chat, wire.read_text):
        for text in (json.dumps(body).encode(), raw_body):
            try:
                ask = read(wire.read_json(text), {})
            except Refused:
                continue
            assert ask.request is None or ask.request.messages


@settings(max_examples=60, deadline=None)
@given(body=st.dictionaries(NAMES, json_values))
def test_any_json_gets_an_answer_or_an_error_in_openais_form(server: Running, body: dict[str, Any]) -> None:
    chat = {"messages": message(), **body}
    reply = server.post(json.dumps(chat).encode())
    assert reply.status_code in (200, 400, 404)
    if reply.status_code != 200:
        assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


# --- load ------------------------------------------------------------------------------------------------------------


def test_what_the_queue_does_not_hold_is_refused_at_once(tmp_path: Path) -> None:
    model = Model()
    model.free.clear()
    with running(tmp_path, model=model, model_calls=2, waiting=2) as server, ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(server.chat, f"hello {number}") for number in range(12)]
        assert eventually(lambda: sum(each.done() for each in asked) == 8)
        refusal = next(each.result() for each in asked if each.done())
        model.free.set()
        assert sorted(each.result().status_code for each in asked) == [200] * 4 + [503] * 8
        assert (refusal.headers["retry-after"], refusal.json()["error"]["type"]) == ("1", "overloaded_error")
        assert server.chat("later").status_code == 200


def test_one_tenant_cannot_take_all_places(tmp_path: Path) -> None:
    model = Model()
    model.free.clear()
    with running(tmp_path, model=model, tenant_calls=3) as server, ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(server.chat, f"hello {number}") for number in range(6)]
        assert eventually(lambda: sum(each.done() for each in asked) == 3)
        model.free.set()
        assert sorted(each.result().status_code for each in asked) == [200] * 3 + [429] * 3


def test_more_requests_than_may_be_open_are_refused_but_health_is_not(tmp_path: Path) -> None:
    model = Model()
    model.free.clear()
    with running(tmp_path, model=model, requests=2) as server, ThreadPoolExecutor(2) as pool:
        running_ones = [pool.submit(server.chat, f"hello {number}") for number in range(2)]
        assert eventually(lambda: model.inside == 2)
        assert server.chat("hello 3").status_code == 503
        assert server.client.get("/healthz").status_code == 200
        model.free.set()
        assert {each.result().status_code for each in running_ones} == {200}


def test_searches_wait_for_one_another_and_keep_nobody_else_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = [], threading.Event()

    def search(*_: object) -> list[Any]:
        begun.append(1)
        go_on.wait(20)
        return []

    monkeypatch.setattr(console, "search", search)
    with running(tmp_path, model=counting()) as server, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(server.client.get, "/v1/records") for _ in range(8)]
        assert eventually(lambda: sum(each.done() for each in asked) == 4)
        assert server.chat().status_code == 200
        assert len(begun) == 1
        go_on.set()
        assert sorted(each.result().status_code for each in asked) == [200] * 4 + [429] * 4


def test_a_request_that_takes_too_long_is_ended_and_frees_its_place(tmp_path: Path) -> None:
    model = Model()
    model.seconds = 30
    with running(tmp_path, model=model, wall_time=0.3, hold_headers=5) as server:
        for more in ({}, {"stream": True}):
            assert server.chat("hello", **more).status_code == 504
        assert (server.service.gate.inside, model.cancelled) == (0, 2)


# --- keys and addresses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    ["abc north", "0" * 64, f"{'0' * 64} north boss", f"{'0' * 64} a/b", f"{'G' * 64} north", f"{'0' * 64} ../x"],
)
def test_a_line_that_is_no_key_is_refused(line: str) -> None:
    with pytest.raises(UsageError, match="line 1"):
        Keys([line])


def test_keys_come_from_a_file_and_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, line = new_key("north")
    (tmp_path / "keys").write_text(f"# comment\n\n{line}  # north's\n", encoding="utf-8")
    monkeypatch.setenv("STEPFLOW_API_KEYS", f"{hash_of('k2')} south admin;")
    keys = read_keys(str(tmp_path / "keys"))
    found = [keys.tenant(f"Bearer {each}") for each in (key, "k2", "k3")]
    assert [each and (each.name, each.admin) for each in found] == [("north", False), ("south", True), None]
    assert key not in line


def test_a_file_without_any_key_opens_for_nobody(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("# none yet\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no API key"):
        read_keys(str(tmp_path / "keys"))
    with pytest.raises(UsageError, match="cannot be read"):
        read_keys(str(tmp_path / "other"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "example.com"])
def test_other_machines_are_not_served_without_keys(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match="can be reached from other machines"):
        open_service(Settings((str(tmp_path / "none.yaml"),), host=host))


def test_every_error_has_a_status() -> None:
    assert [refused(error).status for error in (TimeoutError(), ValueError("x"), UsageError("y"))] == [504, 500, 400]


def port(server: Running) -> int:
    return int(server.url.rpartition(":")[2])


def raw(server: Running, text: str) -> int:
    """The status of a reply to these bytes."""
    with socket.create_connection(("127.0.0.1", port(server)), timeout=5) as client:
        client.sendall(text.encode("latin-1"))
        return int(client.recv(4096).split(b" ")[1])
