from __future__ import annotations

import pytest

from stepflow.texts.durations import find_durations, read_duration


@pytest.mark.parametrize(
    ("text", "months", "seconds"),
    [
        ("90 minutes", 0, 5400),
        ("1 h 30 min", 0, 5400),
        ("1h30m", 0, 5400),
        ("1.5 hours", 0, 5400),
        ("one and a half hours", 0, 5400),
        ("half an hour", 0, 1800),
        ("a quarter of an hour"[2:], 0, 900),
        ("2 weeks and 3 days", 0, 17 * 86_400),
        ("2 hours, 5 minutes and 1 second", 0, 7501),
        ("3 months", 3, 0),
        ("1.5 years", 18, 0),
        ("one year, 2 months and 5 days", 14, 5 * 86_400),
        ("30s", 0, 30),
    ],
)
def test_a_duration_is_exact(text: str, months: int, seconds: int) -> None:
    assert read_duration(text) == {"months": months, "seconds": seconds}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2-3 hours", "range"),
        ("2 to 3 hours", "range"),
        ("an hour and 30 minutes", "part of a longer"),
        ("2 hours and a half", "part of a longer"),
        ("2 and a half hours", "part of a longer"),
        ("5m", "may be minutes, months or metres"),
        ("5 m", "may be minutes, months or metres"),
        ("1:30 hours", "part of something longer"),
        ("1.234,5 hours", "part of something longer"),
        ("minus 5 hours", "negative"),
        ("1.3 months", "whole number of months"),
    ],
)
def test_a_duration_that_is_not_certain_is_found_with_its_reason(text: str, reason: str) -> None:
    assert any(reason in str(found) for _, _, found in find_durations(text))
    with pytest.raises(ValueError, match=r".+"):
        read_duration(text)


@pytest.mark.parametrize(
    "text", ["an hour", "5 business days", "5 metres", "a second try", "5 hourglasses", "15% hours"]
)
def test_other_text_holds_no_duration(text: str) -> None:
    assert list(find_durations(text)) == []


def test_two_durations_are_two() -> None:
    found = [duration for _, _, duration in find_durations("Work 2 hours; rest 10 minutes.")]
    assert found == [{"months": 0, "seconds": 7200}, {"months": 0, "seconds": 600}]
