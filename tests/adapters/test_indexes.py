"""The exact index finds what comparing with every vector finds, whatever came and went before."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stepflow.adapters.indexes import exact

DIMENSIONS = 4
vectors = st.lists(st.integers(-3, 3), min_size=DIMENSIONS, max_size=DIMENSIONS)
operations = st.lists(st.tuples(st.sampled_from("+-"), st.sampled_from("abcdefgh"), vectors), max_size=60)


def pack(numbers):
    return np.array(numbers, dtype="<f4").tobytes()


@pytest.fixture
def index():
    return exact.build(exact.Options(), SimpleNamespace())


@given(operations, vectors, st.integers(1, 10))
def test_it_agrees_with_comparing_every_vector(operations, query, limit):
    index = exact.ExactIndex()
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


def test_of_equals_the_longest_in_place_comes_first(index):
    for key in "abc":
        index.add(key, pack([1, 0, 0, 0]))
    assert [key for key, _ in index.search(pack([1, 0, 0, 0]), 3)] == ["a", "b", "c"]


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


def test_it_has_no_options():
    with pytest.raises(ValidationError):
        exact.Options(metric="cosine")
