"""Readers of numbers, days, durations, money, quotes, lists and tables: what they read, and what they refuse."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from stepflow.protocols import Groups
from stepflow.strategies.readers import csv, date, duration, markdown_table, money, number, quoted, time
from stepflow.strategies.readers import list as items

Make = Callable[..., Any]

GUESTS = {"units": ["guest", "guests", "people"]}
PRICE = {"labels": ["price", "cost"]}
PERCENT = {"labels": ["discount"], "percent": True}
VAT = {"labels": ["VAT", "VAT rate"], "percent": True, "either_side": True}
FEE = {"labels": ["fee"], "either_side": True}
BREAK = {"labels": ["break"], "either_side": True}
DEPARTURE = {"labels": ["departure", "departs"], "either_side": True}
DEADLINE = {"labels": ["deadline", "due"], "either_side": True}
KEYS = {"after": r"(?i)\bkeys\b"}
TABLE = "| a | b |\n|---|---|\n| 1 | 2 |"

READS: list[tuple[Any, dict[str, Any], str, list[tuple[str, Any]]]] = [
    (number, {}, "add 5 and twenty-five", [("5", 5), ("twenty-five", 25)]),
    (number, GUESTS, "12 guests at 8 for 3 hours", [("12", 12)]),
    (number, GUESTS, "at 8, twelve people", [("twelve", 12)]),
    (number, GUESTS, "a 5-guest party, 5guests", [("5", 5), ("5", 5)]),
    (number, GUESTS, "no people, 5 young people, 2 dozen people, 5% people, people: 5", []),
    (number, PRICE, "the price is $5 for 3", [("5", 5)]),
    (number, PRICE, "cost = 1,200.50; price: 7", [("1,200.50", Fraction(2401, 2)), ("7", 7)]),
    (number, PRICE, "the price of 5 apples is about 10, priceless 5, price is 15%", []),
    (number, PRICE, "price of 5 dollars", [("5", 5)]),
    (number, PERCENT, "discount of 15%, discount: 5 percent", [("15%", 15), ("5 percent", 5)]),
    (number, PERCENT, "a discount of 15, 15% of something else, discount 5 to 10%", []),
    (number, VAT, "VAT of 20%, 10% discount, a 7 % VAT, vat: 5 percent, 8% VAT rate is low", [
        ("20%", 20), ("7 %", 7), ("5 percent", 5), ("8%", 8),
    ]),
    (number, VAT, "20%, VAT included, 20% of VAT, VAT for 20%, 20% private VAT", []),
    (number, {"labels": ["fee"], "either_side": True, "units": ["euros"]}, "a 5 euros fee for 3; fee: 7 euros, fee 9", [
        ("5", 5), ("7", 7),
    ]),
    (number, {"labels": ["fee"], "either_side": True, "before": "euros"}, "a 5 euros fee, 6 fee", [("5", 5)]),
    (number, {"after": "from"}, "from 5 to 10", [("5", 5)]),
    (number, {"after": "to"}, "from 5 to 10", [("10", 10)]),
    (number, {**GUESTS, "after": "to"}, "from 5 to 10 guests", [("10", 10)]),
    (number, {"after": "from", "units": ["cups"]}, "from 1 1/2 cups to 2 cups", [("1 1/2", Fraction(3, 2))]),
    (number, {"before": r"x\b"}, "5 x 3", [("5", 5)]),
    (money, FEE, "the fee is $5, a 6 euros fee; $7, fee: 8 USD", [
        ("$5", {"amount": 5, "currency": "USD"}), ("6 euros", {"amount": 6, "currency": "EUR"}),
        ("8 USD", {"amount": 8, "currency": "USD"}),
    ]),
    (money, {"labels": ["fee"]}, "a $5 fee, a fee of $6", [("$6", {"amount": 6, "currency": "USD"})]),
    (duration, BREAK, "a film of 2 hours, a break of 5 minutes, a 20-minute break", [
        ("5 minutes", {"months": 0, "seconds": 300}), ("20-minute", {"months": 0, "seconds": 1200}),
    ]),
    (number, {**GUESTS, "after": "at least"}, "at least 5 guests", [("5", 5)]),
    (number, {"table": "units", "with_unit": True}, "5km and 2 m", [
        ("5km", {"value": "5", "unit": "kilometre"}), ("2 m", {"value": "2", "unit": "metre"}),
    ]),
    (date, {}, "due 4 March 2026.", [("4 March 2026", datetime.date(2026, 3, 4))]),
    (date, {"after": "until"}, "from 03/04/2026 until 2026-05-01", [("2026-05-01", datetime.date(2026, 5, 1))]),
    (date, {"before": "is a holiday"}, "2026-05-01 is a holiday", [("2026-05-01", datetime.date(2026, 5, 1))]),
    (date, {"day_first": True}, "03/04/2026", [("03/04/2026", datetime.date(2026, 4, 3))]),
    (date, DEADLINE, "sent 1 March 2026, the deadline is on Monday, 4 May 2026", [
        ("Monday, 4 May 2026", datetime.date(2026, 5, 4)),
    ]),
    (date, DEADLINE, "due by 2026-05-04; a 4 May 2026 deadline; 5 May 2026", [
        ("2026-05-04", datetime.date(2026, 5, 4)), ("4 May 2026", datetime.date(2026, 5, 4)),
    ]),
    (date, {"labels": ["deadline"]}, "the 4 May 2026 deadline, 03/04/2026", []),
    (date, {"after": "not"}, "not 4 May 2026", [("4 May 2026", datetime.date(2026, 5, 4))]),
    (date, {"after": "from"}, "from tomorrow until 2026-05-01", []),
    (time, {}, "from 9:05 to 10 p.m., 5 trains, half past nine", [("9:05", "09:05"), ("10 p.m.", "22:00")]),
    (time, DEPARTURE, "It departs at 9:05 and arrives at 10:30.", [("9:05", "09:05")]),
    (time, DEPARTURE, "the 9:05 pm departure, and arrival at 25:10", [("9:05 pm", "21:05")]),
    (time, {"after": r"\bby"}, "leave at 9:05 and be there by 10:30", [("10:30", "10:30")]),
    (time, {"before": r"sharp\b"}, "9:05, 10:30 sharp", [("10:30", "10:30")]),
    (duration, {}, "takes 1 h 30 min", [("1 h 30 min", {"months": 0, "seconds": 5400})]),
    (duration, {"after": "rest"}, "work 2-3 hours, rest 5 min", [("5 min", {"months": 0, "seconds": 300})]),
    (money, {"after": "budget is"}, "cost $5k, budget is €6.", [("€6", {"amount": 6, "currency": "EUR"})]),
    (money, {"dollar": "CAD"}, "$5", [("$5", {"amount": 5, "currency": "CAD"})]),
    (quoted, {}, """say "hello ", `x` and 'it's'""", [('"hello "', "hello "), ("`x`", "x"), ("'it's'", "it's")]),
    (quoted, {"marks": ["double"]}, "“a” «b» `c`", [("“a”", "a"), ("«b»", "b")]),
    (quoted, {"after": "titled"}, 'in "a", titled "b"', [('"b"', "b")]),
    (quoted, {}, 'don\'t, the dogs\' "a \\"b\\""', [('"a \\"b\\""', 'a "b"')]),
    (quoted, {}, '```\n"a"\n```\n``b`c``', [("``b`c``", "b`c")]),
    (items, KEYS, "with keys name, age and city. No more, please.", [("name, age and city", ("name", "age", "city"))]),
    (items, KEYS, 'keys: `first name`, "c, d" & e', [('`first name`, "c, d" & e', ("first name", "c, d", "e"))]),
    (items, KEYS, "keys salt and pepper, milk, and eggs", [
        ("salt and pepper, milk, and eggs", ("salt and pepper", "milk", "eggs")),
    ]),
    (items, KEYS, "keys name (first, last), age", [("name (first, last), age", ("name (first, last)", "age"))]),
    (items, KEYS, "keys:\n- name\n- age\n  in years\n\n- city\nDone", [
        ("name\n- age\n  in years\n\n- city", ("name", "age in years", "city")),
    ]),
    (items, KEYS, "keys\n1. a\n2) b\n\nThen, c", [("a\n2) b", ("a", "b"))]),
    (items, {**KEYS, "until": "in that order"}, "keys a, b in that order", [("a, b", ("a", "b"))]),
    (items, KEYS, "keys. Nothing", []),
    (csv, {}, "Sum:\n\na,b\n1,2\n\nThanks", [("a,b\n1,2", ({"a": "1", "b": "2"},))]),
    (csv, {}, "```csv\na,b\n1,2\n```", [("a,b\n1,2", ({"a": "1", "b": "2"},))]),
    (csv, {"columns": ["a", "b"]}, "Hi, you\nbye, you\n\na,b\n1,2", [("a,b\n1,2", ({"a": "1", "b": "2"},))]),
    (csv, {"delimiter": ";"}, 'a;b\n"x;y";2', [('a;b\n"x;y";2', ({"a": "x;y", "b": "2"},))]),
    (markdown_table, {}, f"Sum:\n{TABLE}\nThanks", [(TABLE, ({"a": "1", "b": "2"},))]),
    (markdown_table, {"columns": ["b", "a"]}, TABLE, []),
]  # fmt: skip

