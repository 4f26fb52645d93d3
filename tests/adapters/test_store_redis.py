"""What the Redis store promises beside what every store does (test_stores.py): outages, restarts, secrets, rights."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from flowkit import COUNT, Flow, story, write_pipeline
from processkit import Child
from pydantic import ValidationError
from rediskit import Server, free_port

import stepflow
from stepflow.adapters.stores import redis, redis_server
from stepflow.adapters.stores.redis import RedisStore
from stepflow.cli.main import run
from stepflow.engine import open_archive, store_of
from stepflow.errors import StoreError, UsageError
from stepflow.protocols import LogEntry

RIGHT = "1\n2\n3"
SECRET = "hunter2/ä@"
QUOTED = "hunter2%2F%C3%A4%40"


def plus(key: str, namespace: str = "n", skeleton: str = "s", signature: str = "g") -> LogEntry:
    return LogEntry("+", key, namespace, skeleton, signature, b"\x01" * 8)


@pytest.fixture
def store(redis_server: Server) -> Iterator[RedisStore]:
    store = RedisStore(redis_server.url)
    yield store
    store.close()


@pytest.fixture
def flow(redis_server: Server, tmp_path: Path) -> Iterator[Flow]:
    flow = Flow(tmp_path, COUNT, store={"type": "redis", "url": redis_server.url})
    yield flow
    flow.pipeline.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that keeps its data, for tests that kill it."""
    folder = tmp_path / "server"
    folder.mkdir()
    server = Server(folder)
    yield server.start()
    server.kill()


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "PAUSE_S", (0.05, 0.2))


# --- options ----------------------------------------------------------------------------------------------------------


def test_options_are_strict_and_hide_the_url() -> None:
    options = redis.Options.model_validate({"url": f"redis://:{QUOTED}@localhost"})
    assert "hunter2" not in repr(options)
    for wrong in ({}, {"url": 3}, {"url": "redis://h", "prefix": "a b"}, {"url": "redis://h", "path": "x"}):
        with pytest.raises(ValidationError):
            redis.Options.model_validate(wrong)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        f"http://u:{QUOTED}@host/0",
        f"redis://u:{SECRET}@host:6379/0",
        f"redis://u:{QUOTED}@host:66000000/0",
        f"redis://u:{QUOTED}@host/0?surprise=1",
        "redis:///0",
        f"redis://[::1:{QUOTED}@/0",
    ],
)
def test_a_url_that_is_none_is_a_sentence_without_its_password(url: str) -> None:
    with pytest.raises(StoreError, match=r"write it as redis://") as caught:
        RedisStore(url)
    assert "hunter" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_pipeline_says_what_the_store_lacks_and_what_it_does_not_know(tmp_path: Path) -> None:
    path = write_pipeline(tmp_path, COUNT, store={"type": "redis", "url": "redis://localhost", "size_limit": "1GiB"})
    with stepflow.load(path) as pipeline:
        said = [warning.message for warning in pipeline.warnings if warning.code == "unknown-key"]
    assert said == ["'size_limit' is not a parameter of store 'redis': it changes nothing"]
    path = write_pipeline(tmp_path, store={"type": "redis"})
    with pytest.raises(stepflow.ConfigError, match="store 'redis' needs 'url'"):
        stepflow.load(path)
    with pytest.raises(UsageError, match="needs 'url'"):
        open_archive(store_of(path))


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(StoreError, match=r"pip install 'stepflow\[redis\]'"):
        RedisStore("redis://localhost")


# --- what stands on the server ---------------------------------------------------------------------------------------


def test_everything_of_a_record_expires_and_all_keys_have_the_prefix(redis_server: Server) -> None:
    store = RedisStore(redis_server.url, "mine", expire=100)
    store.write({"a": "1", "b": "2"}, plus("a"))
    keys = {key.decode(): redis_server.client.pttl(key) for key in redis_server.client.scan_iter("*")}
    assert all(key.startswith("mine:") for key in keys)
    assert {key for key, left in keys.items() if left < 0} == {"mine:last", "mine:written"}
    assert all(left <= 100_000 for left in keys.values())
    store.close()


