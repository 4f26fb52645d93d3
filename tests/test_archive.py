"""The archive finds what was stored, by hash and by likeness, and takes nothing unreadable for a record."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from rediskit import KINDS

from stepflow.adapters.embedders.hashing import HashingEmbedder
from stepflow.adapters.indexes.exact import ExactIndex
from stepflow.adapters.indexes.growing import GrowingIndex
from stepflow.adapters.stores.disk import DiskStore
from stepflow.adapters.stores.memory import MemoryStore
from stepflow.adapters.stores.redis import RedisStore
from stepflow.archive import MAX_INDEXES, Archive
from stepflow.errors import StoreError, UsageError
from stepflow.fingerprint import RECORD_FORMAT
from stepflow.model import Record, Step
from stepflow.records import decode_answered, encode_record, pointer


def record(id_, prompt="sum the numbers one two three", **changes):
    drawn = Record(
        id=id_,
        rule="a-rule",
        namespace="n",
        skeleton=f"skeleton {id_}",
        signature=f"signature {id_}",
        request_key=f"request {id_}",
        prompt=prompt,
        constraints={"limit": Fraction(7, 2)},
        let={},
        words=("sum",),
        steps=(Step(1, "one", "\n"), Step(2, "two")),
        origin="model",
        final="verified",
        verified_under="v",
        model="m",
        created_at=1.5,
    )
    return replace(drawn, **changes)


@pytest.fixture
def clock():
    return SimpleNamespace(time=1000.0)


@pytest.fixture(params=["memory", "disk", "redis"])
def store(request, tmp_path, clock, redis_servers):
    kinds = {
        "memory": lambda: MemoryStore(60, clock=lambda: clock.time),
        "disk": lambda: DiskStore(tmp_path / "store"),
        "redis": lambda: RedisStore(redis_servers(KINDS[0]).url),
    }
    return kinds[request.param]()


@pytest.fixture
def archive(store):
    archive = Archive(store, HashingEmbedder(), ExactIndex)
    yield archive
    archive.close()


def nominate(archive, prompt="sum the numbers one two three", **changes):
    asked = {"namespace": "n", "signature": "?", "skeleton": "?", "prompt": prompt, "top_k": 5} | changes
    return archive.nominate(**asked)


def found(nomination):
    return [(candidate.found_by, candidate.record.id) for candidate in nomination.candidates]


def unreadable_forms():
    whole = encode_record(record("a"))
    parts = json.loads(whole)
    body = f'{json.dumps(parts["record"])},"$rest":{json.dumps(parts["$rest"])}'
    digest = sha256(body.encode()).hexdigest()
    return {
        "an older format": f'{{"format":{RECORD_FORMAT - 1},"sha256":"{digest}","record":{body}}}',
        "a newer format": f'{{"format":{RECORD_FORMAT + 1},"sha256":"{digest}","record":{body}}}',
        "a tampered text": whole.replace("two", "ten"),
        "a truncated text": whole[:-20],
        "foreign JSON": "{}",
        "another record": encode_record(record("b")),
    }


# --- exact requests ---------------------------------------------------------------------------------------------------


def test_a_saved_record_is_found_by_its_request_and_is_equal(archive):
    assert archive.lookup("request a") == (None, ())
    archive.save(record("a"))
    assert archive.lookup("request a") == (decode_answered(encode_record(record("a"))), ())
    assert archive.get("a") == record("a")


def test_the_newest_record_answers_a_request(archive):
    archive.save(record("a", request_key="same"))
    archive.save(record("b", request_key="same"))
    assert archive.lookup("same")[0].id == "b"


def test_another_request_can_be_linked_to_a_record(archive):
    archive.save(record("a"))
    archive.link("another", "a")
    assert archive.lookup("another")[0] == archive.lookup("request a")[0]


@pytest.mark.parametrize("form", unreadable_forms())
def test_an_unreadable_record_counts_as_absent_everywhere_with_a_note(archive, store, form):
    archive.save(record("a"))
    store.put("record:a", unreadable_forms()[form])
    looked, notes = archive.lookup("request a")
    assert looked is None
    assert notes[0].startswith("record a counts as absent: ")
    for question in ({}, {"skeleton": "skeleton a"}, {"signature": "signature a", "skeleton": "skeleton a"}):
        nomination = nominate(archive, **question)
        assert nomination.candidates == ()
        assert nomination.notes == notes
    assert list(archive.records()) == []
    assert set(notes) <= set(archive.check())
    with pytest.raises(UsageError, match="counts as absent"):
        archive.get("a")


@pytest.mark.parametrize("row", ['["b","0123456789abcdef"]', "[]", json.dumps("a"), pointer("request b", "a")])
def test_a_pointer_that_is_none_or_anothers_leads_nowhere_and_check_names_it(archive, store, row):
    archive.save(record("a"))
    store.put("exact:request a", row)
    looked, notes = archive.lookup("request a")
    assert (looked, notes) == (None, ("the row of request request a is unreadable, or belongs to another",))
    assert list(archive.check()) == list(notes)
    archive.link("request a", "a")
    archive.link("request b", "gone")
    assert list(archive.check()) == []  # a record may be evicted before what points to it


@pytest.mark.parametrize("version", [RECORD_FORMAT - 1, RECORD_FORMAT + 1])
def test_the_note_names_the_format(archive, store, version):
    archive.save(record("a"))
    store.put("record:a", encode_record(record("a")).replace(f'"format":{RECORD_FORMAT}', f'"format":{version}'))
    assert f"format {version}" in archive.lookup("request a")[1][0]


@pytest.mark.parametrize("row", ["", "{", "3", '"a"', '["a"]', '["a",""]', "[" * 100_000])
def test_an_unreadable_exact_row_counts_as_absent_with_a_note(archive, store, row):
    archive.save(record("a"))
    store.put("exact:request a", row)
    looked, notes = archive.lookup("request a")
    assert looked is None
    assert notes == ("the row of request request a is unreadable, or belongs to another",)
    assert archive.sighting("request a") is None


def test_a_row_copied_from_another_request_serves_nothing_of_that_one(archive, store):
    archive.save(record("a"))
    archive.save(record("b"))
    store.put("exact:request a", store.get("exact:request b"))
    assert archive.lookup("request a")[0] is None
    assert archive.sighting("request a") is None
    store.put("exact:request a", store.get("exact:request b").replace("b", "a", 1))
    assert archive.lookup("request a")[0] is None
    assert archive.lookup("request b")[0].id == "b"


# --- nomination -------------------------------------------------------------------------------------------------------


def test_signature_comes_before_skeleton_and_skeleton_before_similarity(archive):
    archive.save(record("alike"))
    archive.save(record("shape", prompt="unlike", skeleton="S"))
    archive.save(record("same", prompt="different", signature="G", skeleton="S"))
    assert found(nominate(archive, signature="G", skeleton="S")) == [("signature", "same")]
    assert found(nominate(archive, skeleton="S")) == [("skeleton", "same"), ("skeleton", "shape")]
    assert found(nominate(archive)) == [("similarity", "alike")]


def test_hash_and_similarity_can_be_left_out(archive):
    archive.save(record("alike"))
    archive.save(record("same", prompt="different", signature="G", skeleton="S"))
    assert found(nominate(archive, signature="G", skeleton="S", by_hash=False)) == [("similarity", "alike")]
    assert found(nominate(archive, by_similarity=False)) == []


def test_at_most_top_k_are_nominated_newest_first(archive):
    for number in range(6):
        archive.save(record(str(number), skeleton="S"))
    assert [id_ for _, id_ in found(nominate(archive, skeleton="S", top_k=3))] == ["5", "4", "3"]
    assert len(nominate(archive, top_k=3).candidates) == 3
    assert nominate(archive, skeleton="S", top_k=0).candidates == ()


def test_similar_records_stand_nearest_first_and_none_below_the_floor(archive):
    archive.save(record("near", "sum the numbers one two four"))
    archive.save(record("nearer", "sum the numbers one two three please"))
    archive.save(record("far", "an ode to the sea"))
    nomination = nominate(archive)
    assert found(nomination) == [("similarity", "nearer"), ("similarity", "near")]
    cosines = [candidate.similarity for candidate in nomination.candidates]
    assert cosines == sorted(cosines, reverse=True)
    assert found(nominate(archive, min_similarity=cosines[0])) == [("similarity", "nearer")]
    assert found(nominate(archive, min_similarity=1.01)) == []


def test_a_prompt_without_words_is_similar_to_nothing(archive):
    archive.save(record("a", "?!"))
    assert found(nominate(archive, "?!", min_similarity=-1)) == []
    assert archive.lookup("request a")[0] is not None


def test_records_never_cross_indexes(archive, store):
    archive.save(record("a"))
    asked = {"namespace": "other", "signature": "signature a", "skeleton": "skeleton a"}
    assert found(nominate(archive, **asked)) == []
    for entry in store.tail(0):
        store.append(replace(entry, namespace="other"))
    assert found(nominate(archive, **asked)) == []


def test_a_record_that_is_gone_drops_its_vector_and_its_place_goes_to_the_next(archive, store):
    for number in range(20):
        archive.save(record(str(number)))
    nominate(archive)
    for number in range(19):
        store.delete(f"record:{number}")
    assert found(nominate(archive, top_k=2)) == [("similarity", "19")]
    left = archive._search("n", HashingEmbedder().embed(record("a").prompt), 99, [])
    assert [key for key, _ in left] == ["record:19"]


def test_an_expired_record_is_no_longer_nominated(clock):
    archive = Archive(MemoryStore(60, clock=lambda: clock.time), HashingEmbedder(), ExactIndex)
    archive.save(record("a"))
    assert found(nominate(archive)) == [("similarity", "a")]
    clock.time += 60
    assert nominate(archive).candidates == ()
    assert archive.lookup("request a") == (None, ())


@dataclass(frozen=True)
class Other(HashingEmbedder):
    name: str = "other"


@pytest.mark.parametrize("embedder", [Other(), HashingEmbedder(dimensions=64)])
def test_vectors_of_another_embedder_are_never_compared(archive, store, embedder):
    archive.save(record("a"))
    changed = Archive(store, embedder, ExactIndex)
    assert nominate(changed).candidates == ()
    assert found(nominate(changed, skeleton="skeleton a")) == [("skeleton", "a")]
    changed.save(record("b"))
    assert found(nominate(changed)) == [("similarity", "b")]


def test_indexes_in_memory_are_bounded_and_built_again_when_asked_for(archive):
    archive.save(record("a"))
    nominate(archive)
    for number in range(MAX_INDEXES):
        nominate(archive, namespace=str(number))
    assert len(archive._indexes) == MAX_INDEXES
    assert "n" not in archive._indexes
    assert found(nominate(archive)) == [("similarity", "a")]


def test_compaction_does_not_hide_what_comes_after(archive):
    archive.save(record("a"))
    archive.delete("a")
    nominate(archive)
    archive.prune()
    archive.save(record("b"))
    assert found(nominate(archive)) == [("similarity", "b")]


# --- by id ------------------------------------------------------------------------------------------------------------


def test_a_store_that_goes_away_while_its_log_is_read_is_read_on_when_it_is_back(monkeypatch):
    class Shaky(MemoryStore):
        away_after = 6

        def tail(self, after, namespace=None, limit=None):
            if after >= self.away_after:
                raise StoreError("it is away")
            return super().tail(after, namespace, limit)

    monkeypatch.setattr("stepflow.archive.FED_AT_ONCE", 4)
    monkeypatch.setattr("stepflow.archive.FED_IN_A_CHUNK", 2)
    store = Shaky()
    archive = Archive(store, HashingEmbedder(), lambda name: ExactIndex())
    for number in range(10):
        archive.save(record(f"r{number}", prompt=f"sum the numbers one two three {number}"))
    nominate(archive)
    archive._feeders["n"].join()
    with pytest.raises(StoreError, match="it is away"):
        nominate(archive)
    Shaky.away_after = 99
    while len(nominate(archive, top_k=20).candidates) < 10:
        archive._feeders["n"].join()
    archive.close()


def test_a_record_is_got_by_its_id_or_by_an_unambiguous_beginning(archive):
    for id_ in ("abc", "abd", "ab", "x"):
        archive.save(record(id_))
    assert archive.get("ab").id == "ab"
    assert archive.get("abd").id == "abd"
    assert archive.get("x").id == "x"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("a", r"2 records begin with 'a' \(abc, abd …\)"),
        ("z", "there is no record 'z'"),
        ("", "an empty text"),
        ("%", "there is no record '%'"),
        ("\udcff", "there is no record"),
    ],
)
def test_an_absent_or_ambiguous_id_is_named(archive, asked, says):
    archive.save(record("abc"))
    archive.save(record("abd"))
    with pytest.raises(UsageError, match=says):
        archive.get(asked)


def test_a_deleted_record_is_found_no_more(archive):
    archive.save(record("a"))
    nominate(archive)
    assert archive.delete("a") is True
    assert archive.delete("a") is False
    assert archive.lookup("request a") == (None, ())
    assert nominate(archive, signature="signature a", skeleton="skeleton a").candidates == ()
    assert archive.stats()["values"] == 0


def test_deleting_a_record_leaves_the_request_to_the_record_that_answers_it_now(archive):
    archive.save(record("old", request_key="same"))
    archive.save(record("new", request_key="same"))
    archive.delete("old")
    assert archive.lookup("same")[0].id == "new"


def test_an_unreadable_record_can_be_deleted(archive, store):
    archive.save(record("a"))
    store.put("record:a", "{}")
    assert archive.delete("a") is True
    assert archive.lookup("request a") == (None, ())
    assert list(archive.check()) == []


def test_records_and_figures(archive):
    archive.save(record("a"))
    archive.save(record("b"))
    assert [kept.id for kept in archive.records()] == ["a", "b"]
    assert archive.stats()["records"] == 2
    assert archive.stats()["log_entries"] == 2
    assert list(archive.check()) == []


def test_a_record_without_an_id_is_refused(archive):
    with pytest.raises(ValueError, match="without an id"):
        archive.save(record(""))


# --- many at once -----------------------------------------------------------------------------------------------------


def test_threads_share_an_archive(archive):
    failures = []

    def work(name):
        for number in range(15):
            saved = record(f"{name}{number}", skeleton=name)
            archive.save(saved)
            if archive.lookup(saved.request_key)[0] is None or not nominate(archive).candidates:
                failures.append(saved.id)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(nominate(archive, top_k=100).candidates) == 60


WRITE = """
import sys
sys.path.insert(0, sys.argv[3])
from test_archive import Archive, DiskStore, ExactIndex, HashingEmbedder, nominate, record
archive = Archive(DiskStore(sys.argv[1]), HashingEmbedder(), ExactIndex)
name, other = sys.argv[2], {"a": "b", "b": "a"}[sys.argv[2]]
seen = set()
for number in range(40):
    archive.save(record(f"{name}{number}", skeleton=name))
    seen |= {candidate.record.id for candidate in nominate(archive, top_k=100).candidates}
