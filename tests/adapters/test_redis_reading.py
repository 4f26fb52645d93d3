"""An exact hit from the command line on a Redis store loads neither the pipeline nor the library redis."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import trustme
from flowkit import COUNT, Flow, write_pipeline
from hypothesis import given
from hypothesis import strategies as st
from rediskit import Server, serve_tls

from stepflow import quick
from stepflow.adapters.stores.redis import RedisStore
from stepflow.adapters.stores.redis_reading import RedisReader
from stepflow.engine import make_request
from stepflow.errors import StoreError

RIGHT = "1\n2\n3"
REQUEST = make_request("count to 3")


def test_a_quick_hit_is_the_answer_that_the_pipeline_gives(redis_server: Server, tmp_path: Path) -> None:
    store = {"type": "redis", "url": redis_server.url, "prefix": "mine"}
    flow = Flow(tmp_path, COUNT, store=store)
    path = str(tmp_path / "pipeline.yaml")
    assert quick.exact_hit(path, REQUEST) is None
    first = flow.ask("count to 3", RIGHT)
    hit, full = quick.exact_hit(path, REQUEST), flow.ask("count to 3")
    assert hit is not None
    for name in ("answer", "outcome", "final", "origin", "rule", "record", "kept", "calls", "constraints"):
        assert getattr(hit, name) == getattr(full, name), name
    assert hit.record == first.record
    assert quick.exact_hit(path, make_request("count to 4")) is None
    name = f"mine:value:record:{first.record}"
    redis_server.client.set(name, redis_server.client.get(name)[:-3])
    assert quick.exact_hit(path, REQUEST) is None, "a damaged record is none"
    flow.pipeline.close()


def test_the_command_line_needs_no_library_for_it(redis_server: Server, tmp_path: Path) -> None:
    flow = Flow(tmp_path, COUNT, store={"type": "redis", "url": redis_server.url})
    flow.ask("count to 3", RIGHT)
    flow.pipeline.close()
    arguments = ["run", "-p", str(tmp_path / "pipeline.yaml"), "count to 3"]
    program = (
        f"import sys; from stepflow.cli.main import run; code = run({arguments!r}); "
        "print(code, [name for name in ('redis', 'pydantic', 'numpy', 'ssl', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"{RIGHT}\n0 []\n"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """The address of a server, and of its socket, for somebody; it asks everybody for a password."""
    server = Server(None, "--unixsocket", str(tmp_path / "redis.sock")).start()
    acl = ("ACL", "SETUSER", "cacher", "on", ">pass/word", "~stepflow:*", "+@all", "-@dangerous")
    server.client.execute_command(*acl)
    server.client.config_set("requirepass", "only@this")
    yield lambda form: form.format(host=f"127.0.0.1:{server.port}", path=tmp_path / "redis.sock")
    server.close()


@pytest.mark.parametrize(
    "form",
    [
        "redis://cacher:pass%2Fword@{host}/3",
        "redis://:only%40this@{host}",
        "redis://cacher:pass%2Fword@{host}/0?socket_timeout=2",
        "unix://cacher:pass%2Fword@{path}",
    ],
)
def test_it_reads_what_the_library_writes_at_the_same_url(guarded: Callable[[str], str], form: str) -> None:
    store, reader = RedisStore(guarded(form)), RedisReader(guarded(form), "stepflow")
    for key, value in {"a": "1", "ä": '"ü\r\n$5"', "long": "x" * 300_000, "empty": ""}.items():
        store.put(key, value)
        assert reader.get(key) == store.get(key) == value
    assert reader.get("b") is None
    reader.close()
    store.close()


@pytest.mark.parametrize(
    "form",
    [
        "redis://cacher:wrong@{host}/0",
        "redis://{host}/0",
        "redis://cacher:pass%2Fword@{host}/99",
        "redis://cacher@{host}/0",
        "redis://cacher:pass%2Fword@{host}/0?protocol=3",
        "unix://cacher:pass%2Fword@{path}?db=3",
        "redis://{host}/x",
        "http://{host}/0",
        "rediss://{host}/0",
        "unix:///nowhere",
        "redis://127.0.0.1:1/0",
        "redis://[",
    ],
)
def test_what_it_does_not_know_or_is_refused_it_leaves_to_the_library(guarded: Callable[[str], str], form: str) -> None:
    began = time.monotonic()
    with pytest.raises(StoreError), closing(RedisReader(guarded(form), "stepflow")) as reader:
        reader.get("a")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("trusted", [True, False])
def test_tls_is_checked(redis_server: Server, tmp_path: Path, trusted: bool) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    redis_server.client.set("stepflow:value:a", "1")
    with serve_tls(context, redis_server.port) as listener:
        url = f"rediss://127.0.0.1:{listener.getsockname()[1]}/0?ssl_ca_certs={tmp_path}/ca.pem"
        if trusted:
            with closing(RedisReader(url, "stepflow")) as reader:
                assert reader.get("a") == "1"
        else:
            with pytest.raises(StoreError):
                RedisReader(url, "stepflow")


@given(st.binary(max_size=40) | st.sampled_from([b"$5\r\nab", b"$99999999999\r\n", b"$-1\r\n", b"*1\r\n", b"$x\r\n"]))
def test_whatever_a_stranger_answers_it_is_a_text_nothing_or_a_store_error(answer: bytes) -> None:
    ours, theirs = socket.socketpair()
    reader = RedisReader.__new__(RedisReader)
    reader._prefix, reader._greeting, reader._socket, reader._answers = "p", [], ours, ours.makefile("rb")
    with theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        with suppress(StoreError):
            assert isinstance(reader.get("a"), str | None)
    reader.close()


def test_a_server_that_hangs_is_left_to_the_library_after_a_second(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        store = {"type": "redis", "url": f"redis://127.0.0.1:{deaf.getsockname()[1]}"}
        path = write_pipeline(tmp_path, COUNT, store=store)
        began = time.monotonic()
        assert quick.exact_hit(path, REQUEST) is None
        assert 0.9 < time.monotonic() - began < 3
