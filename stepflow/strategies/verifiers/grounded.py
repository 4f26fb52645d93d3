"""`grounded`: every value in the text's JSON must stand in a source text, such as the passage it was taken from.

A text stands in the source as it is, whole words, blanks and line breaks apart; a number as a number, however the
source writes it (1,200 · twelve), with its sign; a day in ISO form may be written out in the source ('4 March 2026').
Keys are not looked for. Where the source says 'key: value', 'key = value' or 'key is value', the value behind it is
the one that the key must have; and what stands right behind a word of one key ('from Rome'), or a number before it
('3 days'), must not stand under another.

Options: `in_from`, the name of the source text; `given`, the JSONPath of what is looked at; `ignore_case`; `nulls`,
when null and the empty list may stand (`never`, or `absent`: unless the source names the key); `booleans`, whether true
and false may stand although no text shows them; `complete`, whether every number, day and quoted text of the source
must stand in the JSON too; `apart`, whether no text may hold the value of another key within it.

    verify:
      - {type: grounded, in_from: passage, nulls: absent}
      - {type: grounded, in_from: request, given: '$.arguments', ignore_case: true, complete: true}

Fails naming the first value that the source does not hold. It says where values come from, not that they are the
right ones for their keys.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

import stepflow.options
from stepflow import jsontext
from stepflow.notation import BuildContext, JsonPathText, NameRef, Path
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import named
from stepflow.texts.dates import find_dates, read_date
from stepflow.texts.quantities import quantities
from stepflow.values import is_number, show

NAME = "grounded"
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_QUOTED = re.compile(
    r"""(?<!\w)"([^"\n]+)"(?!\w)|“([^”\n]+)”|(?<!\w)'((?:[^'\n]|(?<=\w)'(?=\w))+)'(?!\w)|‘([^’\n]+)’|`([^`\n]+)`"""
)
_SAYS = r"""["'`*]{0,3}\s*(?:[:=]|\bis\b|\bare\b)\s*["'`*“‘$€£]{0,3}"""
_BESIDE = r"""\s?(?<!\w){}s?(?!\w)(?:["'`*]{{0,2}}[\s:=]+(?:(?:is|are|of|at|on|the|an?)\s+)*["'`*“‘$€£]{{0,3}})?"""
_WORDS_OF_KEY = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_A-Za-z]+")