def test_two_prefixes_on_one_server_know_nothing_of_each_other(redis_server: Server) -> None:
    mine, yours = RedisStore(redis_server.url, "mine"), RedisStore(redis_server.url, "yours")
    mine.write({"a": "1"}, plus("a"))
    assert (yours.get("a"), list(yours.keys()), list(yours.tail(0))) == (None, [], [])
    assert list(yours.with_skeleton("n", "s", 5)) == []
    assert yours.acquire("k", "you", 30) == "you"
    assert mine.acquire("k", "me", 30) == "me"
    mine.close()
    yours.close()


def test_what_expires_later_is_not_lost_with_what_expires_sooner(redis_server: Server) -> None:
    long, short = RedisStore(redis_server.url, expire=1000), RedisStore(redis_server.url, expire=10)
    long.write({"long": "1"}, plus("long"))
    short.write({"short": "1"}, plus("short"))
    redis_server.age(20)
    assert list(long.with_signature("n", "g", 5))[-1] == "long"
    assert "long" in [entry.key for entry in long.tail(0)]
    assert list(long.keys()) == ["long"]
    long.close()
    short.close()


def test_what_has_expired_is_cleared_away_by_later_writes(redis_server: Server) -> None:
    store = RedisStore(redis_server.url, expire=0.05)
    for number in range(60):
        store.write({str(number): "1"}, plus(str(number)))
        time.sleep(0.005)
    assert redis_server.client.zcard("stepflow:written") < 45
    assert redis_server.client.xlen("stepflow:log:n") < 45
    assert redis_server.client.zcard("stepflow:hash:n:s:s") < 45
    assert store.with_skeleton("n", "s", 1) == ("59",)
    store.close()


def test_many_rows_come_in_pages_and_in_order(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "PAGE", 7)
    for number in range(30):
        store.write({f"{number:02}": "1"}, plus(f"{number:02}"))
    expected = [f"{number:02}" for number in range(30)]
    assert list(store.keys()) == expected
    assert [entry.key for entry in store.tail(0)] == expected
    assert [entry.key for entry in store.tail(store.tail(0)[9].id, "n")] == expected[10:]
    assert [entry.key for entry in store.tail(0, "n", 9)] == expected[:9]
    assert store.stats()["values"] == 30


def test_ids_go_on_growing_when_the_server_has_lost_everything(store: RedisStore, redis_server: Server) -> None:
    before = store.append(plus("a"))
    redis_server.client.flushall()
    assert store.append(plus("b")) > before


@pytest.mark.parametrize("plant", ["list", "bytes"])
def test_a_foreign_value_counts_as_absent_and_is_named(store: RedisStore, redis_server: Server, plant: str) -> None:
    store.put("a", "1")
    redis_server.client.delete("stepflow:value:a")
    if plant == "list":
        redis_server.client.rpush("stepflow:value:a", "x")
    else:
        redis_server.client.set("stepflow:value:a", b"\xff\xfe")
    assert store.get("a") is None
    (finding,) = store.check()
    assert "'a'" in finding
    assert store.stats()["values"] >= 0


def test_malformed_log_entries_are_ignored_and_named(store: RedisStore, redis_server: Server) -> None:
    store.append(plus("a"))
    last = int(redis_server.client.get("stepflow:last"))
    planted = [
        {"o": "*", "k": "b", "s": "", "g": "", "v": b""},
        {"o": "+", "k": "c", "s": "", "g": "", "v": b"not deflated"},
        {"o": "+", "k": b"\xff", "s": "", "g": "", "v": b""},
        {"hello": "world"},
    ]
    for number, fields in enumerate(planted, start=1):
        redis_server.client.xadd("stepflow:log:n", fields, id=f"{last + number}-0")
    assert [entry.key for entry in store.tail(0)] == ["a"]
    assert len(store.check()) == len(planted)


def test_a_record_of_another_format_counts_as_absent(flow: Flow, redis_server: Server) -> None:
    record = flow.ask("count to 3", RIGHT).record
    name = f"stepflow:value:record:{record}"
    text = redis_server.client.get(name).decode()
    redis_server.client.set(name, text.replace('{"format":', '{"format":9', 1))
    again = flow.ask("count to 3", RIGHT)
    assert (again.outcome, again.calls) == ("miss", 1)
    assert "counts as absent: the record has format 9" in story(again)


