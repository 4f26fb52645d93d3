"""What every store promises, and what the disk store promises besides."""

from __future__ import annotations

import json
import os
import pickle
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pytest
from pydantic import ValidationError
from rediskit import KINDS, Clock

from stepflow.adapters.stores import diskcache_plug, memory
from stepflow.adapters.stores.disk import DiskStore
from stepflow.adapters.stores.memory import MemoryStore
from stepflow.adapters.stores.redis import RedisStore
from stepflow.adapters.stores.sqlite_file import SqliteFile
from stepflow.errors import StoreError
from stepflow.protocols import LogEntry

CONTEXT = SimpleNamespace()


def plus(key, namespace="n", skeleton="s", signature="g", vector=b"\x01" * 8):
    return LogEntry("+", key, namespace, skeleton, signature, vector)


@pytest.fixture
def clock(monkeypatch):
    """A clock that all kinds of store look at, and that only the test moves."""
    now = Clock()
    monkeypatch.setattr(time, "time", lambda: now.time)
    return now


@pytest.fixture(params=["disk", "memory", *KINDS])
def make(request, tmp_path, redis_servers):
    opened = []
    server = redis_servers(request.param) if request.param in KINDS else None
    if server and "clock" in request.fixturenames:
        request.getfixturevalue("clock").server = server

    def make(expire=None):
        kinds = {
            "disk": lambda: DiskStore(tmp_path / "store", expire=expire),
            "memory": lambda: MemoryStore(expire, clock=time.time),
        }
        opened.append(RedisStore(server.url, expire=expire) if server else kinds[request.param]())
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make):
    return make()


@pytest.fixture
def disk(tmp_path):
    store = DiskStore(tmp_path / "store")
    yield store
    store.close()


# --- every store ------------------------------------------------------------------------------------------------------


def test_an_empty_store_answers_everything_with_nothing(store):
    assert store.get("a") is None
    assert list(store.keys()) == []
    assert store.delete("a") is False
    assert list(store.tail(0)) == []
    assert list(store.with_skeleton("n", "s", 5)) == []
    assert list(store.with_signature("n", "g", 5)) == []
    assert store.prune() == 0
    assert list(store.check()) == []
    assert (store.stats()["values"], store.stats()["log_entries"]) == (0, 0)


@pytest.mark.parametrize("value", ['""', '"ü 😀"', '{"a": [1, 2]}', json.dumps("x" * 100_000)])
def test_a_value_comes_back_as_it_was_put(store, value):
    store.put("a", value)
    assert store.get("a") == value
    assert list(store.check()) == []


def test_the_last_value_of_a_key_counts(store):
    store.put("a", "1")
    store.put("a", "2")
    assert store.get("a") == "2"
    assert list(store.keys()) == ["a"]


def test_a_deleted_value_is_gone_and_delete_says_whether_it_was_there(store):
    store.put("a", "1")
    assert store.delete("a") is True
    assert store.get("a") is None
    assert store.delete("a") is False


def test_keys_stand_oldest_first_and_know_prefixes_literally(store, clock):
    for key in ("p:2", "q:1", "p%:3", "p_", "p:1"):
        store.put(key, "1")
        clock.time += 1
    store.put("p:2", "2")
    assert list(store.keys("p:")) == ["p:1", "p:2"]
    assert list(store.keys("p%")) == ["p%:3"]
    assert list(store.keys()) == ["q:1", "p%:3", "p_", "p:1", "p:2"]


@pytest.mark.parametrize(
    ("value", "led_to"),
    [
        ('["b","…"]', '"led"'),
        ('["b","…",2]', '"led"'),
        ('["b",1,2]', None),
        ('["c",""]', None),
        ('["b"]', None),
        ('["b", ""]', None),
        ('[["b",""]]', None),
        ('["","b"]', None),
        ('"b"', None),
        ('"b","', None),
        ('{"b":""}', None),
        ("3", None),
        ("", None),
    ],
)
def test_a_value_leads_to_another_when_it_is_a_list_that_begins_with_a_text(store, value, led_to):
    store.put("p:b", '"led"')
    assert store.follow("a", "p:") == (None, None)
    store.put("a", value)
    assert store.follow("a", "p:") == (value, led_to)


