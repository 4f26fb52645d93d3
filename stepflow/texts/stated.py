"""What a text says of a value that stands in it: the value itself, or that it is denied, a bound, a guess or a part.

'not Ann but Bob' does not say Ann, nor 'at least 5' 5, nor 'after 4 March 2026' that day.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from stepflow.texts.dates import find_dates
from stepflow.texts.quantities import inexact, quantities
from stepflow.texts.windows import Span
from stepflow.values import Number, is_number

_DENIED = re.compile(
    r"(?:(?<!\w)(?:not|never|nor|no\s+longer|instead\s+of|rather\s+than|other\s+than|except(?:\s+for)?"
    r"|(?:any|every)\w+\s+but)|\w*n['’]t)"
    r"\s+(?:(?:in|at|from|to|by|on|the|an?|for|with|of|as|is|was|be|been|being|yet|fully|quite|really|very"
    r"|lives?|born|called|named)\s+){0,3}\Z",
    re.IGNORECASE,
)
_BEYOND = re.compile(r"(?<!\w)(?:before|after)\s+(?:the\s+)?\Z", re.IGNORECASE)
_AMOUNT = re.compile(r"\s*(?:[A-Z]{0,3}[$€£¥₹]\s?|[A-Z]{3}\s)?\d")
_DENYING_KEYS = "not no non never without except excluded exclude excluding avoid skip omit"
_LIMIT_KEYS = (
    "before after until till to end by due deadline from start since expiry earliest latest return checkout limit not "
    "min minimum max maximum"
)
_BOUND_KEYS = (
    "min minimum max maximum least most limit bound lower upper low high lowest highest over under above below within "
    "up range approximate estimated estimate"
)
_DENYING, _LIMITS, _BOUNDS = (frozenset(each.split()) for each in (_DENYING_KEYS, _LIMIT_KEYS, _BOUND_KEYS))


def said_otherwise(
    value: Any, key: Collection[str], text: str, places: Sequence[Span], held: Collection[Number]
) -> str:
    """What a text says in place of a value that stands in it at [start, end), in quotes; empty when it says the value.

    A key whose words (in small letters) say so may have what is denied, a limit or a bound. A range counts as one
    unless two of its ends are `held`.
    """
    words = set(key)
    if not places:
        return ""
    if words.isdisjoint(_DENYING) and (said := _behind(_DENIED, text, places)):
        return said
    if words.isdisjoint(_LIMITS) and isinstance(value, str) and any(find_dates(value)):
        return _behind(_BEYOND, text, places)
    return inexact(text, places, held) if words.isdisjoint(_BOUNDS) and _is_amount(value) else ""


def _behind(pattern: re.Pattern[str], text: str, places: Sequence[Span]) -> str:
    """The first place with what stands before it, when that matches everywhere."""
    before = [pattern.search(text, max(0, start - 60), start) for start, _ in places]
    return repr(text[before[0].start() : places[0][1]]) if before[0] and all(before) else ""


def _is_amount(value: Any) -> bool:
    """Whether a value is a number, or a text that begins with the only number in it."""
    if isinstance(value, str):
        return len(quantities(value)) == 1 and _AMOUNT.match(value) is not None
    return is_number(value)