# --- two machines -----------------------------------------------------------------------------------------------------

WRITE = """
import sys
from stepflow.adapters.stores.redis import RedisStore
from stepflow.protocols import LogEntry
store = RedisStore(sys.argv[1])
for number in range(int(sys.argv[3])):
    key = f"{sys.argv[2]}:{number}"
    store.write({key: str(number)}, LogEntry("+", key, "n", f"s{number % 3}", key))
    print(key, flush=True)
"""


def test_two_processes_lose_nothing_and_see_each_other(store: RedisStore, redis_server: Server) -> None:
    writers = [Child(WRITE, redis_server.url, name, 300) for name in "ab"]
    seen: list[LogEntry] = []
    while not all(each.ended for each in writers):
        seen += store.tail(seen[-1].id if seen else 0, "n")
        time.sleep(0.01)
    seen += store.tail(seen[-1].id if seen else 0, "n")
    acknowledged = {line for each in writers for line in each.end()}
    assert len(acknowledged) == 600
    assert sorted(entry.key for entry in seen) == sorted(acknowledged), "who follows the log sees each entry once"
    assert set(store.keys()) == acknowledged
    assert all(store.with_signature("n", key, 1) == (key,) for key in acknowledged)
    assert sum(len(store.with_skeleton("n", f"s{number}", 999)) for number in range(3)) == 600
    assert list(store.check()) == []


def test_what_was_acknowledged_survives_a_server_that_is_killed_in_the_middle(own_server: Server) -> None:
    writing = Child(WRITE, own_server.url, "a", 100_000)
    acknowledged = [str(writing.line()) for _ in range(200)]
    own_server.kill()
    acknowledged += writing.end()
    own_server.start()
    store = RedisStore(own_server.url)
    assert set(acknowledged) <= set(store.keys())
    assert set(acknowledged) <= {entry.key for entry in store.tail(0, "n")}
    assert list(store.check()) == []
    store.close()


def test_machines_that_reach_the_store_by_other_addresses_share_exact_hits(
    redis_server: Server, tmp_path: Path
) -> None:
    first = Flow(tmp_path, COUNT, store={"type": "redis", "url": redis_server.url})
    assert first.ask("count to 3", RIGHT).outcome == "miss"
    other_url = redis_server.url.replace("127.0.0.1", "localhost")
    second = Flow(tmp_path, COUNT, store={"type": "redis", "url": other_url, "expire": "30d"})
    assert second.ask("count to 3").outcome == "exact"
    first.pipeline.close()
    second.pipeline.close()


# --- outages ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("short_pauses")
def test_without_the_server_the_model_answers_and_with_it_all_is_as_before(own_server: Server, tmp_path: Path) -> None:
    flow = Flow(tmp_path, COUNT, store={"type": "redis", "url": own_server.url})
    assert flow.ask("count to 3", RIGHT).outcome == "miss"
    own_server.kill()
    away = flow.ask("count to 3", RIGHT)
    assert (away.outcome, away.final, away.record, away.calls) == ("miss", "verified", None, 1)
    assert "exact: the store cannot be used: the store redis://127.0.0.1" in story(away)
    assert "record: not stored" in story(away)
    own_server.start()
    time.sleep(0.3)
    assert flow.ask("count to 3").outcome == "exact"
    assert flow.ask("please count to 3").outcome == "reuse"
    flow.pipeline.close()


@pytest.mark.usefixtures("short_pauses")
def test_a_pipeline_starts_while_the_server_is_away(tmp_path: Path) -> None:
    server = Server()
    flow = Flow(tmp_path, COUNT, store={"type": "redis", "url": server.url})
    assert flow.ask("count to 3", RIGHT).final == "verified"
    server.start()
    time.sleep(0.3)
    assert flow.ask("count to 3", RIGHT).outcome == "miss"
    assert flow.ask("count to 3").outcome == "exact"
    flow.pipeline.close()
    server.kill()


