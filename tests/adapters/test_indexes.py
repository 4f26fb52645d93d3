"""Indexes: the exact one finds what comparing with every vector finds, the growing one nearly, whatever came before."""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.adapters.indexes import choosing, clusters, exact, growing
from stepflow.adapters.indexes.growing import GrowingIndex
from stepflow.errors import UsageError

DIMENSIONS = 4
vectors = st.lists(st.integers(-3, 3), min_size=DIMENSIONS, max_size=DIMENSIONS)
operations = st.lists(st.tuples(st.sampled_from("+-"), st.sampled_from("abcdefgh"), vectors), max_size=60)


def pack(numbers):
    return np.array(numbers, dtype="<f4").tobytes()


@pytest.fixture
def index():
    return exact.ExactIndex()


@pytest.mark.parametrize("few", [1, 3, 100])
@given(operations=operations, query=vectors, limit=st.integers(1, 10))
def test_it_agrees_with_comparing_every_vector(few, operations, query, limit):
    index = exact.ExactIndex(few=few)
    expected = {}
    for operation, key, vector in operations:
        if operation == "+":
            index.add(key, pack(vector))
            expected[key] = vector
        else:
            index.remove(key)
            expected.pop(key, None)
    found = index.search(pack(query), limit)
    similarities = {key: float(np.dot(vector, query)) for key, vector in expected.items()}
    assert [similarity for _, similarity in found] == sorted(similarities.values(), reverse=True)[:limit]
    assert all(similarities[key] == similarity for key, similarity in found)
    assert len({key for key, _ in found}) == len(found) == min(limit, len(expected))
    keys, stacked = index.vectors()
    assert dict(zip(keys, stacked.tolist(), strict=True)) == expected


def test_an_empty_index_finds_nothing(index):
    assert list(index.search(pack([1, 0, 0, 0]), 5)) == []
    index.remove("unknown")
    index.add("a", pack([1, 0, 0, 0]))
    index.remove("a")
    assert list(index.search(pack([1, 0, 0, 0]), 5)) == []


def test_a_vector_is_replaced_when_its_key_comes_again(index):
    index.add("a", pack([1, 0, 0, 0]))
    index.add("a", pack([0, 1, 0, 0]))
    assert list(index.search(pack([0, 1, 0, 0]), 5)) == [("a", 1.0)]


@pytest.mark.parametrize("few", [2, 3])
def test_of_equals_the_longest_in_place_comes_first(few):
    index = exact.ExactIndex(few=few)
    for key in "abc":
        index.add(key, pack([1, 0, 0, 0]))
    assert [key for key, _ in index.search(pack([1, 0, 0, 0]), 3)] == ["a", "b", "c"]


def test_however_it_grows_what_a_search_reads_lies_in_one_piece():
    index = exact.ExactIndex(few=2)
    for number in range(9):  # over the few, and over the first two matrices
        index.add(str(number), pack([1, 0, 0, number]))
        assert number < 2 or index._vectors._matrix.flags.c_contiguous


