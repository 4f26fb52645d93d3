from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.texts.times import find_times, is_plain, read_time, written_like


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("09:05", "09:05"), ("9:05", "09:05"), ("21:40", "21:40"), ("9 am", "09:00"), ("9:05 p.m.", "21:05"),
        ("12:30 am", "00:30"), ("12 pm", "12:00"), ("noon", "12:00"), ("12 midnight", "00:00"), ("9PM", "21:00"),
        ("12:00 midnight", "00:00"),
    ],
)  # fmt: skip
def test_a_time_is_written_in_24_hours(text: str, time: str) -> None:
    assert read_time(text) == time


@pytest.mark.parametrize(
    "text",
    [
        "25:10", "20:70", "24:00", "13 pm", "0:30 am", "21:40 pm", "9:5", "9:05:30", "9:05-10:00", "9:05 – 10:00",
        "9 to 11 am", "9-11 am", "2:30 hours", "John 3:16", "ratio of 3:16", "9.05 pm", "9:05 UTC", "9:05 CET",
        "9:05 Pacific Time", "9:05 utc", "9 am est",
        "9:05 in the evening", "quarter to 9 am", "half past 9 am", "9:05 or 10", "123:05", "9:05 o'clock", "-9:05",
    ],
)  # fmt: skip
def test_a_time_in_doubt_is_found_with_its_reason(text: str) -> None:
    assert any(doubt for *_, doubt in find_times(text))
    with pytest.raises(ValueError, match=r".+"):
        read_time(text)


@pytest.mark.parametrize("text", ["9", "this afternoon", "5 amps", "half past nine"])
def test_other_text_holds_no_time(text: str) -> None:
    assert list(find_times(text)) == []


def test_two_times_are_two() -> None:
    found = list(find_times("It leaves at 9:05 but stops at 10 a.m. and goes on to 11:00."))
    assert [(time, doubt) for _, _, time, doubt in found] == [("09:05", ""), ("10:00", ""), ("11:00", "")]


@given(
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["9 am", "9am", "09:05 PM", "9:05 p.m.", "noon", "12 midnight", "9:05", "09:05", "21:40", "3P.M."]),
)
def test_a_time_in_the_form_of_another_is_the_same_time(hour: int, minute: int, written: str) -> None:
    time = f"{hour:02}:{minute:02}"
    assert is_plain(time)
    assert read_time(written_like(time, written)) == time


@pytest.mark.parametrize(
    ("time", "written", "text"),
    [
        ("15:30", "9 am", "3:30 pm"), ("15:00", "9 am", "3 pm"), ("15:00", "9:05 AM", "3:00 PM"),
        ("03:30", "9:05p.m.", "3:30a.m."), ("03:30", "09:05 pm", "03:30 am"), ("15:30", "9:05", "15:30"),
        ("03:30", "9:05", "3:30"), ("03:30", "09:05", "03:30"), ("00:30", "noon", "12:30 am"),
    ],
)  # fmt: skip
def test_a_time_takes_the_form_of_another(time: str, written: str, text: str) -> None:
    assert written_like(time, written) == text