def test_a_connection_that_was_cut_is_made_anew_unnoticed(store: RedisStore, redis_server: Server) -> None:
    store.put("a", "1")
    redis_server.client.client_kill_filter(_type="normal", skipme=True)
    assert store.get("a") == "1"


def test_a_server_that_was_restarted_is_used_again_and_knows_no_script(own_server: Server) -> None:
    store = RedisStore(own_server.url)
    store.put("a", "1")
    own_server.kill()
    own_server.start()
    store.put("b", "2")
    assert list(store.keys()) == ["a", "b"]
    store.close()


def test_nobody_waits_twice_for_the_same_outage() -> None:
    """A listener that takes connections and never answers: the first question times out, the next fail at once."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        store = RedisStore(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0?socket_timeout=0.5")
        began = time.monotonic()
        with pytest.raises(StoreError, match="cannot be reached: Timeout"):
            store.get("a")
        assert time.monotonic() - began < 3
        began = time.monotonic()
        for ask in (lambda: store.get("a"), lambda: store.put("a", "1"), lambda: store.acquire("k", "me", 1)):
            with pytest.raises(StoreError, match=r"is away \(Timeout.*; it is tried again in 0\.\d s"):
                ask()
        assert time.monotonic() - began < 0.1
        store.close()


def test_the_pause_grows_and_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    store = RedisStore(f"redis://127.0.0.1:{free_port()}/0")
    pauses = []
    for _ in range(8):
        with pytest.raises(StoreError, match="cannot be reached"):
            store.get("a")
        pauses.append(store._server._away_until - now)
        now = store._server._away_until
    assert pauses == pytest.approx([0.25, 0.5, 1, 2, 4, 5, 5, 5])


def test_a_full_server_refuses_writes_and_the_answer_is_served_all_the_same(tmp_path: Path) -> None:
    server = Server(None, "--maxmemory", "1mb", "--maxmemory-policy", "noeviction").start()
    flow = Flow(tmp_path, COUNT, store={"type": "redis", "url": server.url})
    server.client.config_set("maxmemory", 1)
    outcome = flow.ask("count to 3", RIGHT)
    assert (outcome.final, outcome.record) == ("verified", None)
    assert "record: not stored: the store redis://127.0.0.1" in story(outcome)
    assert "refuses: " in story(outcome)
    flow.pipeline.close()
    server.kill()


# --- secrets, rights, TLS ---------------------------------------------------------------------------------------------


@pytest.fixture
def guarded() -> Iterator[Server]:
    """A server with a user who may touch this store's keys only."""
    server = Server().start()
    server.client.execute_command("ACL", "SETUSER", "cacher", "on", f">{SECRET}", "~stepflow:*", "+@all", "-@dangerous")
    server.client.execute_command("ACL", "SETUSER", "default", "resetpass", ">only-for-the-tests")
    server.client.connection_pool.disconnect()
    yield server
    server.kill()


def with_user(server: Server, user: str, password: str = QUOTED) -> str:
    return server.url.replace("://", f"://{user}:{password}@")


def test_a_user_with_rights_on_the_prefix_alone_is_enough(guarded: Server) -> None:
    store = RedisStore(with_user(guarded, "cacher"), expire=60)
    store.write({"a": "1"}, plus("a"))
    assert store.acquire("k", "me", 5) == "me"
    store.release("k", "me")
    assert (store.get("a"), list(store.keys()), store.with_skeleton("n", "s", 1)) == ("1", ["a"], ("a",))
    assert [entry.key for entry in store.tail(0, "n")] == ["a"]
    assert store.prune() == 0
    assert store.stats()["values"] == 1
    assert list(store.check()) == []
    assert store.delete("a") is True
    store.close()
    other = RedisStore(with_user(guarded, "cacher"), prefix="other")
    with pytest.raises(StoreError, match="refuses"):
        other.put("a", "1")
    other.close()


