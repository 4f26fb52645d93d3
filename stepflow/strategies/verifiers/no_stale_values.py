"""`no_stale_values`: nothing of the cached request may survive in an answer that is used for another one.

Looks at every constraint and `let` value of the cached request that differs from the new request's, and at every
number of its prompt. Numbers are compared as numbers, however written (1,200 · 50% · 7/2 · eleven · 1.2 million; a
minus may be a sign or a subtraction); of an equation or a text every number, and of an equation every letter, is
looked for; other texts as whole words in any case, single letters as they are; a time of day (21:05) in 12 hours, too.
Lists and maps are taken item by item.
What is also a value of the new request, or a number of the new prompt, is no leftover; nor are the numbers of step
markers.

Options: `ignore`, names whose values may stay.

    verify:
      - {type: no_stale_values, ignore: [style]}

Passes answers that come from no cache. Fails on numbers that the new answer needs and that happen to be the old
request's: such an answer is then patched or made anew, never wrong.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext
from stepflow.numerals import Numeral, numerals
from stepflow.prose import find_phrases, phrase_pattern
from stepflow.protocols import Verifier, View
from stepflow.values import Equation, Linear, Number, is_number, show

NAME = "no_stale_values"
_LETTER = re.compile(r"(?<![^\W\d_])[^\W\d_](?![^\W\d_])")
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_MARKER = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+)?[*_]{0,2}(?:step[ \t]+(\d{1,3})(?![\w.])|\(?(\d{1,3})[.)](?=[*_]*[ \t]+\S))",
    re.MULTILINE | re.IGNORECASE,
)


class Options(stepflow.options.Options):
    """What may stay."""

    ignore: list[str] = Field(default_factory=list, description="Names whose old values may stay.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier against leftovers."""
    return _NoStaleValues(frozenset(options.ignore))


@dataclass(frozen=True, slots=True)
class _NoStaleValues:
    ignore: frozenset[str]

    def verify(self, view: View) -> str | None:
        """None when no value of the cached request is left."""
        cached = view.names.get("cached")
        if not cached:
            return None
        old = {**cached["constraints"], **cached["let"]}
        new = {name: view.names[name] for name in old if name in view.names} | dict(view.names.get("constraints", {}))
        changed = {name: value for name, value in old.items() if name not in self.ignore and value != new.get(name)}
        stale = _traces(changed)
        _trace_numbers(str(cached.get("prompt", "")), stale)
        fresh = _traces(new)
        fresh.numbers.update(
            reading for found in numerals(str(view.names.get("prompt", ""))) for reading in _all(found)
        )
        text = view.text if "step" in view.names else _without_markers(view.text)
        leftovers = _leftovers(text, stale, fresh)
        return next((f"{found!r} is left over from the cached request" for found in leftovers), None)


@dataclass(frozen=True, slots=True)
class _Traces:
    """What values leave in a text."""

    numbers: set[Number] = field(default_factory=set)
    letters: set[str] = field(default_factory=set)
    phrases: set[str] = field(default_factory=set)


def _traces(values: Mapping[str, Any]) -> _Traces:
    traces = _Traces()
    for value in values.values():
        _trace(value, traces)
    return traces


def _trace(value: Any, traces: _Traces) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, Mapping):
        _trace((*value.keys(), *value.values()), traces)
    elif isinstance(value, list | tuple):
        for item in value:
            _trace(item, traces)
    elif is_number(value):
        traces.numbers.add(value)
    elif isinstance(value, Equation | Linear):
        _trace_numbers(show(value), traces)
        traces.letters.update(_LETTER.findall(show(value)))
    elif isinstance(value, datetime.date):
        traces.phrases.update(_written(value))
    else:
        _trace_text(str(value).strip(), traces)


def _trace_text(text: str, traces: _Traces) -> None:
    _trace_numbers(text, traces)
    if _TIME.fullmatch(text):
        _trace_time(int(text[:2]), text, traces)
    if _LETTER.fullmatch(text):
        traces.letters.add(text)
    elif any(char.isalpha() for char in text):
        traces.phrases.add(text)


def _trace_time(hour: int, time: str, traces: _Traces) -> None:
    """The same time of day in 12 hours, or by its name."""
    traces.numbers.add(hour % 12 or 12)
    traces.phrases.update({"12:00": {"noon"}, "00:00": {"midnight"}}.get(time, ()))


def _trace_numbers(text: str, traces: _Traces) -> None:
    for found in numerals(text):
        traces.numbers.update(found.readings)


def _written(date: datetime.date) -> Iterator[str]:
    yield date.isoformat()
    for month in (f"{date:%B}", f"{date:%b}"):
        yield from (f"{date.day} {month}", f"{month} {date.day}")


def _all(found: Numeral) -> frozenset[Number]:
    return found.readings | found.parts


def _leftovers(text: str, stale: _Traces, fresh: _Traces) -> Iterator[str]:
    """Traces of old values in the text that new values do not explain."""
    for found in numerals(text):
        if _is_stale(found, stale.numbers, fresh.numbers):
            yield text[found.start : found.end]
    masked = phrase_pattern(sorted(fresh.phrases)).sub("\0", text)
    old_letters = stale.letters - fresh.letters
    yield from (match.group() for match in _LETTER.finditer(masked) if match.group() in old_letters)
    yield from (masked[start:end] for start, end, _ in find_phrases(phrase_pattern(sorted(stale.phrases)), masked))


def _is_stale(found: Numeral, old: set[Number], new: set[Number]) -> bool:
    """A number of the text that is old only, with whichever sign, and not new as it stands."""
    if found.readings & new:
        return False
    signed = {sign * reading for reading in found.readings for sign in (1, -1)}
    return not (signed | found.parts).isdisjoint(old - new)


def _without_markers(text: str) -> str:
    """The text without the numbers of its steps, which count from 1; any other number at a line's start is content."""
    expected = 1

    def strip(marker: re.Match[str]) -> str:
        nonlocal expected
        if int(marker[1] or marker[2]) != expected:
            return marker.group()
        expected += 1
        return ""

    return _MARKER.sub(strip, text)
