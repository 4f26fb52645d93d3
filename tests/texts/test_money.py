from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from stepflow.texts.money import find_money, read_money


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("$5", 5, "USD"),
        ("US$ 5", 5, "USD"),
        ("C$5", 5, "CAD"),
        ("$5 CAD", 5, "CAD"),
        ("€1,200.50", Fraction(2401, 2), "EUR"),
        ("5€", 5, "EUR"),
        ("5 USD", 5, "USD"),
        ("CHF 20", 20, "CHF"),
        ("twelve euros", 12, "EUR"),
        ("5 Canadian dollars", 5, "CAD"),
        ("£2 million", 2_000_000, "GBP"),
        ("5 dollars and 20 cents", Fraction(26, 5), "USD"),
        ("5 euros 5 cents", Fraction(101, 20), "EUR"),
    ],
)
def test_an_amount_is_exact_and_has_its_currency(text: str, amount: Any, currency: str) -> None:
    assert read_money(text) == {"amount": amount, "currency": currency}
    assert list(find_money(f"Pay {text}.")) == [(4, 4 + len(text), read_money(text))]


@pytest.mark.parametrize(
    "text",
    ["$5k", "$5M", "$5million", "$5-$10", "$5 to $10", "between $5 and $10", "X$5", "50 cents", "-$5", "€1.234,56",
     "€5,50", "1'200 CHF", "€5 USD", "5 dollars and 120 cents", "$5+", "$ -5"],
)  # fmt: skip
def test_an_amount_that_is_not_certain_is_found_with_its_reason(text: str) -> None:
    assert any(isinstance(found, str) for _, _, found in find_money(text))
    with pytest.raises(ValueError, match=r".+"):
        read_money(text)


@pytest.mark.parametrize("text", ["5", "5 pounds of flour", "15%", "5 zlotych", "5 dollarstore"])
def test_a_number_without_a_certain_currency_is_no_money(text: str) -> None:
    assert list(find_money(text)) == []


def test_a_bare_dollar_is_what_it_is_said_to_be() -> None:
    assert read_money("$5", "AUD") == {"amount": 5, "currency": "AUD"}
    assert read_money("5 US dollars", "AUD") == {"amount": 5, "currency": "USD"}
