"""What other clients may leave on a Redis server: nothing wrong is served, nobody is stopped, theirs is not touched."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flowkit import Flow, story
from rediskit import Server

from stepflow.adapters.embedders.hashing import HashingEmbedder
from stepflow.adapters.indexes.exact import ExactIndex
from stepflow.adapters.stores.redis import RedisStore
from stepflow.archive import Archive
from stepflow.cli.main import run
from stepflow.model import Outcome
from stepflow.protocols import Call, Completion, LogEntry

RIGHT = "1\n2\n3"


def plus(key: str, skeleton: str = "s") -> LogEntry:
    return LogEntry("+", key, "n", skeleton, key, b"\x01" * 8)


class Counts:
    """A model that counts as it is asked to."""

    model, identity = "counts", {"model": "counts"}

    def complete(self, call: Call) -> Completion:
        last = int(call.messages[-1].content.rpartition(" ")[2].rstrip("."))
        return Completion("\n".join(map(str, range(1, last + 1))))

    def close(self) -> None:
        """Nothing is open."""


# --- other keys -------------------------------------------------------------------------------------------------------


def test_keys_of_others_are_neither_read_nor_touched(flow: Flow, redis_server: Server, tmp_path: Path) -> None:
    client = redis_server.client
    client.set("stepflow", "1")
    client.set("stepflow2:value:record:x", "1")
    client.rpush("value:record:x", "1")
    client.xadd("log:n", {"a": "b"})
    client.zadd("other:stepflow:written", {"x": 1})
    before = {key: client.dump(key) for key in client.keys("*")}
    record = flow.ask("count to 3", RIGHT).record
    assert record is not None
    path = str(tmp_path / "pipeline.yaml")
    for words in (["stats"], ["check"], ["delete", record], ["prune"], ["prune", "--all"]):
        assert run(["cache", "-p", path, *words]) == 0
    assert {key: client.dump(key) for key in before} == before
    assert flow.pipeline.archive.stats()["values"] == 0


# --- foreign things under our keys ------------------------------------------------------------------------------------

FORMS: dict[str, Callable[[Any, bytes], Any]] = {
    "text": lambda client, key: client.set(key, "hello"),
    "a number": lambda client, key: client.set(key, "1e300"),
    "not a number": lambda client, key: client.set(key, "nan"),
    "JSON": lambda client, key: client.set(key, '["record:x"]'),
    "bytes": lambda client, key: client.set(key, b"\xff\xfe"),
    "a list": lambda client, key: client.rpush(key, "x"),
    "a hash": lambda client, key: client.hset(key, "n", "x"),
    "a sorted set": lambda client, key: client.zadd(key, {b"\xff": 0.4, "record:x": float("inf"), "y": float("-inf")}),
    "a stream": lambda client, key: client.xadd(key, {"o": "+"}, id="18446744073709551615-18446744073709551615"),
    "nothing": lambda client, key: None,
}


def ask(flow: Flow, prompt: str) -> Outcome:
    flow.pipeline.backend = Counts()
    return flow.pipeline.run(prompt)


@pytest.mark.parametrize("form", FORMS)
def test_whatever_stands_under_a_key_of_ours_nothing_wrong_is_served_and_writing_mends_it(
    flow: Flow, redis_server: Server, form: str
) -> None:
    client = redis_server.client

    def fill() -> list[bytes]:
        client.flushall()
        for last in (3, 4):
            assert ask(flow, f"count to {last}").final == "verified"
        flow.pipeline.archive.acquire("k", "me", 30)
        return sorted(client.keys("*"))

    kinds = {key.split(b":")[1] for key in fill()}
    assert kinds == {b"value", b"last", b"written", b"log", b"hash", b"entry", b"lease"}
    for number in range(len(fill())):
        key = fill()[number]
        client.delete(key)
        FORMS[form](client, key)
        for prompt in ("count to 3", "please count to 3", "count to 4", "count to 5"):
            outcome = ask(flow, prompt)
            wanted = "\n".join(map(str, range(1, int(prompt[-1]) + 1)))
            assert (outcome.answer, outcome.final) == (wanted, "verified"), key
        assert ask(flow, "now do count to 6").record is not None, key
        assert ask(flow, "now do count to 6").outcome == "exact", key
        assert flow.pipeline.archive.acquire("k", "me", 30) == "me", key
        flow.pipeline.archive.stats()
        flow.pipeline.archive.check()
        flow.pipeline.archive.prune()


def test_a_lease_that_no_run_of_ours_can_have_binds_nobody(store: RedisStore, redis_server: Server) -> None:
    redis_server.client.set("stepflow:lease:k", "a stranger")
    assert store.acquire("k", "me", 10) == "me"
    redis_server.client.set("stepflow:lease:k", "a stranger", px=3_600_000)
    assert store.acquire("k", "me", 10) == "me"
    redis_server.client.set("stepflow:lease:k", "another run", px=9_000)
    assert store.acquire("k", "me", 10) == "another run"


def test_keys_with_scores_of_any_kind_are_each_listed_once(store: RedisStore, redis_server: Server) -> None:
    for key, score in {"a": 0.4, "b": 0.6, "c": 1e17, "d": float("inf"), "e": float("-inf")}.items():
        store.put(key, "1")
        redis_server.client.zadd("stepflow:written", {key: score})
    assert list(store.keys()) == ["e", "a", "b", "c", "d"]


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
    newer = redis_server.client.get(name)
    again = flow.ask("count to 3", RIGHT)
    assert (again.outcome, again.calls) == ("miss", 1)
    assert "counts as absent: the record has format 9" in story(again)
    assert redis_server.client.get(name) == newer, "a newer stepflow still has its record"


# --- a log that is shorter than an index thinks -----------------------------------------------------------------------


def test_an_index_that_lags_behind_a_trimmed_log_misses_records_and_finds_no_deleted_one(
    flow: Flow, redis_server: Server
) -> None:
    record = replace(flow.store("count to 3", RIGHT), namespace="n")
    one, other = (Archive(RedisStore(redis_server.url), HashingEmbedder(), ExactIndex) for _ in range(2))

    def save(id_: str, prompt: str) -> None:
        one.save(replace(record, id=id_, prompt=prompt, skeleton=id_, signature=id_, request_key=id_))

    def found(archive: Archive, prompt: str) -> list[str]:
        nomination = archive.nominate("n", "?", "?", prompt, 5, 0.5)
        assert nomination.notes == ()
        return [candidate.record.id for candidate in nomination.candidates]

    def trim() -> None:
        redis_server.client.xtrim("stepflow:log:n", maxlen=0, approximate=False)

    save("a", "sum the red apples")
    save("b", "draw a green house")
    assert (found(other, "sum the red apples"), found(other, "draw a green house")) == (["a"], ["b"])
    one.delete("a")
    save("c", "write about old ships")
    trim()
    assert found(other, "sum the red apples") == [], "it was deleted, and the index never heard of it"
    assert found(other, "draw a green house") == ["b"]
    assert found(other, "write about old ships") == []
    assert [each.record.id for each in other.nominate("n", "c", "?", "x", 5).candidates] == ["c"]
    save("d", "paint seven small boats")
    assert found(other, "paint seven small boats") == ["d"]
    trim()
    redis_server.client.delete("stepflow:last")
    save("e", "carry water up hill")
    assert found(other, "carry water up hill") == ["e"]
    one.close()
    other.close()


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_what_expires_does_so_by_the_servers_clock_alone(redis_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead, behind = (RedisStore(redis_server.url, expire=100) for _ in range(2))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    ahead.write({"a": "1"}, plus("a"))
    assert ahead.acquire("k", "ahead", 10) == "ahead"
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    behind.write({"b": "1"}, plus("b"))
    assert behind.acquire("k", "behind", 10) == "ahead"
    assert list(behind.keys()) == ["a", "b"]
    assert [entry.key for entry in ahead.tail(0, "n")] == ["a", "b"]
    redis_server.age(101)
    assert (ahead.get("a"), ahead.get("b"), behind.get("a")) == (None, None, None)
    assert behind.acquire("k", "behind", 10) == "behind"
    ahead.close()
    behind.close()