REFUSES: list[tuple[Any, dict[str, Any], str, str]] = [
    (number, {}, "15% of 80", "is a percentage"),
    (number, {}, "run 5km", "letters directly behind"),
    (number, {}, "at 10:30", "part of"),
    (number, {}, "5 - 3", "negative number or a subtraction"),
    (number, GUESTS, "5 or 6 people", "range or a choice"),
    (number, GUESTS, "5 to 10 guests", "range or a choice"),
    (number, GUESTS, "5-10 guests", "part of something longer"),
    (number, GUESTS, "1.234,56 people", "part of something longer"),
    (number, PRICE, "price: 5 to 10", "range or a choice"),
    *((number, GUESTS, text, "exactly how much") for text in (
        "at least 5 guests", "no more than 5 guests", "not 5 guests", "up to 5 guests", "about 5 guests",
        "over 5 guests", "5 guests or more", "5 guests at most", "another 5 guests", "> 5 guests",
    )),
    (number, PRICE, "price: 5 or less", "exactly how much"),
    (number, {}, "add 5+", "exactly how much"),
    (number, {"before": " ?euros"}, "5 euros or more", "exactly how much"),
    (number, {"before": " ?or more"}, "5 or more", "exactly how much"),
    (money, FEE, "a $5 fee discount", "may be of something else"),
    (money, FEE, "$5 fee $3", "'\\$5 fee \\$3' the label may belong to either"),
    (money, FEE, "a $5-$7 fee", "range or a choice"),
    (money, FEE, "a $5 fee at most", "exactly how much"),
    (money, FEE, "a fee of $5k", "part of"),
    (duration, BREAK, "a 2 hours break or more", "exactly how much"),
    (duration, BREAK, "1 hour break 2 hours", "may belong to either"),
    (duration, BREAK, "a 20-minute break room", "may be of something else"),
    (number, VAT, "discount 10% VAT 20%", "'10% VAT 20%' the label may belong to either"),
    (number, VAT, "VAT 20% VAT 10%", "may belong to either"),
    (number, VAT, "a 10% VAT cut", "'10% VAT cut' may be of something else"),
    (number, VAT, "discount 10% VAT included", "may be of something else"),
    (number, VAT, "10% VAT is included", "may be of something else"),
    (number, VAT, "10% or 20% VAT", "range or a choice"),
    (number, VAT, "10% VAT or more", "exactly how much"),
    (number, VAT, "no 10% VAT", "exactly how much"),
    (number, {"labels": ["VAT"], "either_side": True}, "5VAT", "letters directly behind"),
    (time, {}, "at 25:10", "there is no time '25:10'"),
    (time, {}, "about 9:05", "exactly"),
    (time, {}, "9:05-10:30", "one end of a range"),
    (time, {}, "9:05 CET", "time zone"),
    (time, DEPARTURE, "9:05 departure 10:30", "may belong to either"),
    (duration, {}, "about 2 hours", "exactly how much"),
    (money, {}, "under $50", "exactly how much"),
    (date, {}, "from March 4 until 5 May 2026", "not a whole date"),
    (date, {"after": "from"}, "from 03/04/2026", "two dates"),
    (date, DEADLINE, "deadline: 4 May 2026 or 5 May 2026", "range or a choice"),
    (date, DEADLINE, "deadline: 2026-05-04 – 2026-05-05", "range or a choice"),
    (date, {}, "not 4 May 2026", "exactly"),
    (date, DEADLINE, "deadline: 4 May 2026 or later", "exactly"),
    (date, DEADLINE, "4 May 2026 deadline 5 May 2026", "may belong to either"),
    (date, DEADLINE, "a 4 May 2026 deadline extension", "may be of something else"),
    (date, DEADLINE, "deadline 03/04/2026", "two dates"),
    (duration, {}, "an hour and 30 minutes", "part of a longer"),
    (money, {}, "$5-$10", "range or a choice"),
    (quoted, {}, 'a 5" pipe', "without a partner"),
    (quoted, {}, '"a" "b', "without a partner"),
    (quoted, {"marks": ["backtick"]}, "`a` `b", "without a partner"),
    (items, KEYS, "keys name and age, city and zip", "may separate"),
    (items, KEYS, "keys a, b, and c and d", "may separate"),
    (items, KEYS, "keys name, age, but not city", "not in the list"),
    (items, KEYS, "keys name, age without city", "not in the list"),
    (items, KEYS, "keys:\n- name\n- no age", "not in the list"),
    (items, KEYS, "keys a, , b", "is empty"),
    (items, KEYS, 'keys "a, b', "without a partner"),
    (items, KEYS, "keys a, (b", "does not close"),
    (items, {**KEYS, "item": r"\w+"}, "keys a, b as JSON", "say so with `until`"),
    (items, {**KEYS, "item": r"\w+", "until": "$"}, "keys a, b as JSON", r"/\\w\+/$"),
    (csv, {}, "a,a\n1,2", "stands there twice"),
    (markdown_table, {}, "| a | b |\n|---|---|\n| 1 |", "1 fields"),
]  # fmt: skip


