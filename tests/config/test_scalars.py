import copy
import math
import pickle
from fractions import Fraction

import pytest

from stepflow.config.scalars import ExactFloat, NumberTooLarge, resolve
from stepflow.values import exact

CORE = [
    ("no", "no"),
    ("on", "on"),
    ("yes", "yes"),
    ("off", "off"),
    ("y", "y"),
    ("12:30", "12:30"),
    ("12:30:45", "12:30:45"),
    ("2026-01-02", "2026-01-02"),
    ("1_000", "1_000"),
    ("1,000", "1,000"),
    ("0b11", "0b11"),
    ("-0x1F", "-0x1F"),
    ("tRUE", "tRUE"),
    ("nUll", "nUll"),
    ("1.2.3", "1.2.3"),
    (".", "."),
    ("-", "-"),
    ("e3", "e3"),
    ("012", 12),
    ("-7", -7),
    ("+7", 7),
    ("0o17", 15),
    ("0x1F", 31),
    ("true", True),
    ("TRUE", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("", None),
    ("1e3", 1000.0),
    ("0.1", 0.1),
    (".5", 0.5),
    ("1.", 1.0),
    ("-1.5E-2", -0.015),
    (".inf", float("inf")),
    ("-.INF", float("-inf")),
]


@pytest.mark.parametrize(("text", "value"), CORE)
def test_a_plain_scalar_is_what_yaml_1_2_says(text, value):
    resolved = resolve(text)
    assert resolved == value
    assert type(resolved) is (ExactFloat if isinstance(value, float) else type(value))


def test_not_a_number_is_a_number_of_its_own():
    assert math.isnan(resolve(".NaN"))


@pytest.mark.parametrize(
    ("text", "value"), [("0.1", Fraction(1, 10)), ("1609.344", Fraction(201168, 125)), ("1e3", 1000)]
)
def test_a_float_remembers_its_text_and_is_read_exactly(text, value):
    assert exact(resolve(text)) == value


def test_a_float_survives_copying_and_pickling_with_its_text():
    number = ExactFloat("0.10")
    assert [copy.deepcopy(number).text, pickle.loads(pickle.dumps(number)).text] == ["0.10", "0.10"]


@pytest.mark.parametrize("text", ["9" * 401, "1e401", "1e-99999999999", "0." + "1" * 400])
def test_a_number_that_could_exhaust_memory_is_refused(text):
    with pytest.raises(NumberTooLarge, match="at most 400"):
        resolve(text)


def test_a_long_exponent_with_leading_zeros_is_fine():
    assert resolve("1e0000000002") == 100.0
