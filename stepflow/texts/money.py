"""Amounts of money as people write them: $5 · €1,200.50 · 5 USD · 12 euros · 5 dollars and 20 cents · £2 million.

An amount is a map of `amount` (exact) and `currency` (three capital letters).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction

from stepflow.texts.quantities import Quantity, quantities
from stepflow.values import Number, normal

Money = dict[str, Number | str]

DOLLAR = "$"
"""What a bare dollar stands for until the caller says which dollar it is."""

_CODES = (
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KES KRW MAD MXN MYR NGN "
    "NOK NZD PEN PHP PKR PLN RON RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
)
_SIGNS: Mapping[str, str] = {
    "$": DOLLAR, "US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD", "HK$": "HKD",
    "S$": "SGD", "R$": "BRL", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY",
    "₪": "ILS", "₫": "VND", "₴": "UAH", "₱": "PHP", "zł": "PLN",
}  # fmt: skip
_WORDS: Mapping[str, str] = {
    "dollar": DOLLAR, "US dollar": "USD", "Canadian dollar": "CAD", "Australian dollar": "AUD", "buck": DOLLAR,
    "New Zealand dollar": "NZD", "Hong Kong dollar": "HKD", "Singapore dollar": "SGD", "euro": "EUR",
    "British pound": "GBP", "pound sterling": "GBP", "Swiss franc": "CHF", "yen": "JPY", "rupee": "INR",
}  # fmt: skip
_NAMES: Mapping[str, str] = {
    **{code.casefold(): code for code in _CODES.split()},
    **{sign.casefold(): code for sign, code in _SIGNS.items()},
    **{word.casefold(): code for word, code in _WORDS.items()},
}
_DOLLARS = {"USD", "CAD", "AUD", "NZD", "HKD", "SGD"}
_CENTS = {DOLLAR, "EUR", *_DOLLARS}


def _either(names: Mapping[str, str] | list[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_CODE = _either(_CODES.split())
_BEFORE = re.compile(rf"(?:(?<![^\W\d_])(?P<code>{_CODE})[ \t]?|(?P<sign>{_either(_SIGNS)})[ \t]?)\Z")
_BEHIND = re.compile(
    rf"[ \t-]?(?:(?P<code>{_CODE})(?!\w)|(?P<sign>{_either(_SIGNS)})(?!\w)"
    rf"|(?P<word>(?i:{_either(_WORDS)}))(?:s(?!\w)|(?!\w)))"
)
_LINK = re.compile(r"[ \t]*(?:\band\b|,)?[ \t]*", re.IGNORECASE)
_CENT_WORD = re.compile(r"[ \t-]?(?:cents?(?!\w)|¢)", re.IGNORECASE)
_SCALED = re.compile(r"[ \t]?(?:[kKmM]|bn|mn|mio|mm)(?!\w)|[^\W\d_]|[ \t]*\+")
_MINUS_BEFORE = re.compile(r"[-−–][ \t]?\Z")


def read_money(text: str, dollar: str = "USD") -> Money:
    """The amount that the whole text is; `dollar` is what a bare dollar is. Raises `ValueError`."""
    stripped = text.strip()
    for start, end, money in find_money(stripped, dollar):
        if isinstance(money, str):
            raise ValueError(money)
        if (start, end) == (0, len(stripped)):
            return money
    raise ValueError(f"{stripped!r} is not an amount of money; write it as 12.50 EUR")


def find_money(text: str, dollar: str = "USD") -> Iterator[tuple[int, int, Money | str]]:
    """Every amount in the text as (start, end, amount), left to right; in its place, why it cannot be read."""
    found = quantities(text)
    position = 0
    for index, quantity in enumerate(found):
        if quantity.start < position:
            continue
        place = _place(text, quantity)
        if place is None:
            cents = _CENT_WORD.match(text, quantity.end)
            if cents:
                yield quantity.start, cents.end(), f"{text[quantity.start : cents.end()]!r} names no currency"
            continue
        start, position, currency, doubt = place
        amount = Fraction(quantity.value)
        follower = found[index + 1] if index + 1 < len(found) else None
        cents = _cents(text, position, follower) if currency in _CENTS else None
        if cents and follower is not None:
            doubt = doubt or follower.doubt or _wrong_cents(text, quantity, follower)
            amount, position = amount + Fraction(follower.value) / 100, cents.end()
        code = dollar if currency == DOLLAR else currency
        yield start, position, doubt or {"amount": normal(amount), "currency": code}


def _place(text: str, quantity: Quantity) -> tuple[int, int, str, str] | None:
    """Start, end, currency and doubt of the amount that a number is; None when no currency stands beside it."""
    before = _BEFORE.search(text, max(0, quantity.start - 5), quantity.start)
    behind = _BEHIND.match(text, quantity.end)
    currencies = {_currency(match) for match in (before, behind) if match}
    if currencies & _DOLLARS:  # '$5 CAD' says which dollar
        currencies -= {DOLLAR}
    if not currencies or quantity.percent:
        return None
    start = before.start() if before else quantity.start
    end = behind.end() if behind else quantity.end
    return start, end, min(currencies), _doubt(text, quantity, (start, end), currencies, behind is not None)


def _doubt(text: str, quantity: Quantity, span: tuple[int, int], currencies: set[str], has_unit: bool) -> str:
    start, end = span
    written = text[start:end]
    if len(currencies) > 1:
        return f"{written!r} names two currencies"
    if quantity.in_range:
        return f"{written!r} is one end of a range or a choice"
    if quantity.value < 0 or _MINUS_BEFORE.search(text, max(0, start - 2), start):
        return f"{written!r} may be negative"
    if start and (text[start - 1].isalnum() or text[start - 1] in "$€£"):
        return f"{written!r} is only part of something longer"
    scaled = None if has_unit else _SCALED.match(text, end)
    return quantity.doubt or (f"{written!r} is only part of {text[start : scaled.end()]!r}" if scaled else "")


def _currency(match: re.Match[str]) -> str:
    written = next(found for found in match.groupdict().values() if found)
    return _NAMES[written.casefold()]


def _cents(text: str, end: int, follower: Quantity | None) -> re.Match[str] | None:
    """The word 'cents' behind the next number, when that number goes on with this amount."""
    if follower is None or not _LINK.fullmatch(text, end, follower.start):
        return None
    return _CENT_WORD.match(text, follower.end)


def _wrong_cents(text: str, quantity: Quantity, cents: Quantity) -> str:
    whole = isinstance(quantity.value, int) and isinstance(cents.value, int) and 0 <= cents.value < 100
    return "" if whole else f"{text[quantity.start : cents.end]!r} is not an amount in whole cents"
