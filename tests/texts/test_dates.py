from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepflow.texts.dates import MONTHS, WEEKDAYS, find_dates, read_date

DAY = datetime.date(2026, 3, 4)


@pytest.mark.parametrize(
    "text",
    ["2026-03-04", "2026/3/4", "4 March 2026", "4th of March 2026", "March 4, 2026", "Mar. 4 2026", "Wed, 4 March 2026",
     "Wednesday, the 4th of March 2026", "wednesday 4 mar 2026"],
)  # fmt: skip
def test_a_day_is_read_alone_and_in_prose(text: str) -> None:
    assert read_date(f" {text} ") == DAY
    assert list(find_dates(f"It is due {text}.")) == [(10, 10 + len(text), DAY)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("03/04/2026", "may be two dates"),
        ("31 February 2026", "is not a date"),
        ("Monday, 4 March 2026", "that day is a Wednesday"),
        ("March 4", "is not a whole date"),
        ("4th of March", "is not a whole date"),
        ("March 2026", "is not a whole date"),
        ("04.03.26", "is not a whole date"),
        ("2026-03-04T10:00", "is not a whole date"),
    ],
)
def test_what_is_no_certain_day_is_found_with_its_reason(text: str, reason: str) -> None:
    ((_, _, found),) = find_dates(f"due {text} at noon")
    assert reason in str(found)


@pytest.mark.parametrize("text", ["tomorrow", "next Monday", "version 1.2.3", "10 people", "1/2 cup", "May I?", "12.5"])
def test_other_text_holds_no_day(text: str) -> None:
    assert list(find_dates(text)) == []


@given(st.dates(min_value=datetime.date(1000, 1, 1)))
def test_every_day_is_read_back_in_every_form(day: datetime.date) -> None:
    month, weekday = MONTHS[day.month - 1].capitalize(), WEEKDAYS[day.weekday()].capitalize()
    for text in (
        day.isoformat(),
        f"{day.day} {month} {day.year}",
        f"{weekday}, {month} {day.day}, {day.year}",
        f"{weekday[:3]} {day.day} {month[:3]} {day.year}",
    ):
        assert read_date(text) == day
    assert read_date(day.strftime("%d/%m/%Y"), day_first=True) == day
    assert read_date(day.strftime("%m/%d/%Y"), day_first=False) == day