print("ready", flush=True)
sys.stdin.readline()  # until both have written
seen |= {candidate.record.id for candidate in nominate(archive, top_k=100).candidates}
assert seen == {f"{name}{number}" for name in "ab" for number in range(40)}, sorted(seen)
assert len(nominate(archive, skeleton=other, top_k=100).candidates) == 40
archive.close()
"""


def test_two_processes_lose_nothing_and_see_each_others_records(tmp_path):
    folder = tmp_path / "store"
    here = Path(__file__).parent
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, folder, name, here],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "ab"
    ]
    for writer in writers:
        writer.stdout.readline()
    results = [writer.communicate("go\n") for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], results
    archive = Archive(DiskStore(folder), HashingEmbedder(), ExactIndex)
    assert len(list(archive.records())) == 80
    assert all(archive.lookup(f"request {name}{number}")[0] for name in "ab" for number in range(40))
    assert list(archive.check()) == []
    archive.close()


def test_clusters_answer_for_the_archive_and_for_the_next_process(tmp_path):
    def opened():
        store = DiskStore(tmp_path / "store")
        return Archive(store, HashingEmbedder(), lambda name: GrowingIndex(tmp_path / "indexes" / name, threshold=200))

    archive = opened()
    for number in range(400):
        archive.save(record(f"r{number:03}", prompt=f"sum the numbers {number} and {number * 7} of list {number % 40}"))
    asked = "please sum the numbers 333 and 2331 of list 13"
    assert found(nominate(archive, asked, top_k=1)) == [("similarity", "r333")]
    archive.close()
    (saved,) = (tmp_path / "indexes").iterdir()
    assert any(entry.is_dir() for entry in saved.iterdir())

    archive = opened()
    assert found(nominate(archive, asked, top_k=1)) == [("similarity", "r333")]
    assert len(archive._indexes["n"]._recent) == 0
    archive.delete("r333")
    archive.save(record("new", prompt=asked))
    assert found(nominate(archive, asked, top_k=1)) == [("similarity", "new")]
    archive.delete("new")
    assert ("similarity", "r333") not in found(nominate(archive, asked))
    archive.close()


def test_what_has_expired_leaves_the_clusters_and_its_places_go_to_others(tmp_path, clock, monkeypatch):
    monkeypatch.setattr("time.time", lambda: clock.time)
    store = DiskStore(tmp_path / "store", expire=100.0)
    archive = Archive(store, HashingEmbedder(), lambda name: GrowingIndex(tmp_path / "indexes" / name, threshold=50))
    for number in range(100):
        archive.save(record(f"old{number}", prompt=f"sum the numbers {number} and {number * 7}"))
        clock.time += 50 if number == 0 else 0
    asked = "sum the numbers 0 and 0"
    assert found(nominate(archive, asked, top_k=1)) == [("similarity", "old0")]
    index = archive._indexes["n"]
    index.close()
    assert len(index._clusters) == 100
    clock.time += 60
    assert len(nominate(archive, asked, top_k=3).candidates) == 3
    assert "record:old0" not in {key for key, _ in index.search(HashingEmbedder().embed(asked), 100)}
    archive.close()


def test_two_versions_on_one_folder_neither_read_nor_harm_each_others_records(tmp_path, monkeypatch):
    def opened():
        return Archive(DiskStore(tmp_path / "store"), HashingEmbedder(), ExactIndex)

    def of_version(number):
        monkeypatch.setattr("stepflow.records.RECORD_FORMAT", number)

    older, newer = opened(), opened()
    for number in range(3):
        of_version(RECORD_FORMAT)
        older.save(record(f"old{number}", request_key="old", signature="G"))
        of_version(RECORD_FORMAT + 1)
        newer.save(record(f"new{number}", request_key="new", signature="G"))
    assert sorted(id_ for _, id_ in found(nominate(newer, signature="G", top_k=9))) == ["new0", "new1", "new2"]
    assert newer.lookup("new")[0].id == "new2"
    assert newer.lookup("old")[0] is None
    of_version(RECORD_FORMAT)
    assert sorted(id_ for _, id_ in found(nominate(older, signature="G", top_k=9))) == ["old0", "old1", "old2"]
    assert older.lookup("old")[0].id == "old2"
    assert older.lookup("new")[0] is None
    older.prune()
    of_version(RECORD_FORMAT + 1)
    assert newer.lookup("new")[0].id == "new2"
    older.close()
    newer.close()
