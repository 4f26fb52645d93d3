"""What the Redis store promises beside what every store does (test_stores.py): outages, restarts, secrets, rights."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT, Flow, write_pipeline
from processkit import Child
from pydantic import ValidationError
from rediskit import Server, free_port

import stepflow
from stepflow.adapters.stores import redis
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
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that keeps its data, for tests that kill it."""
    folder = tmp_path / "server"
    folder.mkdir()
    server = Server(folder)
    yield server.start()
    server.close()


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
