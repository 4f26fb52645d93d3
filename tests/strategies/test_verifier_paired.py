"""`paired`: of several days, amounts and names in a text the ones that belong together, and all that do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from stepflow.protocols import View
from stepflow.strategies.verifiers import paired

Make = Callable[..., Any]

DAY = r"\d{1,2} (?:March|May|June) \d{4}"
MONEY = r"\d+(?:\.\d+)? EUR"
CAPITALS = r"(?<!\w)(?!(?:The|On|She|EUR|March|May|June|Total)\b)[A-Z]\w+"
KINDS = [
    {"keys": ["born", "date", "start_date", "end_date", "due_date"], "pattern": DAY},
    {"keys": ["amount", "total", "fees", "price"], "pattern": MONEY, "numbers": "too"},
    {"keys": ["name", "city"], "pattern": CAPITALS, "open": True},
    {"keys": ["count"], "numbers": "too"},
    {"keys": ["weight", "height"], "numbers": "only"},
    {"keys": ["time"], "pattern": r"\d{1,2}:\d\d(?: [ap]m)?", "whole": True},
]
WORDS = {"start": "from", "end": "to until", "due": "by", "weight": "weighs kg", "height": "tall"}
TWO = "Ann was born on 3 May 1990 and Bob on 4 June 1985."

PASSES: list[tuple[str, dict[str, Any]]] = [
    (TWO, {"name": "Ann", "born": "3 May 1990"}),
    (TWO, {"name": "Ann", "born": "1990-05-03"}),
    ("On 3 May 1990 Ann came and on 4 June 1985 Bob came.", {"name": "Bob", "date": "4 June 1985"}),
    ("Ann paid 5 EUR on 3 May 1990 and 7 EUR on 4 June 1985", {"name": "Ann", "amount": 7, "date": "4 June 1985"}),
    ("From 3 May 1990 until 4 June 1990", {"start_date": "3 May 1990", "end_date": "4 June 1990"}),
    ("Sent 3 May 1990, due by 4 June 1990", {"date": "3 May 1990", "due_date": "4 June 1990"}),
    ("Total: 30 EUR. Fees: 5 EUR.", {"total": 30, "fees": "5 EUR"}),
    ("The total is 30 EUR, 5 EUR fees included", {"fees": 5}),
    ("The price was 40 EUR, the price is now 30 EUR", {"price": 30}),
    ("5 EUR, or once more 5 EUR", {"amount": 5}),
    ("Ann paid 5 EUR for 2 figs", {"amount": 5, "count": 2}),
    ("Ann paid 5 for figs", {"amount": 5}),
    ("Ann met Bob. She came on 3 May 1990", {"date": "3 May 1990"}),
    ("Ann lives in Rome and Bob in Oslo", {"name": "Bob", "city": "Oslo"}),
    ("She is 180 cm tall and weighs 70 kg", {"weight": 70, "height": "180 cm"}),
    ("She comes at 9:30 pm", {"time": "9:30 pm"}),
    ("Nothing of any kind", {"colour": "red", "name": "Ann"}),
]
FAILS: list[tuple[str, dict[str, Any], str]] = [
    (TWO, {"name": "Bob", "born": "3 May 1990"}, "does not put together"),
    (TWO, {"name": "Ann", "born": "4 June 1985"}, "does not say that this is the born"),
    (TWO + " In Rome.", {"name": "Bob", "born": "3 May 1990"}, "does not say of 'Bob'"),
    ("Ann and Bob were born on 3 May 1990 and 4 June 1985", {"name": "Bob", "born": "3 May 1990"}, "does not say"),
    ("Ann paid 5 EUR on 3 May 1990 and 7 EUR on 4 June 1985", {"amount": 5, "date": "4 June 1985"}, "put together"),
    ("From 3 May 1990 until 4 June 1990", {"start_date": "4 June 1990", "end_date": "3 May 1990"}, "does not say"),
    ("Moved from 3 May 1990 to 4 June 1990", {"date": "3 May 1990"}, "does not say"),
    ("The date 3 May 1990 or 4 June 1990", {"date": "3 May 1990"}, "does not say"),
    ("Total: 30 EUR. Fees: 5 EUR.", {"total": 5}, "does not say that this is the total"),
    ("Not the total of 30 EUR but 5 EUR", {"total": 30}, "does not say"),
    ("The previous price 40 EUR, then 30 EUR", {"price": 40}, "does not say"),
    ("The price was 40 EUR, now 30 EUR", {"price": 40}, "does not say"),
    ("She paid 30 EUR, of it 5 EUR fees", {"amount": 5}, "'30 EUR', '5 EUR'"),
    ("Ann paid 5 EUR for 2 figs", {"amount": 2}, "has '5 EUR'"),
    ("Ann paid 5 EUR for 2 figs", {"count": 5}, "has '2'"),
    ("Ann paid 5 for 2 figs", {"amount": 2}, "'5', '2'"),
    ("Ann met Bob. Bob came on 3 May 1990", {"name": "Ann", "date": "3 May 1990"}, "does not say of 'Ann'"),
    ("Ann met Bob. She came on 3 May 1990", {"name": "Bob", "date": "3 May 1990"}, "does not say of 'Bob'"),
    ("Ann lives in Rome and Bob in Oslo", {"name": "Ann", "city": "Oslo"}, "does not say of 'Ann'"),
    ("She comes at 9:30 pm", {"time": "9:30"}, "has '9:30 pm'"),
    ("She is 180 cm tall and weighs 70 kg", {"weight": 180}, "does not say that this is the weight"),
    ("She is 180 cm tall and weighs 70 kg", {"weight": "180 cm"}, "does not say that this is the weight"),
]


def verdict(make: Make, source: Any, data: Any, kinds: Any = KINDS) -> str | None:
    verifier = make(paired, in_from="source", kinds_from="kinds", words_from="words")
    names = {"source": source, "kinds": kinds, "words": WORDS}
    return verifier.verify(View(data if isinstance(data, str) else json.dumps(data), names))  # type: ignore[no-any-return]


@pytest.mark.parametrize(("source", "data"), PASSES)
def test_values_that_belong_together_pass(make: Make, source: str, data: dict[str, Any]) -> None:
    assert verdict(make, source, data) is None


@pytest.mark.parametrize(("source", "data", "reason"), FAILS)
def test_a_value_of_something_else_fails_by_name(make: Make, source: str, data: dict[str, Any], reason: str) -> None:
    assert reason in (verdict(make, source, data) or "")


def test_a_text_that_is_no_json_fails(make: Make) -> None:
    assert "is not JSON" in (verdict(make, TWO, "Ann") or "")


@pytest.mark.parametrize(("source", "kinds", "reason"), [(3, KINDS, "is no text"), (TWO, "x", "no list of maps")])
def test_names_of_another_type_are_refused(make: Make, source: Any, kinds: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        verdict(make, source, {}, kinds)
