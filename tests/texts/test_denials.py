"""Words by which a text denies something: what is one, and what only looks like one."""

from __future__ import annotations

import pytest

from stepflow.texts.denials import find_denials


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a table, under no circumstances outside", ["no"]),
        ("anything but Rome", ["but"]),
        ("any city save Rome", ["any city save"]),
        ("at home, save for Sunday", ["save for"]),
        ("anyone other than Ann", ["other than"]),
        ("a seat rather than a bed", ["rather than"]),
        ("please steer clear of smokers", ["steer clear"]),
        ("keep it well away from the door", ["keep it well away"]),
        ("stay off the motorway", ["stay off"]),
        ("leave the onions out", ["leave the onions out"]),
        ("hold the onions", ["hold the"]),
        ("Don’t book it, I can't", ["don’t", "can't"]),
        ("dont book it", ["dont"]),
        ("neither Rome nor Oslo", ["neither", "nor"]),
        ("a smoke-free room, non-stop", ["-free", "non"]),
        ("free of charge", ["free of"]),
        ("a hotel outside Rome", ["outside"]),
        ("I am allergic to nuts", ["allergic"]),
        ("everything except Sundays, excluding May", ["except", "excluding"]),
        ("five minus two", ["minus"]),
        ("stop, forget it, scratch that", ["stop", "forget", "scratch that"]),
        ("unless it rains", ["unless"]),
        ("barring rain, sans sugar, against it", ["barring", "sans", "against"]),
    ],
)
def test_a_denial_is_found_in_whatever_words(text: str, found: list[str]) -> None:
    assert [text[start:end].lower() for start, end in find_denials(text)] == found


@pytest.mark.parametrize(
    "text",
    [
        "Book from Rome to Oslo on 4 March for 3 days",
        "Room no. 5, a notebook, Norway and nonsense",
        "save the file with butter",
        "two free tickets, a table outside",
        'remind me to say "not today, but never"',
        "add the note ‘no onions’",
        "knock and notice",
    ],
)
def test_other_words_and_what_stands_in_quotes_deny_nothing(text: str) -> None:
    assert [text[start:end] for start, end in find_denials(text)] == []