class Options(stepflow.options.Options):
    """Where values must stand."""

    in_from: NameRef = Field(description="Name of the text in which the values must stand.")
    given: JsonPathText = Field("$", description="The JSONPath of the values to look at.")
    ignore_case: bool = Field(False, description="Whether capitals count as small letters.")
    nulls: Literal["never", "absent"] = Field("never", description="When null and the empty list may stand.")
    booleans: bool = Field(False, description="Whether true and false may stand.")
    complete: bool = Field(False, description="Whether all numbers, days and quoted texts of the source must stand.")
    apart: bool = Field(False, description="Whether no text may hold the value of another key within it.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier that values come from a text."""
    return _Grounded(
        options.in_from,
        context.jsonpath(options.given),
        options.ignore_case,
        options.nulls == "absent",
        options.booleans,
        options.complete,
        options.apart,
    )


@dataclass(frozen=True, slots=True)
class _Grounded:
    source: str
    path: Path
    ignore_case: bool
    nulls: bool
    booleans: bool
    complete: bool
    apart: bool

    def verify(self, view: View) -> str | None:
        """None when every value stands in the source."""
        source = named(self.source, view)
        if not isinstance(source, str):
            raise ValueError(f"{self.source} is no text")
        try:
            data = jsontext.parse(view.text)
        except ValueError as error:
            return f"is not JSON: {error}"
        found = self.path.find(data)
        if not found:
            return f"{self.path.text} finds nothing"
        leaves = [leaf for value in found for leaf in _leaves(value, "")]
        reasons = (reason for key, value in leaves if (reason := self._wrong(key, value, source)))
        return (
            next(reasons, None)
            or self._misplaced(leaves, source)
            or (self._overlapping(leaves) if self.apart else None)
            or (self._left_out(leaves, source) if self.complete else None)
        )

    def _wrong(self, key: str, value: Any, source: str) -> str | None:
        told = _told(key, source)
        if value is None or value in ((), []):
            return f"{key or 'the answer'} has no value" if told or not self.nulls else None
        if isinstance(value, bool):
            return None if self.booleans else f"{key} is {show(value)}, which no text shows"
        if not self._stands_in(value, source):
            return f"{key or 'the answer'} is {show(value)!r}, which does not stand in the {self.source}"
        if told and not any(self._begins(value, source[start:]) for start in told):
            return f"{key} is {show(value)!r}, but the {self.source} says another {key}"
        return None

    def _stands_in(self, value: Any, source: str) -> bool:
        if is_number(value):
            return any(each.value == value for each in quantities(source) if not each.doubt)
        text = str(value)
        if not text.strip():
            return False
        day = _day(text)
        return bool(self._pattern(text).search(source)) or (day is not None and day in _days(source))

    def _begins(self, value: Any, source: str) -> bool:
        """Whether the value is what a text begins with."""
        if is_number(value):
            first = next((each for each in quantities(source) if not each.doubt), None)
            return first is not None and first.value == value and not re.search(r"[\w,;.!?\n]", source[: first.start])
        day = _day(str(value))
        first_day = next(find_dates(source), None) if day is not None else None
        return bool(self._pattern(str(value)).match(source)) or (
            first_day is not None and first_day[2] == day and not first_day[0]
        )

    def _misplaced(self, leaves: list[tuple[str, Any]], source: str) -> str | None:
        """A value under one key that the source puts beside a word of another."""
        for key, held in leaves:
            others = [(name, value) for name, value in leaves if name != key and value != held and value is not None]
            taken = {word for name, _ in leaves if name != key for word in _words(name)}
            for word in set(_words(key)) - taken:
                for match in re.finditer(_BESIDE.format(re.escape(word.removesuffix("s"))), source, re.IGNORECASE):
                    before, behind = source[: match.start()], source[match.end() :]
                    if self._begins(held, behind) or self._ends(held, before):
                        continue
                    for name, value in others:
                        if self._begins(value, behind) or self._ends(value, before):
                            return f"{name} is {show(value)!r}, which the {self.source} puts beside {word!r}"
        return None

    def _overlapping(self, leaves: list[tuple[str, Any]]) -> str | None:
        """A text that goes on into the value of another key."""
        for key, text in leaves:
            for name, value in leaves:
                part = show(value).strip()
                if (
                    name != key
                    and isinstance(text, str)
                    and part
                    and text != value
                    and self._pattern(part).search(text)
                ):
                    return f"{key} is {text!r}, which holds the {name}, {part!r}"
        return None

    def _ends(self, value: Any, source: str) -> bool:
        """Whether a text ends in a number."""
        last = quantities(source[-40:])[-1:]
        return is_number(value) and any(each.value == value and each.end == len(source[-40:]) for each in last)

    def _pattern(self, text: str) -> re.Pattern[str]:
        body = r"\s+".join(re.escape(word) for word in text.split())
        before = r"(?<!\w)" if text.strip()[0].isalnum() else ""
        behind = r"(?!\w|[.,]\d)" if text.strip()[-1].isdigit() else r"(?!\w)" if text.strip()[-1].isalnum() else ""
        before += r"(?<!\d[.,])" if text.strip()[0].isdigit() else ""
        return re.compile(before + body + behind, re.IGNORECASE if self.ignore_case else 0)

    def _left_out(self, leaves: list[tuple[str, Any]], source: str) -> str | None:
        """What the source states and no value shows: its days, its quoted texts, and the other numbers."""
        days, rest = set(), source
        for start, end, day in find_dates(source):
            days.add(day)
            rest = rest[:start] + " " * (end - start) + rest[end:]
        texts = [str(value) for _, value in leaves if isinstance(value, str)]
        missing = [show(day) for day in days if day not in {_day(text) for text in texts}]
        folded = [" ".join(text.split()).casefold() for text in texts]
        for match in _QUOTED.finditer(rest):
            quote = next(group for group in match.groups() if group)
            if " ".join(quote.split()).casefold() not in folded:
                missing.append(quote)
            rest = rest[: match.start()] + " " * len(match.group()) + rest[match.end() :]
        numbers = [value for _, value in leaves if is_number(value)]
        numbers += [each.value for text in texts if _day(text) is None for each in quantities(text)]
        missing += [rest[each.start : each.end] for each in quantities(rest) if each.value not in numbers]
        return f"{missing[0]!r} of the {self.source} is left out" if missing else None


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Every value without parts, with the key under which it stands."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(item, name)
    elif isinstance(value, list | tuple) and value:
        for item in value:
            yield from _leaves(item, key)
    else:
        yield key, None if value == {} else value


def _told(key: str, source: str) -> list[int]:
    """Where the source goes on after 'key:', 'key =' or 'key is'."""
    words = _words(key)
    if not words:
        return []
    name = r"[\s_-]*".join(map(re.escape, words))
    pattern = rf"(?<!\w){name}(?!\w){_SAYS}"
    return [match.end() for match in re.finditer(pattern, source, re.IGNORECASE)]


def _words(key: str) -> list[str]:
    """The words that a key is made of: first and name of firstName and first_name."""
    return [word.lower() for word in _WORDS_OF_KEY.findall(key)]


def _day(text: str) -> datetime.date | None:
    try:
        return read_date(text) if _ISO.fullmatch(text.strip()) else None
    except ValueError:
        return None


def _days(source: str) -> set[datetime.date]:
    return {day for _, _, day in find_dates(source) if isinstance(day, datetime.date)}
