"""What a text says of something that is or is not, and all that it does not say clearly."""

from __future__ import annotations

import pytest

from stepflow.texts.flags import read_flag
from stepflow.texts.windows import lie_apart


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("breakfast", "a room with breakfast", True),
        ("breakfast", "a room without breakfast", False),
        ("breakfast", "a room, no breakfast please", False),
        ("breakfast", "breakfast: yes", True),
        ("breakfast", "breakfast = off", False),
        ("breakfast", "a room, breakfast included", True),
        ("breakfast", "I do not want breakfast", False),
        ("breakfast", "don't include breakfast", False),
        ("include breakfast", "please include breakfast", True),
        ("urgent", "an urgent message to Ann", True),
        ("is urgent", "a message that is urgent", True),
        ("urgent", "a message, not urgent", False),
        ("non stop", "a non-stop flight", True),
        ("direct", "not a direct flight", False),
        ("wifi", "with parking but no wifi", False),
        ("wifi", "with parking and wifi", True),
        ("breakfast", "a room", None),
        ("breakfast", "not without breakfast", None),
        ("breakfast", "with breakfast if it is cheap", None),
        ("breakfast", "with breakfast, if it is cheap", None),
        ("breakfast", "if possible with breakfast", None),
        ("breakfast", "with breakfast or dinner", None),
        ("breakfast", "without dinner or breakfast", None),
        ("breakfast", "with breakfast table", None),
        ("breakfast", "no problem with breakfast", None),
        ("breakfast", "with breakfast, but without breakfast", None),
        ("breakfast", "breakfast is not needed", None),
        ("breakfast", "breakfast: maybe", None),
        ("wifi", "without parking and wifi", None),
        ("fast", "with breakfast", None),
    ],
)
def test_a_flag_is_read_only_where_the_text_is_clear(name: str, text: str, said: bool | None) -> None:
    assert read_flag(name.split(), text) is said


@pytest.mark.parametrize(
    ("groups", "apart"),
    [
        ([], True),
        ([[[(0, 1)], [(2, 3)]], [[(4, 5)], [(6, 7)]]], True),
        ([[[(0, 1)], [(6, 7)]], [[(4, 5)], [(2, 3)]]], False),
        ([[[(0, 1), (4, 5)], [(2, 3)]], [[(0, 1), (4, 5)], [(6, 7)]]], True),
        ([[[]], [[(0, 1)]]], False),
        ([[[(at, at + 1) for at in range(20)]] for _ in range(21)], False),
        ([[[(at, at + 1) for at in range(60)] for _ in range(4)]], False),
    ],
)
def test_groups_lie_apart_when_each_has_a_stretch_of_its_own(
    groups: list[list[list[tuple[int, int]]]], apart: bool
) -> None:
    assert lie_apart(groups) is apart
