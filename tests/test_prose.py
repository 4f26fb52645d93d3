from __future__ import annotations

from itertools import pairwise

import pytest

from stepflow.prose import find_phrases, phrase_pattern, sentence_starts


def found(phrases: list[str], text: str, **options: bool) -> list[str]:
    return [phrases[index] for _, _, index in find_phrases(phrase_pattern(phrases, **options), text)]


@pytest.mark.parametrize(
    ("phrases", "text", "expected"),
    [
        (["net"], "the network net", ["net"]),
        (["km"], "5km or 5 KM", ["km", "km"]),
        (["m"], "5 m2 and 5 m", ["m"]),
        (["new", "new york"], "in New  York, new", ["new york", "new"]),
        (["%"], "5%", ["%"]),
        (["c++"], "C++ code", ["c++"]),
        (["5"], "1.5, 5.2, 5,000 and v5", []),
        (["5", "500"], "5, 5,6 and 1,500; 5. Then 500.", ["5", "5", "5", "500"]),
        ([], "anything", []),
    ],
)
def test_phrases_are_found_whole_and_longest_first(phrases: list[str], text: str, expected: list[str]) -> None:
    assert found(phrases, text) == expected


def test_phrases_may_be_parts_of_words_when_asked() -> None:
    assert found(["net"], "network", whole_words=False) == ["net"]


def test_capitals_count_when_asked() -> None:
    assert found(["Rex"], "rex", ignore_case=False) == []


def test_an_empty_phrase_is_refused() -> None:
    with pytest.raises(ValueError, match="empty phrase"):
        phrase_pattern([" "])


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One. ", "Two! ", "Three?"]),
        ("It is 3.5 m. Yes.", ["It is 3.5 m. ", "Yes."]),
        ("Use fruit, e.g. apples. Done.", ["Use fruit, e.g. apples. ", "Done."]),
        ("See Dr. Who now.", ["See Dr. Who now."]),
        ("Ask John F. Kennedy.", ["Ask John F. Kennedy."]),
        ("1. First. 2. Second.", ["1. First. ", "2. Second."]),
        ('He said "No." Then he left.', ['He said "No." ', "Then he left."]),
        ("end.\n\nnext", ["end.\n\n", "next"]),
        ("Wait... what? Oh.", ["Wait... what? ", "Oh."]),
    ],
)
def test_sentences_end_where_people_end_them(text: str, sentences: list[str]) -> None:
    bounds = [0, *sentence_starts(text), len(text)]
    assert [text[start:end] for start, end in pairwise(bounds)] == sentences


def test_long_runs_of_full_stops_take_no_time() -> None:
    assert list(sentence_starts("." * 100_000)) == []
