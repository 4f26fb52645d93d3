"""`grounded`: values that stand in a text, and all the near misses that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stepflow.protocols import View
from stepflow.strategies.verifiers import grounded

Make = Callable[..., Any]

INVOICE = "Invoice 7 of 4 March 2026: Ann O'Neil owes 1,200.50 EUR.\nStatus: unpaid\nPhone: 555-1234. Temperature: -3."
BOOKING = 'Book "Chez Anna" for 4 people on 2026-03-04, table number is 12'

FLIGHT = "Fly to Oslo from Rome with Ann and Ben, a direct flight without lunch"
ORDER = "Two figs and 3 pears for Ann on 4 March 2026"
BESIDE = {"words_from": "beside"}
TABLE = {"origin": "from", "destination": "to"}

TRIP = "From Rome to Oslo for 3 days, 2 people"

PASSES: list[tuple[str, dict[str, Any], str]] = [
    (INVOICE, {}, '{"name": "Ann O\'Neil", "amount": 1200.5, "invoice": 7}'),
    (INVOICE, {}, '{"date": "4 March 2026", "status": "unpaid", "cold": -3}'),
    (INVOICE, {}, '{"date": "2026-03-04", "phone": "555-1234"}'),
    (INVOICE, {}, '{"people": [{"name": "Ann"}, {"name": "O\'Neil"}]}'),
    (INVOICE, {"ignore_case": True}, '{"name": "ann o\'neil"}'),
    (INVOICE, {"nulls": "absent"}, '{"email": null, "tags": []}'),
    (INVOICE, {"booleans": "any"}, '{"paid": false, "number": 7}'),
    (BOOKING, {"complete": True}, '{"place": "Chez Anna", "size": 4, "date": "2026-03-04", "table_number": 12}'),
    (BOOKING, {"given": "$.arguments"}, '{"name": "reserve", "arguments": {"place": "Chez Anna"}}'),
    (TRIP, {"complete": True}, '{"from_city": "Rome", "to_city": "Oslo", "days": 3, "people": 2}'),
    (TRIP, {}, '{"city": "Oslo", "fromCity": "Rome"}'),
    (FLIGHT, BESIDE, '{"origin": "Rome", "destination": "Oslo"}'),
    (FLIGHT, BESIDE, '{"origin": {"city": "Rome"}, "destination": {"city": "Oslo"}}'),
    (FLIGHT, {"booleans": "stated", "flags_from": "flags"}, '{"direct": true, "lunch": false}'),
    ("Fly with Ann and Ben", {"complete": True}, '{"who": ["Ann", "Ben"]}'),
    ("Fly with Ann and Ben", {"complete": True}, '{"who": "Ann and Ben"}'),
    ("Now I'm off to Oslo. Please", {"complete": True}, '{"to": "Oslo"}'),
    ("For 2 people in room 2", {"complete": True}, '{"people": 2, "room": 2}'),
    ("return after 4 March 2026", {}, '{"after_day": "2026-03-04"}'),
    ("IBAN Long for Ann, Ben and Cid", {"complete": True}, '{"iban": "Long", "who": ["Ann", "Ben", "Cid"]}'),
    ("Hotel in Oslo", {}, '{"city": "Oslo", "check_in": "Hotel"}'),
    (
        ORDER,
        {"complete": True},
        '{"a": [{"n": "pears", "q": 3}, {"n": "figs", "q": 2}], "day": "2026-03-04", "for": "Ann"}',
    ),
    ("2 figs, 2 pears", {}, '[{"n": "figs", "q": 2}, {"n": "pears", "q": 2}]'),
    (BOOKING, {"complete": True}, '{"place": "Chez Anna", "size": 4, "date": "on 2026-03-04", "table_number": 12}'),
    (INVOICE, {}, '{"year": "2026", "month": "March"}'),
    (INVOICE, {}, '{"month": "March 2026"}'),
    ("On Wednesday, 4 March 2026", {}, '{"date": "4 March 2026"}'),
    ("On Wednesday, 4 March 2026", {}, '{"date": "2026-03-04"}'),
    (
        ORDER,
        {"complete": True},
        '{"a": [{"n": "pears", "q": 3}, {"n": "figs", "q": 2}], "day": "4 March 2026", "to": "Ann"}',
    ),
    (
        "Rome without breakfast on 4 May 2026",
        {"booleans": "stated"},
        '{"city": "Rome", "breakfast": false, "date": "2026-05-04"}',
    ),
    ("at least 5 EUR, so 5 EUR", {}, '{"amount": 5}'),
    ("at least 5 EUR", {}, '{"min_amount": 5}'),
    ("Not Ann but Bob paid, and Ann left", {}, '{"payer": "Bob", "name": "Ann"}'),
    ("any city except Rome", {}, '{"excluded_city": "Rome"}'),
    ("from 5 to 7 EUR", {}, '{"low": 5, "high": 7}'),
    ("between 5 and 7 EUR", {}, '{"first": 5, "second": 7}'),
    ("about 5 EUR", {}, '{"amount": "about 5 EUR"}'),
    ("5 to 7 EUR", {}, '{"amount": "5 to 7 EUR"}'),
    ("1.5 million EUR", {}, '{"amount": 1500000, "text": "1.5 million"}'),
    ("Email Ann. Then New York", {"complete": True}, '{"who": "Ann", "city": "New York"}'),
]
FAILS: list[tuple[str, dict[str, Any], str, str]] = [
    (INVOICE, {}, '{"name": "ann"}', "does not stand"),
    (INVOICE, {}, '{"name": "An"}', "does not stand"),
    (INVOICE, {}, '{"name": "Bob"}', "does not stand"),
    (INVOICE, {}, '{"name": ""}', "does not stand"),
    (INVOICE, {}, '{"name": ":"}', "does not stand"),
    (INVOICE, {}, '{"date": "March 2026"}', "does not stand"),
    ("Paid on 13/04/2026", {}, '{"date": "04/2026"}', "does not stand"),
    (ORDER, {"complete": True}, '{"a": [{"n": "pears", "q": 3}, {"n": "figs", "q": 2}]}', "'2026-03-04' of"),
    (INVOICE, {}, '{"amount": 1200}', "does not stand"),
    (INVOICE, {}, '{"amount": 3}', "does not stand"),
    (INVOICE, {}, '{"amount": "1,200"}', "does not stand"),
    (INVOICE, {}, '{"amount": "200.50"}', "does not stand"),
    (INVOICE, {}, '{"date": "2026-04-03"}', "does not stand"),
    (INVOICE, {}, '{"status": "Ann"}', "says another status"),
    (INVOICE, {}, '{"email": null}', "has no value"),
    (INVOICE, {"nulls": "absent"}, '{"status": null}', "has no value"),
    (INVOICE, {"nulls": "absent"}, '{"phone": []}', "has no value"),
    (INVOICE, {}, '{"paid": false}', "no text shows"),
    (INVOICE, {}, "Ann", "is not JSON"),
    (BOOKING, {"complete": True}, '{"place": "Chez Anna", "size": 4, "date": "2026-03-04"}', "'12'"),
    (BOOKING, {"complete": True}, '{"place": "Chez Anna", "table_number": 12, "size": 4}', "2026-03-04"),
    (BOOKING, {"complete": True}, '{"place": "Anna", "table_number": 12, "size": 4, "d": "2026-03-04"}', "Chez Anna"),
    (BOOKING, {}, '{"table_number": 4}', "says another table_number"),
    (BOOKING, {"given": "$.arguments"}, '{"name": "reserve"}', "finds nothing"),
    (TRIP, {}, '{"from_city": "Oslo", "to_city": "Rome"}', "puts beside"),
    (TRIP, {}, '{"days": 2, "people": 3}', "puts beside"),
    (TRIP, {"apart": True}, '{"from": "Rome to Oslo for", "to": "Oslo"}', "holds the to"),
    (TRIP, {"apart": True}, '{"to": "Oslo for 3 days", "days": 3}', "holds the days"),
    (TRIP, {}, '{"day": 2, "persons": 3}', "puts beside"),
    (FLIGHT, BESIDE, '{"origin": "Oslo", "destination": "Rome"}', "'from'"),
    (FLIGHT, BESIDE, '{"origin": {"city": "Oslo"}, "destination": {"city": "Rome"}}', "'from'"),
    (FLIGHT, {"booleans": "stated"}, '{"direct": false}', "does not say clearly"),
    (FLIGHT, {"booleans": "stated"}, '{"lunch": true}', "does not say clearly"),
    (FLIGHT, {"booleans": "stated"}, '{"dinner": false}', "does not say clearly"),
    (FLIGHT, {"booleans": "stated"}, '[{"lunch": false}, {"lunch": false}]', "does not say clearly"),
    (FLIGHT, {"flags_from": "flags", "booleans": "stated"}, '{"direct": true}', "'lunch', of which"),
    (
        FLIGHT,
        {"flags_from": "flags", "booleans": "stated", "nulls": "absent"},
        '{"direct": true, "lunch": null}',
        "'lunch', of which",
    ),
    (FLIGHT, {"complete": True}, '{"who": ["Ann"]}', "'Ben'"),
    (FLIGHT, {"complete": True}, '{"who": ["Ben"]}', "'Ann'"),
    ("2 figs, 2 pears", {"complete": True}, '[{"n": "figs", "q": 2}, {"n": "pears"}]', "'2'"),
    (ORDER, {}, '{"a": [{"n": "pears", "q": 2}, {"n": "figs", "q": 3}]}', "put together"),
    ("a flight to New York", {"complete": True}, '{"city": "York"}', "'New'"),
    ("with Ann, Ben and Cid", {"complete": True}, '{"who": ["Ben", "Cid"]}', "'Ann'"),
    ("with Ann, Ben and Cid", {"complete": True}, '{"who": ["Ann", "Cid"]}', "'Ben'"),
    ("a flight to New York", {"complete": True}, '{"city": "New"}', "'York'"),
    ("a flight from Rome to Oslo", {"complete": True}, '{"from": "Rome"}', "'Oslo' of"),
    ("a flight to Oslo via Paris next Monday", {"complete": True}, '{"to": "Oslo"}', "'Paris' of"),
    ("a flight for 2", {"complete": True}, '{"seats": 2, "price": 2}', "under seats and price"),
    ("from Rome", {"complete": True}, '{"from": "Rome", "at": "Rome"}', "under from and at"),
    ("a flight after 4 March 2026", {}, '{"day": "2026-03-04"}', "after 4 March 2026"),
    ("Not Ann but Bob paid", {}, '{"name": "Ann"}', "Not Ann"),
    ("Ann isn't from Rome but from Oslo", {}, '{"city": "Rome"}', "isn't from Rome"),
    ("anyone but Ann", {}, '{"name": "Ann"}', "but Ann"),
    ("Bob rather than Ann came", {}, '{"name": "Ann"}', "rather than Ann"),
    ("not on 4 March 2026 but later", {}, '{"date": "2026-03-04"}', "not on 4 March"),
    ("at least 5 EUR", {}, '{"amount": 5}', "at least 5"),
    ("5 EUR or more", {}, '{"amount": "5 EUR"}', "or more"),
    ("about 5 EUR", {}, '{"amount": "5 EUR"}', "about 5"),
    ("for up to 4 people", {}, '{"people": 4}', "up to 4"),
    ("not 34 but 35", {}, '{"age": 34}', "not 34"),
    ("twice 4", {}, '{"people": 4}', "twice 4"),
    ("half of 30 EUR", {}, '{"amount": 30}', "half of 30"),
    ("5k EUR", {}, '{"amount": 5}', "'5k'"),
    ("$5M", {}, '{"amount": "$5"}', "does not stand"),
    ("5 to 7 EUR", {}, '{"amount": 5}', "'5 to 7'"),
    ("between 5 and 7 EUR", {}, '{"amount": "7 EUR"}', "'5 and 7'"),
    ("1.5 million EUR", {}, '{"amount": "1.5"}', "'1.5 million'"),
    ("it was -5 degrees", {}, '{"degrees": "5"}', "'-5'"),
    ("2 figs, 3 pears", {}, '[{"n": "figs", "q": 3}, {"n": "pears", "q": 2}]', "put together"),
]


def verdict(make: Make, source: Any, options: dict[str, Any], text: str) -> str | None:
    verifier = make(grounded, in_from="source", **options)
    return verifier.verify(View(text, {"source": source, "flags": ["direct", "lunch"], "beside": TABLE}))  # type: ignore[no-any-return]


@pytest.mark.parametrize(("source", "options", "text"), PASSES)
def test_values_that_stand_in_the_source_pass(make: Make, source: str, options: dict[str, Any], text: str) -> None:
    assert verdict(make, source, options, text) is None


@pytest.mark.parametrize(("source", "options", "text", "reason"), FAILS)
def test_values_that_do_not_stand_there_fail_by_name(
    make: Make, source: str, options: dict[str, Any], text: str, reason: str
) -> None:
    assert reason in (verdict(make, source, options, text) or "")