def test_a_few_vectors_are_compared_without_numpy():
    code = f"""
import sys
from stepflow.adapters.indexes.exact import FEW, ExactIndex
index = ExactIndex()
for key in range(FEW):
    index.add(str(key), {pack([1, 0, 0, 0])!r})
assert len(index.search({pack([1, 0, 0, 0])!r}, 5)) == 5
sys.exit("numpy" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_a_matrix_of_many_blocks_is_searched_whole(index, monkeypatch):
    monkeypatch.setattr(exact, "_BLOCK", 3 * DIMENSIONS)
    random = np.random.default_rng(1)
    matrix = random.normal(size=(100, DIMENSIONS)).astype("<f4")
    for row, vector in enumerate(matrix):
        index.add(str(row), vector.tobytes())
    query = random.normal(size=DIMENSIONS).astype("<f4")
    best = np.argsort(-(matrix @ query))[:7]
    assert [key for key, _ in index.search(query.tobytes(), 7)] == [str(row) for row in best]


def test_a_vector_of_another_length_is_declined(index):
    index.add("a", pack([1, 0, 0, 0]))
    with pytest.raises(ValueError, match="a vector of 2 numbers does not fit an index of 4"):
        index.add("b", pack([1, 0]))
    assert [key for key, _ in index.search(pack([1, 0, 0, 0]), 5)] == ["a"]


def test_it_speaks_up_when_it_holds_many():
    index = exact.ExactIndex("name", advice="do something", many=2)
    for key in "abc":
        assert index.note == ""
        index.add(key, pack([1, 0, 0, 0]))
    assert index.note == "3 records are compared one by one: do something"


# --- clusters ---------------------------------------------------------------------------------------------------------

WIDE = 64


def crowd(count, seed=0, centres=60):
    """Unit vectors about a few centres, as prompts of a few kinds are."""
    random = np.random.default_rng(seed)
    middle = np.random.default_rng(99).normal(size=(centres, WIDE))
    vectors = middle[random.integers(centres, size=count)] + 0.6 * random.normal(size=(count, WIDE))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("<f4")


def feed(index, vectors, start=0):
    """What an archive does: everything after `index.seen`, then a pause; once more when clusters have been drawn."""
    after = index.seen
    for position in range(max(after, start), start + len(vectors)):
        index.add(f"record:{position}", vectors[position - start].tobytes())
    index.settle(after, start + len(vectors))


def settled(index, vectors):
    """The index once it has drawn its clusters of all the vectors."""
    feed(index, vectors)
    index.close()
    assert index.seen == len(vectors)
    return index


def recall(index, vectors, queries, limit=5):
    hits = 0
    for query in queries:
        best = {f"record:{row}" for row in np.argsort(-(vectors @ query))[:limit]}
        hits += len(best & {key for key, _ in index.search(query.tobytes(), limit)})
    return hits / (limit * len(queries))


@pytest.fixture
def home(tmp_path):
    return tmp_path / "indexes" / "name"


def test_below_the_threshold_it_is_exact_and_builds_nothing(home):
    index = GrowingIndex(home, threshold=100)
    vectors = crowd(100)
    feed(index, vectors)
    index.close()
    assert recall(index, vectors, crowd(20, seed=1)) == 1
    assert not home.exists()


@pytest.mark.parametrize("saved", [True, False])
def test_clusters_find_what_is_nearest(home, saved):
    vectors = crowd(6000)
    index = settled(GrowingIndex(home if saved else None, threshold=2000), vectors)
    assert recall(index, vectors, crowd(200, seed=1)) >= 0.98
    ((key, cosine),) = index.search(vectors[77].tobytes(), 1)
    assert (key, round(cosine, 2)) == ("record:77", 1.0)


def test_what_comes_later_is_found_beside_the_clusters_and_in_them_when_they_grow(home):
    vectors = crowd(4500)
    index = settled(GrowingIndex(home, threshold=2000), vectors[:3000])
    feed(index, vectors[3000:3800], start=3000)
    index.close()
    assert index.search(vectors[3500].tobytes(), 1)[0][0] == "record:3500"
    assert index.seen == 3800
    index._retry_at = 0
    feed(index, vectors[3800:], start=3800)
    index.close()
    assert len(index._clusters) == index.seen == 4500
    assert recall(index, vectors, crowd(100, seed=2)) >= 0.98


def test_clusters_are_drawn_anew_when_there_are_many_times_more(home):
    vectors = crowd(9000)
    index = settled(GrowingIndex(home, threshold=1000), vectors[:1500])
    assert index._clusters.trained == 1500
    index._retry_at = 0
    settled(index, vectors)
    assert index._clusters.trained == 9000
    assert recall(index, vectors, crowd(100, seed=3)) >= 0.98


def test_what_was_removed_is_not_found_and_its_place_goes_to_the_next(home):
    vectors = crowd(3000)
    index = settled(GrowingIndex(home, threshold=1000), vectors)
    near = [key for key, _ in index.search(vectors[5].tobytes(), 20)]
    for key in near[:15]:
        index.remove(key)
    assert [key for key, _ in index.search(vectors[5].tobytes(), 5)] == near[15:20]
    index._retry_at = 0
    more = crowd(700, seed=4)
    feed(index, more, start=3000)
    index.close()
    assert len(index._clusters) == 3000 - 15 + 700
    assert not {key for key, _ in index.search(vectors[5].tobytes(), 50)} & set(near[:15])


def test_a_key_that_comes_again_replaces_what_the_clusters_hold(home):
    vectors = crowd(3000)
    index = settled(GrowingIndex(home, threshold=1000), vectors)
    index.add("record:5", vectors[7].tobytes())
    found = index.search(vectors[7].tobytes(), 5)
    assert {"record:5", "record:7"} == {key for key, cosine in found if cosine > 0.99}
    assert "record:5" not in {key for key, _ in index.search(vectors[5].tobytes(), 1)}


def test_saved_clusters_are_there_at_once_in_the_next_process(home):
    vectors = crowd(3000)
    settled(GrowingIndex(home, threshold=1000), vectors)
    again = GrowingIndex(home, threshold=1000)
    assert again.seen == 3000
    assert again.search(vectors[1].tobytes(), 1)[0][0] == "record:1"
    assert len([entry for entry in home.iterdir() if entry.is_dir()]) == 1


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
def test_saved_clusters_are_mapped_and_not_read(home):
    settled(GrowingIndex(home, threshold=1000), crowd(3000)).close()
    index = GrowingIndex(home, threshold=1000)
    mapped = Path("/proc/self/maps").read_text()
    (folder,) = (entry for entry in home.iterdir() if entry.is_dir())
    assert str(folder / "vectors.faiss") in mapped
    assert str(folder / "keys.npy") in mapped
    assert index.seen == 3000


def test_another_processes_newer_clusters_are_taken_over_instead_of_drawn(home, monkeypatch):
    vectors = crowd(3000)
    slow = GrowingIndex(home, threshold=1000)
    feed(slow, vectors[:900])
    settled(GrowingIndex(home, threshold=1000), vectors)
    monkeypatch.setattr(GrowingIndex, "_draw", lambda self: pytest.fail("drawn twice"))
    feed(slow, vectors[900:1800], start=900)
    slow.close()
    assert (slow.seen, slow.note) == (3000, "")
    assert slow.search(vectors[2999].tobytes(), 1)[0][0] == "record:2999"


def test_what_is_fed_while_clusters_come_in_is_fed_again(home):
    vectors = crowd(3000)
    index = GrowingIndex(home, threshold=1000)
    settled(index, vectors[:2000])
    index.settle(2500, 3000)  # by a feeder that began when 2,500 were in, before the clusters of 2,000 came
    assert index.seen == 2000
    feed(index, vectors[2000:], start=2000)
    assert index.seen == 3000
    assert recall(index, vectors, crowd(50, seed=6)) >= 0.98


def test_while_another_process_draws_nobody_else_does(home):
    vectors = crowd(1500)
    index = GrowingIndex(home, threshold=1000)
    with growing._alone(home) as alone:
        assert alone
        feed(index, vectors)
        index.close()
        assert index.seen == 1500
        assert index._clusters is None
        assert recall(index, vectors, crowd(10, seed=1)) == 1


@pytest.mark.parametrize("name", ["vectors.faiss", "keys.npy", "about.json"])
@pytest.mark.parametrize("harm", ["truncated", "overwritten", "missing", "another format"])
def test_damaged_clusters_count_as_absent(home, name, harm):
    settled(GrowingIndex(home, threshold=1000), crowd(1500))
    (folder,) = (entry for entry in home.iterdir() if entry.is_dir())
    file = folder / name
    if harm == "truncated":
        file.write_bytes(file.read_bytes()[:-10])
    elif harm == "overwritten":
        file.write_bytes(b"\xff" * 200 + file.read_bytes()[200:])
    elif harm == "missing":
        file.unlink()
    else:
        about = json.loads((folder / "about.json").read_text())
        (folder / "about.json").write_text(json.dumps(about | {"format": clusters.FORMAT + 1}))
    index = GrowingIndex(home, threshold=1000)
    assert (index.seen, index.note) == (0, "")
    vectors = crowd(1500)
    assert recall(settled(index, vectors), vectors, crowd(20, seed=1)) >= 0.98


def test_a_disk_without_room_leaves_the_clusters_in_memory_with_a_note(home, monkeypatch):
    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "save", full)
    vectors = crowd(1500)
    index = settled(GrowingIndex(home, threshold=1000), vectors)
    assert index.note == "the index could not be saved: No space left on device"
    assert index._clusters is not None
    assert [entry.name for entry in home.iterdir()] == [".lock"]
    assert recall(index, vectors, crowd(20, seed=1)) >= 0.98


def test_an_index_that_cannot_be_built_stays_exact_with_a_note(home, monkeypatch):
    monkeypatch.setattr(clusters, "draw", lambda *_: 1 / 0)
    vectors = crowd(1500)
    index = GrowingIndex(home, threshold=1000)
    feed(index, vectors)
    index.close()
    assert index.note == "the index could not be built: division by zero"
    assert recall(index, vectors, crowd(20, seed=1)) == 1


def build_and_be_killed(home, ready):
    index = GrowingIndex(home, threshold=1000)
    feed(index, crowd(30_000))
    ready.set()
    time.sleep(60)


def test_a_process_killed_while_it_draws_leaves_room_for_the_next(home):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    child = context.Process(target=build_and_be_killed, args=(home, ready), daemon=True)
    child.start()
    assert ready.wait(60)
    child.kill()
    child.join()
    vectors = crowd(1500)
    index = settled(GrowingIndex(home, threshold=1000), vectors)
    assert index.search(vectors[3].tobytes(), 1)[0][0] == "record:3" or index.seen == 30_000
    assert len([entry for entry in home.iterdir() if entry.is_dir()]) == 1


@pytest.mark.parametrize(
    ("index", "installed", "kind"),
    [("auto", True, GrowingIndex), ("auto", False, exact.ExactIndex), ("exact", True, exact.ExactIndex)],
)
def test_the_kind_is_chosen_by_what_is_installed(tmp_path, monkeypatch, index, installed, kind):
    monkeypatch.setattr(choosing, "find_spec", lambda name: importlib.util.find_spec("json") if installed else None)
    assert isinstance(choosing.chosen(index, tmp_path)("name"), kind)


def test_faiss_asked_for_and_not_installed_is_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr(choosing, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs faiss: pip install 'stepflow\[scale\]'"):
        choosing.chosen("faiss", None)