def read(reader: Any, text: str) -> list[tuple[str, Any]]:
    return [(text[found.start : found.end], found.raw) for found in reader.read(text)]


@pytest.mark.parametrize(("plug", "options", "text", "expected"), READS)
def test_a_reader_finds(make: Make, plug: Any, options: dict[str, Any], text: str, expected: Any) -> None:
    assert read(make(plug, **options), text) == expected


@pytest.mark.parametrize(("plug", "options", "text", "reason"), REFUSES)
def test_a_reader_refuses_what_it_would_read_only_in_part(
    make: Make, plug: Any, options: dict[str, Any], text: str, reason: str
) -> None:
    reader = make(plug, **options)
    with pytest.raises(ValueError, match=reason):
        read(reader, text)


def test_a_number_with_its_unit_is_groups_so_that_the_value_is_converted(make: Make) -> None:
    (found,) = make(number, units=["km"], with_unit=True).read("1,200 km")
    assert isinstance(found.raw, Groups)
    assert found.raw["value"] == "1200"


@pytest.mark.parametrize(
    ("plug", "options"),
    [
        (number, {"units": ["m"], "table": "units"}),
        (number, {"with_unit": True}),
        (number, {"either_side": True}),
        (number, {"units": [" "]}),
        (quoted, {"marks": []}),
        (csv, {"delimiter": '"'}),
        (csv, {"delimiter": ",,"}),
        (money, {"dollar": "dollars"}),
        (money, {"either_side": True}),
        (money, {"labels": [""]}),
        (duration, {"either_side": True}),
        (items, {}),
    ],
)
def test_options_that_make_no_sense_are_refused(plug: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        plug.Options.model_validate(options)
