"""Which of several things of one kind is meant: laws of repetition and of nearness."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stepflow.texts.pairing import Candidate, nearest, repetitions, sentences


@given(st.lists(st.integers(0, 2), min_size=2, max_size=4), st.integers(2, 4))
def test_a_block_of_several_kinds_that_comes_again_is_found_and_holds_all(block: list[int], turns: int) -> None:
    kinds: list[list[Candidate]] = [[], [], []]
    for at, kind in enumerate(block * turns):
        kinds[kind].append(Candidate(at, at + 1, str(at)))
    found = repetitions(kinds)
    if len(set(block)) == 1:
        assert found == []
    else:
        assert sorted(each.start for turn in found for each in turn) == list(range(len(block) * turns))
        assert len({len(turn) for turn in found}) == 1
        assert len(found) >= turns


def test_another_order_is_no_repetition() -> None:
    names, days = ([Candidate(at, at + 1, str(at)) for at in places] for places in ((0, 1), (2, 3)))
    assert repetitions([names, days]) == []


@given(st.lists(st.integers(0, 50), unique=True, min_size=1), st.integers(0, 50))
def test_the_nearest_is_the_last_before_else_the_first_behind(starts: list[int], at: int) -> None:
    names = [Candidate(3 * start, 3 * start + 1, "") for start in starts]
    found = nearest(names, Candidate(3 * at + 1, 3 * at + 2, ""))
    before = [start for start in starts if start <= at]
    assert found is not None
    assert found.start == 3 * (max(before) if before else min(starts))


@given(st.text(alphabet="Ab .;!?\n", max_size=40))
def test_sentences_cover_the_text_without_a_gap(text: str) -> None:
    assert "".join(text[start:end] for start, end in sentences(text)) == text
