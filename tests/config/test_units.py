from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from stepflow.config.scalars import ExactFloat
from stepflow.config.units import Duration, Size, duration, size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("5m", 300), ("2h", 7200), ("30d", 2_592_000), ("1w", 604_800), ("250ms", 0.25), ("1h30m", 5400),
     ("1h 30m", 5400), (" 1.5 h ", 5400), ("0s", 0), ("0.1s", 0.1), ("5M", 300)],
)  # fmt: skip
def test_a_duration_is_read_as_seconds(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1GiB", 1 << 30), ("500MB", 500_000_000), ("64KiB", 65536), ("64kib", 65536), ("10B", 10), ("1.5 KiB", 1536),
     ("1TB", 10**12)],
)  # fmt: skip
def test_a_size_is_read_as_bytes(text, amount):
    assert size(text) == amount
    assert type(size(text)) is int


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (60, "a duration needs a number and a unit, as in '60s', '5m', '2h' or '30d', not '60'"),
        (ExactFloat("0.50"), "not '0.50'"),
        ("60", "not '60'"),
        ("", "not ''"),
        (None, "not ''"),
        ([1], "needs a number and a unit"),
        ("5y", "'y' is not a unit of duration"),
        ("5m5m", "the same unit twice"),
        ("-5m", "'-5m' is not a duration"),
        ("soon", "'soon' is not a duration"),
        ("5m later", "is not a duration"),
    ],
)
def test_what_is_not_a_duration_is_refused_with_a_reason(text, reason):
    with pytest.raises(ValueError, match=r"duration|unit") as caught:
        duration(text)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (1024, "a size needs a number and a unit, as in '64KiB', '500MB' or '1GiB', not '1024'"),
        ("1K", "'k' is not a unit of size"),
        ("1GiB 5MB", "a size is one number with one unit"),
    ],
)
def test_what_is_not_a_size_is_refused_with_a_reason(text, reason):
    with pytest.raises(ValueError, match="size") as caught:
        size(text)
    assert reason in str(caught.value)


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_a_whole_amount_is_exact(amount, unit):
    factor = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert duration(f"{amount}{unit}") == pytest.approx(amount * factor, rel=1e-15)


@given(st.text(max_size=8))
def test_any_text_is_read_or_refused(text):
    for read in (duration, size):
        with suppress(ValueError):
            assert read(text) >= 0


def test_the_annotated_types_read_text_and_tell_editors_so():
    assert TypeAdapter(Duration).validate_python("5m", strict=True) == 300.0
    assert TypeAdapter(Size).validate_python("1KiB", strict=True) == 1024
    assert TypeAdapter(Duration).json_schema()["type"] == "string"
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(5, strict=True)