def test_what_has_expired_neither_leads_nor_is_led_to(make, clock):
    store = make(expire=10)
    store.put("p:b", "1")
    clock.time += 5
    store.put("a", '["b",""]')
    assert store.follow("a", "p:") == ('["b",""]', "1")
    clock.time += 5
    assert store.follow("a", "p:") == ('["b",""]', None)
    store.put("p:b", "2")
    clock.time += 5
    assert store.follow("a", "p:") == (None, None)


def test_a_key_that_no_database_can_hold_is_absent(store):
    assert store.get("\udcff") is None
    assert store.follow("\udcff", "") == (None, None)
    assert list(store.keys("\udcff")) == []


def test_a_hit_never_renews_an_expiry(make, clock):
    store = make(expire=10)
    store.put("a", "1")
    for _ in range(9):
        clock.time += 1
        assert store.get("a") == "1"
    clock.time += 1
    assert store.get("a") is None
    assert list(store.keys()) == []
    assert store.delete("a") is False


def test_prune_removes_what_has_expired_and_its_log_entries(make, clock):
    store = make(expire=10)
    store.put("old", "1")
    store.append(plus("old"))
    clock.time += 6
    store.put("young", "1")
    last = store.append(plus("young"))
    clock.time += 6
    assert store.prune() == 1
    assert [entry.key for entry in store.tail(0)] == ["young"]
    assert store.get("young") == "1"
    assert store.append(plus("next")) > last


def test_the_log_gives_entries_back_whole_and_in_order(store):
    entries = [plus("a"), plus("b", namespace="m", vector=b""), LogEntry("-", "a", "n")]
    ids = [store.append(entry) for entry in entries]
    assert ids == sorted(set(ids))
    assert list(store.tail(0)) == [replace(entry, id=id_) for entry, id_ in zip(entries, ids, strict=True)]
    assert [entry.key for entry in store.tail(0, "m")] == ["b"]
    assert [entry.op for entry in store.tail(ids[0], "n")] == ["-"]
    assert [entry.op for entry in store.tail(0, "n", 1)] == ["+"]
    assert [entry.id for entry in store.tail(0, limit=2)] == ids[:2]
    assert list(store.tail(ids[-1])) == []


def test_ids_are_never_given_out_again(store):
    last = store.append(plus("a"))
    store.put("b", "1")
    store.prune()
    assert list(store.tail(0)) == []
    assert store.append(plus("b")) > last


@pytest.mark.parametrize("column", ["skeleton", "signature"])
def test_records_are_found_by_hash_newest_first_and_never_across_namespaces(store, column):
    find = getattr(store, f"with_{column}")
    for key in ("a", "b", "c", "a"):
        store.append(plus(key, **{column: "same"}))
    store.append(plus("other", **{column: "different"}))
    store.append(plus("foreign", namespace="m", **{column: "same"}))
    assert list(find("n", "same", 9)) == ["a", "c", "b"]
    assert list(find("n", "same", 2)) == ["a", "c"]
    store.append(LogEntry("-", "c"))
    assert list(find("n", "same", 9)) == ["a", "b"]
    store.append(plus("c", **{column: "same"}))
    assert list(find("n", "same", 9)) == ["c", "a", "b"]


def test_compaction_keeps_the_newest_entry_of_each_live_key(store):
    store.put("a", "1")
    for entry in (plus("a", skeleton="old"), LogEntry("-", "a"), plus("a"), plus("gone"), LogEntry("-", "gone")):
        store.append(entry)
    store.prune()
    assert [(entry.op, entry.key, entry.skeleton) for entry in store.tail(0)] == [("+", "a", "s")]


def test_check_names_a_value_that_is_not_json(store):
    store.put("a", "{")
    (finding,) = store.check()
    assert "'a'" in finding


def test_threads_share_a_store(store):
    def work(name):
        for number in range(20):
            store.put(f"{name}:{number}", json.dumps(number))
            store.append(plus(f"{name}:{number}"))
            assert store.get(f"{name}:{number}") == str(number)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(store.keys())) == 80
    assert len({entry.id for entry in store.tail(0)}) == 80
    assert list(store.check()) == []