@pytest.mark.parametrize("user", ["cacher", "stranger"])
def test_no_password_is_ever_shown(
    guarded: Server, tmp_path: Path, user: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = with_user(guarded, user)
    path = write_pipeline(
        tmp_path,
        store={"type": "redis", "url": url, "single_flight": 3 if user == "stranger" else True},
        backend={"type": "scripted", "replies": [RIGHT], "cycle": True},
        trace={"dir": str(tmp_path / "traces")},
    )
    (tmp_path / "sound.yaml").write_text(Path(path).read_text().replace(': 3}, "trace"', ': true}, "trace"'))
    for arguments in (
        ["lint", path],
        *(["run", "-p", name, "count to 3"] for name in (path, str(tmp_path / "sound.yaml"))),
        *(["cache", "-p", str(tmp_path / "sound.yaml"), *words] for words in (["stats"], ["show"], ["check"])),
    ):
        run(arguments)
    shown = "".join(capfd.readouterr()) + caplog.text
    shown += "".join(file.read_text() for file in tmp_path.rglob("traces/*"))
    assert f"127.0.0.1:{guarded.port}" in shown
    for secret in (SECRET, QUOTED, "hunter2"):
        assert secret not in shown


def test_a_wrong_password_is_said_to_be_wrong(guarded: Server) -> None:
    store = RedisStore(with_user(guarded, "cacher", "wrong-password"))
    with pytest.raises(StoreError, match=r"cannot be reached: .*invalid username-password") as caught:
        store.get("a")
    assert "wrong-password" not in str(caught.value)
    store.close()


def serve_tls(context: ssl.SSLContext, to_port: int) -> socket.socket:
    """A listener on loopback that speaks TLS and passes everything on."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for each in (source, sink):
                each.close()

    def accept() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                outside = context.wrap_socket(plain, server_side=True)
            except OSError:
                plain.close()
                continue
            inside = socket.create_connection(("127.0.0.1", to_port))
            for pair in ((outside, inside), (inside, outside)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


@pytest.mark.parametrize(
    ("name", "trusted", "works"),
    [("127.0.0.1", True, True), ("127.0.0.1", False, False), ("elsewhere.example", True, False)],
    ids=["right", "unknown authority", "another host's certificate"],
)
def test_tls_is_a_matter_of_the_url_and_checks_the_certificate(
    redis_server: Server, tmp_path: Path, name: str, trusted: bool, works: bool
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    (authority if trusted else stranger).cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    listener = serve_tls(context, redis_server.port)
    store = RedisStore(f"rediss://127.0.0.1:{listener.getsockname()[1]}/0?ssl_ca_certs={tmp_path}/ca.pem")
    if works:
        store.put("a", "1")
        assert store.get("a") == "1"
    else:
        with pytest.raises(StoreError, match="certificate verify failed"):
            store.get("a")
    store.close()
    listener.close()


# --- the command line -------------------------------------------------------------------------------------------------


def test_cache_commands_work_on_it(
    flow: Flow, redis_server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = flow.ask("count to 3", RIGHT).record
    assert record is not None
    path = str(tmp_path / "pipeline.yaml")

    def cache(*words: str) -> tuple[int, str]:
        code = run(["cache", "-p", path, *words])
        return code, capsys.readouterr().out

    code, said = cache("stats", "--json")
    figures: dict[str, Any] = json.loads(said)
    assert (code, figures["records"], figures["values"], figures["log_entries"]) == (0, 1, 2, 1)
    assert figures["path"] == f"redis://127.0.0.1:{redis_server.port}/0 stepflow"
    assert "count to 3" in cache("show")[1]
    assert RIGHT.replace("\n", "") in "".join(
        each["text"] for each in json.loads(cache("show", record, "--json")[1])["steps"]
    )
    assert cache("check")[0] == 0
    assert cache("delete", record[:12])[0] == 0
    assert cache("show")[1] == ""
    assert flow.ask("count to 3", RIGHT).outcome == "miss"
    assert cache("prune", "--all")[0] == 0
    assert json.loads(cache("stats", "--json")[1])["records"] == 0


def test_cache_commands_say_when_the_server_is_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_pipeline(tmp_path, store={"type": "redis", "url": f"redis://127.0.0.1:{free_port()}"})
    assert run(["cache", "-p", path, "stats"]) == 2
    assert "cannot be reached" in capsys.readouterr().err
