"""The hashing embedder is deterministic and brings like texts together."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stepflow.adapters.embedders import hashing

EMBEDDER = hashing.build(hashing.Options(), SimpleNamespace())
PROMPT = "Solve the equation 2x + 3 = 11 for x and show each step"


def numbers(vector):
    return struct.unpack(f"<{len(vector) // 4}f", vector)


def cosine(left, right):
    pairs = zip(numbers(EMBEDDER.embed(left)), numbers(EMBEDDER.embed(right)), strict=True)
    return sum(a * b for a, b in pairs)


@given(st.text())
def test_every_text_has_a_vector_of_unit_length_or_of_zeros(text):
    vector = numbers(EMBEDDER.embed(text))
    assert len(vector) == EMBEDDER.dimensions
    length = sum(number * number for number in vector)
    assert length == 0 or length == pytest.approx(1, abs=1e-5)


@given(st.text(), st.text())
def test_similarity_is_symmetric_and_a_text_is_most_similar_to_itself(left, right):
    assert cosine(left, right) == cosine(right, left)
    assert cosine(left, right) <= 1 + 1e-5
    assert cosine(left, left) == pytest.approx(1, abs=1e-5) or not any(EMBEDDER.embed(left))


@given(st.text(st.characters(codec="ascii")))
def test_beside_a_sign_that_is_not_ascii_the_words_are_the_same(text):
    assert EMBEDDER.embed(f"{text} …") == EMBEDDER.embed(text)


@pytest.mark.parametrize("text", ["", "   \n", "?!… + - ="])
def test_a_text_without_words_has_the_zero_vector(text):
    assert not any(EMBEDDER.embed(text))


@pytest.mark.parametrize(
    "variant", [PROMPT.upper(), f"  {PROMPT}\n", PROMPT.replace(" ", "  \t"), PROMPT.replace("+", ",")]
)
def test_case_white_space_and_punctuation_do_not_count(variant):
    assert EMBEDDER.embed(variant) == EMBEDDER.embed(PROMPT)


def test_edits_are_nearer_than_rewordings_and_those_nearer_than_other_tasks():
    edited = cosine(PROMPT, PROMPT.replace("11", "12"))
    reworded = cosine(PROMPT, "Please find x: the equation is 2x + 3 = 11")
    other = cosine(PROMPT, "Return a JSON object with the keys name and age")
    assert edited > 0.7 > reworded > EMBEDDER.default_min_similarity > other


def test_texts_without_spaces_are_compared_by_character():
    assert cosine("解方程求未知数", "请解方程求未知数的值") > EMBEDDER.default_min_similarity
    assert cosine("解方程求未知数", "今天天气很好") < EMBEDDER.default_min_similarity


def test_the_order_of_words_counts():
    assert EMBEDDER.embed("a before b") != EMBEDDER.embed("b before a")


def test_vectors_are_the_same_in_every_process_and_version():
    # A changed vector makes every stored one useless, silently: change the embedder's name with it.
    assert hashlib.sha256(EMBEDDER.embed(PROMPT)).hexdigest()[:16] == "e0efbe38798b61c9"


def test_it_works_without_numpy():
    code = f"""
import sys
from stepflow.adapters.embedders import hashing
hashing.build(hashing.Options(), None).embed({PROMPT!r})
print("numpy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_dimensions_are_an_option():
    embedder = hashing.build(hashing.Options(dimensions=64), SimpleNamespace())
    assert len(embedder.embed(PROMPT)) == 4 * 64
    with pytest.raises(ValidationError):
        hashing.Options(dimensions=0)