def test_a_closed_store_may_be_closed_again(store):
    store.put("a", "1")
    store.close()
    store.close()


# --- the disk store ---------------------------------------------------------------------------------------------------


def test_values_and_log_outlive_the_store_object(disk, tmp_path):
    disk.put("a", "1")
    disk.append(plus("a"))
    disk.close()
    again = DiskStore(tmp_path / "store")
    assert again.get("a") == "1"
    assert [entry.key for entry in again.tail(0)] == ["a"]
    again.close()


def test_two_open_stores_see_each_other(disk, tmp_path):
    other = DiskStore(tmp_path / "store")
    assert other.get("a") is None
    disk.put("a", "1")
    seen = disk.append(plus("a"))
    assert other.get("a") == "1"
    other.append(plus("b"))
    assert [entry.key for entry in disk.tail(seen)] == ["b"]
    other.close()


def test_the_folder_is_its_owners_only_and_says_what_it_is(disk, tmp_path):
    folder = tmp_path / "store"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "may be deleted" in (folder / "README.txt").read_text()
    assert (folder / ".gitignore").read_text() == "*\n"


def test_a_looser_folder_is_closed_to_others(disk, tmp_path):
    disk.put("a", "1")
    disk.close()
    (tmp_path / "store").chmod(0o755)
    DiskStore(tmp_path / "store").close()
    assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    tmp_path.chmod(0o755)
    with pytest.raises(StoreError, match=r"is not a store: it holds 'thesis.txt'; set `path`"):
        DiskStore(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_path_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be opened: .*set another `path`"):
        DiskStore(tmp_path / "file" / "store")


def test_a_read_only_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(StoreError, match="not writable"):
        DiskStore(tmp_path / "store")


def test_a_folder_of_another_user_that_is_open_to_others_is_refused(tmp_path, monkeypatch):
    (tmp_path / "store").mkdir(mode=0o755)

    def refuse(self, mode):
        raise PermissionError("not yours")

    monkeypatch.setattr("pathlib.Path.chmod", refuse)
    with pytest.raises(StoreError, match="open to other users"):
        DiskStore(tmp_path / "store")


class Boom:
    """Pickled and unpickled, it would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture
def plant(disk, tmp_path):
    """Write a row into the table past the store, as somebody with access to the folder could."""
    disk.put("planted", '"honest"')

    def plant(**columns):
        connection = sqlite3.connect(tmp_path / "store" / "values" / "cache.db")
        with connection:
            names = ", ".join(f"{name} = ?" for name in columns)
            connection.execute(f"update Cache set {names} where key = 'planted'", tuple(columns.values()))
        connection.close()

    return plant


def test_a_planted_pickle_never_runs_and_counts_as_absent(disk, plant, tmp_path):
    plant(mode=4, value=pickle.dumps(Boom(tmp_path / "ran")))
    assert disk.get("planted") is None
    assert any("'planted'" in finding for finding in disk.check())
    assert disk.delete("planted") is True
    disk.prune()
    assert not (tmp_path / "ran").exists()


def test_a_planted_file_name_is_neither_read_nor_deleted(disk, plant, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("{}")
    plant(mode=3, value=None, filename="../../precious")
    assert disk.get("planted") is None
    disk.put("planted", "1")
    assert precious.exists()
    assert disk.get("planted") == "1"


@pytest.mark.parametrize("value", [b"bytes", 3, None])
def test_a_planted_value_that_is_not_text_counts_as_absent(disk, plant, value):
    plant(value=value)
    disk.put("leads", '["planted",""]')
    assert disk.get("planted") is None
    assert disk.follow("planted", "") == (None, None)
    assert disk.follow("leads", "")[1] is None
    assert disk.delete("leads")
    assert len(list(disk.check())) == 1


@pytest.mark.parametrize(("key", "value"), [(("a", 1), "1"), (b"a", "1"), ("a", {"b": 1}), ("a", b"1"), ("a", 1)])
def test_only_text_is_ever_written(disk, key, value):
    with pytest.raises(TypeError):
        disk.put(key, value)


def test_the_size_limit_holds_and_the_oldest_go_first(tmp_path):
    limit = 2**20
    store = DiskStore(tmp_path / "store", size_limit=limit)
    value = json.dumps("x" * 8000)
    for number in range(300):
        store.put(f"k{number:03}", value)
    kept = list(store.keys())
    assert kept == [f"k{number:03}" for number in range(300 - len(kept), 300)]
    assert len(kept) >= 50
    assert (tmp_path / "store" / "values" / "cache.db").stat().st_size <= limit * 1.1
    assert list(store.check()) == []
    store.close()


def test_prune_brings_a_store_under_a_smaller_limit(tmp_path):
    store = DiskStore(tmp_path / "store")
    for number in range(300):
        store.put(str(number), json.dumps("x" * 8000))
    store.close()
    smaller = DiskStore(tmp_path / "store", size_limit=2**20)
    gone = smaller.prune()
    assert gone == 300 - len(list(smaller.keys())) > 0
    smaller.close()


def fill(store, count, size=8000):
    """Write so many records; their keys."""
    keys = [f"k{number:03}" for number in range(count)]
    for key in keys:
        store.write({key: json.dumps("x" * size)}, plus(key))
    return keys


def test_the_log_of_evicted_and_expired_records_does_not_pile_up(tmp_path, clock):
    store = DiskStore(tmp_path / "store", size_limit=2**20)
    fill(store, 300)
    assert [entry.key for entry in store.tail(0)] == list(store.keys())
    store.close()
    short = DiskStore(tmp_path / "store", size_limit=2**20, expire=10)
    fill(short, 40)
    clock.time += 20
    fill(short, 80)
    assert {entry.key for entry in short.tail(0)} == set(short.keys())
    short.close()


def test_what_has_saved_calls_outlives_what_has_not(tmp_path, clock):
    store = DiskStore(tmp_path / "store", size_limit=2**20)
    fill(store, 60)
    clock.time += 1000
    for key in ("k003", "k007"):
        for _ in range(5):
            store.credit(key)
    for number in range(200):
        store.put(f"new{number:03}", json.dumps("x" * 8000))
        clock.time += 1
    kept = set(store.keys())
    assert {"k003", "k007"} <= kept
    assert not {"k002", "k004"} & kept
    assert "new199" in kept
    store.close()


def test_of_equal_use_the_large_goes_before_the_small(tmp_path, clock):
    store = DiskStore(tmp_path / "store", size_limit=2**20)
    store.put("small", json.dumps("x" * 100))
    store.put("large", json.dumps("x" * 100_000))
    clock.time += 100
    fill(store, 130)
    kept = set(store.keys())
    assert "small" in kept
    assert "large" not in kept
    store.close()


def test_credit_is_written_at_the_end_and_by_a_thread_of_its_own(disk, tmp_path, monkeypatch):
    def credited():
        rows = sqlite3.connect(tmp_path / "store" / "values" / "cache.db").execute("select access_count from Cache")
        return [count for (count,) in rows]

    disk.put("a", "1")
    disk.credit("a")
    disk.credit("unknown")
    disk.credit("\udcff")
    assert credited() == [0]
    disk.close()
    assert credited() == [0]  # a key that no database can hold spoils its batch: notes may be lost, never an answer
    disk.credit("a")
    disk.close()
    assert credited() == [1]
    monkeypatch.setattr("stepflow.adapters.stores.disk.CREDITS_KEPT", 1)
    disk.credit("a")
    for thread in threading.enumerate():
        if thread.name == "stepflow-credit":
            thread.join()
    assert credited() == [2]


def test_a_hit_and_its_credit_never_wait_for_a_writer(disk, tmp_path):
    disk.put("a", "1")
    lock = sqlite3.connect(tmp_path / "store" / "values" / "cache.db", isolation_level=None)
    lock.execute("begin immediate")
    begun = time.perf_counter()
    assert disk.get("a") == "1"
    disk.credit("a")
    disk.close()
    assert time.perf_counter() - begun < 1
    lock.close()


def test_values_are_written_together_or_not_at_all(disk):
    disk.put("a", "1")
    with pytest.raises(TypeError):
        disk.write({"b": "2", "c": 3}, plus("b"))
    assert list(disk.keys()) == ["a"]
    assert list(disk.tail(0)) == []


def test_a_folder_of_an_older_version_is_evicted_and_counted_as_one_of_ours(disk, tmp_path):
    disk.put("a", "1")
    connection = sqlite3.connect(tmp_path / "store" / "values" / "cache.db")
    with connection:  # it wrote no sizes, and had another policy in the settings
        connection.execute("update Cache set size = 0")
        connection.execute("update Settings set value = 'least-recently-stored' where key = 'eviction_policy'")
        connection.execute("update Settings set value = 10 where key = 'cull_limit'")
    connection.close()
    disk.close()
    newer = DiskStore(tmp_path / "store", size_limit=2**20)
    assert newer.get("a") == "1"
    kept = fill(newer, 200)[-50:]
    assert set(kept) <= set(newer.keys())
    assert list(newer.check()) == []
    newer.close()


@pytest.mark.parametrize("seconds", [-500_000, 500_000])
def test_a_clock_that_jumps_loses_nothing_that_has_not_expired_by_it(make, clock, seconds):
    store = make(expire=1_000_000)
    store.put("before", "1")
    first = store.append(plus("before"))
    clock.time += seconds
    store.put("after", "2")
    second = store.append(plus("after"))
    assert (store.get("before"), store.get("after")) == ("1", "2")
    assert second > first
    assert list(store.with_signature("n", "g", 5)) == ["after", "before"]


def test_eviction_with_a_clock_that_went_back_ends_and_keeps_the_limit(tmp_path, clock):
    store = DiskStore(tmp_path / "store", size_limit=2**20)
    fill(store, 100)
    clock.time -= 1_000_000
    for number in range(100):
        store.put(f"new{number}", json.dumps("x" * 8000))
    assert (tmp_path / "store" / "values" / "cache.db").stat().st_size <= 2**20 * 1.1
    assert list(store.check()) == []
    store.close()


def test_a_full_disk_is_a_sentence_and_what_was_written_stays_readable(disk):
    disk.put("a", "1")
    con = disk._cache._cache._con
    con.execute("pragma max_page_count = 20")
    with pytest.raises(StoreError, match="the disk is full; free some space"):
        disk.put("b", json.dumps("x" * 200_000))
    assert disk.get("a") == "1"
    assert disk.get("b") is None
    assert list(disk.check()) == []


def test_a_disk_without_room_for_a_reader_stops_nobody_and_is_not_taken_for_an_empty_store(tmp_path, monkeypatch):
    """SQLite wants 32 KiB to share with other readers. (Seen on a full tmpfs: nothing could be opened.)"""
    folder = tmp_path / "store"
    store = DiskStore(folder)
    store.put("a", "1")
    store.close()
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE

    def rows(self, query, arguments=()):
        raise error

    with monkeypatch.context() as full:
        full.setattr(SqliteFile, "rows", rows)
        store = DiskStore(folder)
        assert store.get("a") is None
        with pytest.raises(StoreError, match="the disk is full; free some space"):
            list(store.keys())
    assert (store.get("a"), list(store.keys())) == ("1", ["a"])
    store.close()


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("log.db", "alter table log rename column signature to mark"),
        ("log.db", "drop table log; create table log (id integer primary key, key text, more text not null)"),
        ("values/cache.db", "alter table Cache rename column access_count to used"),
    ],
)
def test_a_file_of_another_layout_is_left_as_it_is_and_the_message_says_so(disk, tmp_path, file, change):
    disk.write({"a": "1"}, plus("a"))
    disk.close()
    with closing(sqlite3.connect(tmp_path / "store" / file)) as connection:
        connection.executescript(change)
    again = DiskStore(tmp_path / "store")
    assert again.get("a") == "1"
    with pytest.raises(StoreError, match=r"was laid out by another version of stepflow .*set another `path`"):
        again.write({"b": "1"}, plus("b"))
    again.close()


@pytest.mark.parametrize("damage", [b"not a database" * 1000, b"short", bytes(5000)])
def test_damaged_leases_hide_no_record_and_check_says_which_file_to_delete(disk, tmp_path, damage):
    disk.put("a", "1")
    disk.acquire("k", "me", 10)
    disk.close()
    for file in tmp_path.glob("store/leases.db*"):
        file.unlink()
    (tmp_path / "store" / "leases.db").write_bytes(damage)
    again = DiskStore(tmp_path / "store")
    (finding,) = again.check()
    assert "leases.db is damaged" in finding
    assert finding.endswith("delete that file")
    assert again.get("a") == "1"
    (tmp_path / "store" / "leases.db").unlink()
    again.close()
    assert list(again.check()) == []
    assert again.acquire("k", "you", 10) == "you"
    again.close()


def test_a_file_that_turned_read_only_fails_at_once(disk):
    disk.put("a", "1")
    disk._cache._cache._con.execute("pragma query_only = 1")
    with pytest.raises(StoreError, match="cannot be opened for writing"):
        disk.put("b", "1")


def test_a_database_that_is_none_is_refused_at_opening(disk, tmp_path):
    disk.put("a", "1")
    disk.close()
    (tmp_path / "store" / "values" / "cache.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="is damaged; stop what uses it and delete its folder"):
        DiskStore(tmp_path / "store")


def test_damage_found_later_is_absent_to_reads_and_a_sentence_to_writes_and_check(disk, tmp_path):
    disk.append(plus("a"))
    disk.close()
    (tmp_path / "store" / "log.db").write_bytes(b"not a database" * 1000)
    again = DiskStore(tmp_path / "store")
    assert list(again.tail(0)) == []
    assert list(again.with_skeleton("n", "s", 1)) == []
    with pytest.raises(StoreError, match="is damaged"):
        again.append(plus("b"))
    (finding,) = again.check()
    assert "is damaged" in finding
    again.close()


def test_pages_overwritten_inside_the_database_are_found_by_check(disk, tmp_path):
    for number in range(200):
        disk.put(str(number), json.dumps("x" * 2000))
    disk.close()
    with (tmp_path / "store" / "values" / "cache.db").open("r+b") as file:
        file.seek(40_000)
        file.write(b"\xff" * 40_000)
    again = DiskStore(tmp_path / "store")
    for number in range(200):
        again.get(str(number))
    assert list(again.check())
    again.close()


def test_malformed_log_entries_are_ignored_and_named_by_check(disk, tmp_path):
    disk.append(plus("a"))
    connection = sqlite3.connect(tmp_path / "store" / "log.db")
    with connection:
        insert = "insert into log (op, key, namespace, skeleton, signature, vector) values (?, ?, 'n', 's', 'g', ?)"
        connection.executemany(insert, [("*", "b", b""), ("+", "c", b"not deflated"), ("+", "d", "text")])
    connection.close()
    last = disk.append(plus("e"))
    assert [entry.key for entry in disk.tail(0)] == ["a", "e"]
    assert [entry.id for entry in disk.tail(0, "n", 2)] == [1, last]
    assert [finding.split(": ")[1] for finding in disk.check()] == [
        f"entry {id_} is malformed; it is ignored" for id_ in (2, 4, 3)
    ]


@pytest.mark.parametrize("name", ["a b", "st?re #1 %41", "übung", "$", "~x"])
def test_odd_names_of_folders_are_taken_literally(tmp_path, name):
    store = DiskStore(tmp_path / name)
    store.put("a", "1")
    store.append(plus("a"))
    assert store.get("a") == "1"
    assert (tmp_path / name / "values" / "cache.db").exists()
    assert (tmp_path / name / "log.db").exists()
    store.close()


@pytest.mark.parametrize(
    ("name", "says"), [("~nobody-here/x", "cannot be found"), ("$HOME/x", "a variable"), ("a/${HOME}", "a variable")]
)
def test_paths_that_mean_another_place_are_refused(tmp_path, monkeypatch, name, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=says):
        DiskStore(name)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_stays_where_it_was_when_the_program_moves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = DiskStore("store")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.put("a", "1")
    store.append(plus("a"))
    assert store.get("a") == "1"
    assert list((tmp_path / "elsewhere").iterdir()) == []
    store.close()


def test_a_write_waits_for_another_writer(disk, tmp_path):
    disk.put("a", "1")
    disk.append(plus("a"))
    locks = []
    for name in ("values/cache.db", "log.db"):
        locks.append(sqlite3.connect(tmp_path / "store" / name, isolation_level=None, check_same_thread=False))
        locks[-1].execute("begin immediate")
    release = threading.Timer(0.2, lambda: [lock.execute("commit") for lock in locks])
    release.start()
    assert disk.get("a") == "1"
    disk.put("b", "2")
    disk.append(plus("b"))
    release.join()
    assert disk.get("b") == "2"
    for lock in locks:
        lock.close()


@pytest.mark.parametrize("name", ["values/cache.db", "log.db"])
def test_a_writer_that_never_ends_is_named_in_the_end(tmp_path, monkeypatch, name):
    monkeypatch.setattr("stepflow.adapters.stores.sqlite_file.PATIENCE_S", 0.1)
    monkeypatch.setattr("stepflow.adapters.stores.sqlite_file._TIMEOUT_S", 0.1)
    monkeypatch.setattr("stepflow.adapters.stores.text_cache.PATIENCE_S", 0.1)
    store = DiskStore(tmp_path / "store")
    store.put("a", "1")
    store.append(plus("a"))
    lock = sqlite3.connect(tmp_path / "store" / name, isolation_level=None)
    lock.execute("begin immediate")
    with pytest.raises(StoreError, match="locked by another process"):
        store.put("b", "2") if name.startswith("values") else store.append(plus("b"))
    lock.close()
    store.close()


def test_a_log_is_never_compacted_by_values_that_cannot_be_read(disk, tmp_path):
    disk.put("a", "1")
    disk.append(plus("a"))
    disk.close()
    values = tmp_path / "store" / "values" / "cache.db"
    again = DiskStore(tmp_path / "store")
    again.close()
    values.unlink()
    with pytest.raises(StoreError):
        again._log.compact(again._live_keys)
    assert [entry.key for entry in again.tail(0)] == ["a"]
    again.close()


def test_diskcache_itself_is_given_nothing_but_text(tmp_path):
    from stepflow.adapters.stores.text_cache import TextDisk

    text = TextDisk(str(tmp_path))
    assert text.get("a", True) == "a"
    assert text.fetch(1, None, "value", False) == "value"
    for key, raw in ((pickle.dumps("a"), False), (b"a", True)):
        with pytest.raises(TypeError):
            text.get(key, raw)
    for mode, filename, value in ((4, None, pickle.dumps(1)), (3, "../x", None), (2, "x", None), (1, None, b"x")):
        with pytest.raises(OSError, match="did not write"):
            text.fetch(mode, filename, value, False)


def test_an_unfinished_claim_can_be_finished(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "README.txt").write_text("")
    DiskStore(tmp_path / "store").close()


def test_a_fork_uses_connections_of_its_own(disk):
    disk.put("a", "1")
    disk.append(plus("a"))
    child = os.fork()
    if child == 0:
        try:
            disk.put("b", "2")
            disk.append(plus("b"))
            os._exit(0 if disk.get("a") == "1" and len(disk.tail(0)) == 2 else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert disk.get("b") == "2"
    assert [entry.key for entry in disk.tail(0)] == ["a", "b"]
    assert list(disk.check()) == []


READ = """
import sys
from stepflow.adapters.stores.disk import DiskStore
assert DiskStore(sys.argv[1]).get("a") == "1"
print(sorted({"numpy", "pydantic", "diskcache"} & set(sys.modules)))
"""


def test_reading_from_cold_imports_neither_diskcache_nor_pydantic_nor_numpy(disk, tmp_path):
    disk.put("a", "1")
    done = subprocess.run([sys.executable, "-c", READ, tmp_path / "store"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


WRITE_FOREVER = """
import itertools, json, sys
from stepflow.adapters.stores.disk import DiskStore
from stepflow.protocols import LogEntry
store = DiskStore(sys.argv[1])
for number in itertools.count():
    key = f"{sys.argv[2]}:{number}"
    store.put(key, json.dumps("x" * (number * 997 % 50_000)))
    store.append(LogEntry("+", key, "n", "s", "g", b"\\x01" * 2048))
    print(number, flush=True)
"""


def acknowledged_before_kill(folder, round_):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE_FOREVER, folder, str(round_)], stdout=subprocess.PIPE, text=True
    )
    with writer:
        for _ in range(5 + 7 * round_):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().splitlines()
    return 5 + 7 * round_ + sum(1 for line in rest if line)


def test_a_writer_killed_at_any_moment_loses_nothing_that_it_acknowledged(tmp_path):
    folder = tmp_path / "store"
    acknowledged = [acknowledged_before_kill(folder, round_) for round_ in range(6)]
    store = DiskStore(folder)
    assert list(store.check()) == []
    logged = {entry.key for entry in store.tail(0)}
    for round_, count in enumerate(acknowledged):
        for number in range(count):
            assert store.get(f"{round_}:{number}") is not None
            assert f"{round_}:{number}" in logged
    assert all(store.get(key) is not None for key in logged)
    store.close()


# --- options ----------------------------------------------------------------------------------------------------------


def test_plugs_build_the_stores_that_their_options_describe(tmp_path):
    options = diskcache_plug.Options(path=str(tmp_path / "store"), size_limit=2**21, expire=5.0)
    store = diskcache_plug.build(options, CONTEXT)
    assert store.stats()["size_limit"] == 2**21
    assert store.stats()["path"] == str(tmp_path / "store")
    store.close()
    assert memory.build(memory.Options(), CONTEXT).stats()["path"] == ""


@pytest.mark.parametrize("wrong", [{}, {"path": ""}, {"path": "x", "size_limit": 1000}, {"path": "x", "expire": 0}])
def test_options_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        diskcache_plug.Options(**wrong)


# --- what has changed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["disk", "memory"])
def test_the_version_changes_with_every_value_and_with_nothing_else(kind, tmp_path):
    stores = {"disk": lambda: DiskStore(tmp_path / "store"), "memory": MemoryStore}
    store = stores[kind]()
    store.put("a", "1")
    changes = [
        lambda: store.put("a", "1"),
        lambda: store.put("b", "2"),
        lambda: store.write({"c": "3"}, plus("c")),
        lambda: store.delete("a"),
    ]
    for change in changes:
        before = store.version()
        assert store.version() == before is not None
        assert store.get("b") in (None, "2")
        change()
        assert store.version() != before
    store.close()


def test_the_version_of_a_disk_store_changes_with_what_other_processes_do(disk, tmp_path):
    disk.put("a", "1")
    before = disk.version()
    writer = "import sys; from stepflow.adapters.stores.disk import DiskStore; s = DiskStore(sys.argv[1]); "
    for change in ("s.put('b', '2')", "s.delete('a')"):
        subprocess.run([sys.executable, "-c", f"{writer}{change}; s.close()", str(tmp_path / "store")], check=True)
        assert disk.version() != before
        before = disk.version()
    assert disk.get("a") is None


def test_versions_of_two_threads_or_of_two_openings_are_never_equal(disk):
    disk.put("a", "1")
    seen = [disk.version()]
    thread = threading.Thread(target=lambda: seen.append(disk.version()))
    thread.start()
    thread.join()
    disk.close()
    seen.append(disk.version())
    assert len(set(seen)) == 3


def test_a_disk_store_that_is_not_there_yet_or_damaged_has_no_version(disk, tmp_path):
    assert disk.version() is None
    disk.put("a", "1")
    disk.close()
    for file in (tmp_path / "store" / "values").iterdir():
        file.write_bytes(b"x" * 4096)
    assert disk.version() is None


def test_a_store_says_when_a_value_expires(make, clock):
    store, lasting = make(expire=60), make()
    store.put("a", "1")
    if store.version() is None:  # Redis: nobody asks
        assert store.expiry("a") is None
        return
    assert store.expiry("a") == clock.time + 60
    assert store.expiry("b") is None
    clock.time += 61
    assert store.expiry("a") is None
    lasting.put("c", "1")
    assert lasting.expiry("c") == float("inf")
