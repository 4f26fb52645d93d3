"""`grounded`: every value in the text's JSON must stand in a source text, such as the passage it was taken from.

A text stands in the source as it is, whole words, blanks and line breaks apart; a number as a number, however the
source writes it (1,200 · twelve), with its sign; a day in ISO form may be written out in the source ('4 March 2026').
Keys are not looked for. Where the source says 'key: value', 'key = value' or 'key is value', the value behind it is
the one that the key must have; and what stands right behind a word of one key, or of a key that holds it ('from
Rome'), or a number before it ('3 days'), must not stand under another. What the objects of one list hold must lie
apart: 'two figs and three pears' are not three figs. A number that the source states as a bound, a guess, a multiple
or one end of a range only ('at least 5', 'about 5', 'twice 5', '5k', '5 to 7') is not that number, but under a key
that says so ('min_price'); nor is a value that it denies there ('not Ann but Bob').

Options: `in_from`, the name of the source text; `given`, the JSONPath of what is looked at; `ignore_case`; `nulls`,
when null and the empty list may stand (`never`, or `absent`: unless the source names the key); `booleans`, when true
and false may stand (`never`; `stated`: as the source says clearly, 'with breakfast', 'breakfast: no', 'a direct
flight'; `any`); `flags_from`, keys of which one must stand when the source says so; `words_from`, a table of further
words for a word of a key ('origin: from'); `complete`, whether every number, day and quoted text of the source must
stand in the JSON too, and every name, and each as often as it is held under several keys; `apart`, whether no text
may hold the value of another key within it.

    verify:
      - {type: grounded, in_from: passage, nulls: absent}
      - {type: grounded, in_from: request, given: '$.arguments', booleans: stated, words_from: beside, complete: true}

Fails naming the first value that the source does not hold. It says where values come from, not that they are the
right ones for their keys.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

import stepflow.options
from stepflow import jsontext
from stepflow.notation import BuildContext, JsonPathText, NameRef, Path
from stepflow.prose import QUOTED, name_words
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import named, named_text
from stepflow.texts.dates import find_dates
from stepflow.texts.flags import read_flag
from stepflow.texts.places import find_places, iso_day, whole_text
from stepflow.texts.quantities import quantities
from stepflow.texts.stated import said_otherwise
from stepflow.texts.windows import Span, lie_apart
from stepflow.values import is_number, show

Keys = tuple[str, ...]
Leaf = tuple[Keys, Any]

NAME = "grounded"
_SAYS = r"""["'`*]{0,3}\s*(?:[:=]|\bis\b|\bare\b)\s*["'`*“‘$€£]{0,3}"""
_BESIDE = r"""\s?(?<!\w){}s?(?!\w)(?:["'`*]{{0,2}}[\s:=]+(?:(?:is|are|of|at|on|the|an?)\s+)*["'`*“‘$€£]{{0,3}})?"""
_JOINED = r"(?:,?\s+(?:and|or|&)\s+|{})"
_NAME = r"[A-Z][\w'’-]+"
_BEHIND, _BEFORE = (
    [re.compile(pattern.format(joined=_JOINED.format(comma), name=_NAME)) for comma in ("(?!)", r",\s+")]
    for pattern in (r"(?:{joined}|[ ])(?P<name>{name})", r"(?<![\w.!?])(?P<name>{name}){joined}\Z")
)
_NEAR = re.compile(rf"(?<!\A)(?<![.!?:]\s)(?<![\w.!?])(?P<name>{_NAME})[ ]\Z")
"""What stands beside a name: another one behind it, before it (at the start of a sentence too, when joined)."""
_SIGN = re.compile(r"[$€£¥₹₩₽₺₪₫₴₱%‰°]")
_CAPITAL = re.compile(rf"(?<!\A)(?<![.!?:][ \n])(?<![\w'’/@.-]){_NAME}(?!\w)")
_NO_NAMES = {"i'm", "i'd", "i'll", "i've", "i’m", "i’d", "i’ll", "i’ve", "ok", "am", "pm", "please", "thank"}
_PARTS_OF_A_DAY = {"day", "month", "year", "weekday"}
_FILLERS = {"of", "in", "on", "at", "is", "the", "a", "an", "id"}


class Options(stepflow.options.Options):
    """Where values must stand."""

    in_from: NameRef = Field(description="Name of the text in which the values must stand.")
    given: JsonPathText = Field("$", description="The JSONPath of the values to look at.")
    ignore_case: bool = Field(False, description="Whether capitals count as small letters.")
    nulls: Literal["never", "absent"] = Field("never", description="When null and the empty list may stand.")
    booleans: Literal["never", "stated", "any"] = Field("never", description="When true and false may stand.")
    flags_from: NameRef | None = Field(None, description="Name of the keys that must stand where the source says them.")
    words_from: NameRef | None = Field(None, description="Name of a table: a word of a key, further words for it.")
    complete: bool = Field(False, description="Whether all that the source states in clear forms must stand.")
    apart: bool = Field(False, description="Whether no text may hold the value of another key within it.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier that values come from a text."""
    return _Grounded(options, context.jsonpath(options.given))


@dataclass(frozen=True, slots=True)
class _Grounded:
    options: Options
    path: Path

    def verify(self, view: View) -> str | None:
        """None when every value stands in the source."""
        source = named_text(self.options.in_from, view)
        try:
            data = jsontext.parse(view.text)
        except ValueError as error:
            return f"is not JSON: {error}"
        found = self.path.find(data)
        if not found:
            return f"{self.path.text} finds nothing"
        leaves = [leaf for value in found for leaf in _leaves(value, ())]
        words = {} if self.options.words_from is None else named(self.options.words_from, view)
        flags = () if self.options.flags_from is None else named(self.options.flags_from, view)
        reasons = (reason for path, value in leaves if (reason := self._wrong(path, value, source)))
        return (
            next(reasons, None)
            or self._misplaced(leaves, source, words)
            or next((reason for value in found if (reason := self._mixed(value, source))), None)
            or next((reason for leaf in leaves if (reason := self._otherwise(leaf, leaves, source))), None)
            or self._unclear(leaves, source, flags)
            or (self._overlapping(leaves) if self.options.apart else None)
            or (self._left_out(leaves, source) if self.options.complete else None)
            or (self._joined(leaves, source) if self.options.complete else None)
            or (self._unnamed(leaves, source) if self.options.complete else None)
            or (self._used_twice(leaves, source) if self.options.complete else None)
        )

    def _wrong(self, path: Keys, value: Any, source: str) -> str | None:
        key = path[-1] if path else ""
        told = _told(key, source)
        if value is None or value in ((), []):
            return f"{key or 'the answer'} has no value" if told or self.options.nulls != "absent" else None
        if isinstance(value, bool):
            return f"{key} is {show(value)}, which no text shows" if self.options.booleans == "never" else None
        if not self._stands_in(value, source) or self._is_part_of_a_day(key, value, source):
            return f"{key or 'the answer'} is {show(value)!r}, which does not stand in the {self.options.in_from}"
        if told and not any(self._begins(value, source[start:]) for start in told):
            return f"{key} is {show(value)!r}, but the {self.options.in_from} says another {key}"
        return None

    def _unclear(self, leaves: list[Leaf], source: str, flags: Sequence[str]) -> str | None:
        """A truth value that the source does not say so, or a flag that it says and no value shows."""
        held = [(path[-1] if path else "", value) for path, value in leaves]
        for key, value in held if self.options.booleans == "stated" else ():
            if isinstance(value, bool):
                alone = sum(name == key for name, _ in held) == 1
                if not alone or read_flag(name_words(key), source) is not value:
                    return f"{key} is {show(value)}, which the {self.options.in_from} does not say clearly"
        names = {key for key, value in held if value is not None}
        missing = (key for key in flags if key not in names and read_flag(name_words(key), source) is not None)
        left_out = next(missing, None)
        return f"{left_out!r}, of which the {self.options.in_from} speaks, is left out" if left_out else None

    def _stands_in(self, value: Any, source: str) -> bool:
        if is_number(value):
            return any(each.value == value for each in quantities(source) if not each.doubt)
        text = str(value)
        if not any(char.isalnum() for char in text):
            return bool(_SIGN.fullmatch(text.strip())) and text.strip() in source
        day = iso_day(text)
        return bool(self._pattern(text).search(source)) or (day is not None and day in _days(source))

    def _is_part_of_a_day(self, key: str, value: Any, source: str) -> bool:
        """Whether several words or numbers that are no day stand only within days: '04/2026' of 03/04/2026."""
        text = show(value)
        whole = any(isinstance(day, datetime.date) for _, _, day in find_dates(text))
        if whole or len(re.findall(r"\w+", text)) < 2 or not _PARTS_OF_A_DAY.isdisjoint(name_words(key)):
            return False
        days = [(start, end) for start, end, _ in find_dates(source)]
        places = [match.span() for match in self._pattern(text).finditer(source)]
        cut = all(any(start <= a and b <= end and (start, end) != (a, b) for start, end in days) for a, b in places)
        return bool(places) and cut

    def _begins(self, value: Any, source: str) -> bool:
        """Whether the value is what a text begins with."""
        if is_number(value):
            first = next((each for each in quantities(source) if not each.doubt), None)
            return first is not None and first.value == value and not re.search(r"[\w,;.!?\n]", source[: first.start])
        day = iso_day(str(value))
        first_day = next(find_dates(source), None) if day is not None else None
        return bool(self._pattern(str(value)).match(source)) or (
            first_day is not None and first_day[2] == day and not first_day[0]
        )

    def _misplaced(self, leaves: list[Leaf], source: str, words: Mapping[str, Any]) -> str | None:
        """A value under one key that the source puts beside a word of another."""
        names = {path: _words_of(path, words) for path, _ in leaves}
        shared = set.intersection(*names.values()) if names else set()
        for word in sorted(set[str]().union(*names.values()) - shared):
            owned = [value for path, value in leaves if word in names[path]]
            if all(isinstance(value, bool) for value in owned):
                continue  # 'without breakfast on 4 May': what is only said or denied has no value beside it
            for match in re.finditer(_BESIDE.format(re.escape(word.removesuffix("s"))), source, re.IGNORECASE):
                before, behind = source[: match.start()], source[match.end() :]
                if any(self._begins(value, behind) or self._ends(value, before) for value in owned):
                    continue
                for path, value in leaves:
                    if _is_shown(value) and (self._begins(value, behind) or self._ends(value, before)):
                        return f"{path[-1]} is {show(value)!r}, which the {self.options.in_from} puts beside {word!r}"
        return None

    def _otherwise(self, leaf: Leaf, leaves: list[Leaf], source: str) -> str | None:
        """A value that the source denies, or states as a bound, a guess, a part or an end of a range only."""
        path, value = leaf
        held = {value for _, value in leaves if is_number(value)}
        places = self._places(value, source) if _is_shown(value) else []
        said = said_otherwise(value, _words_of(path, {}), source, places, held)
        name = path[-1] if path else "the answer"
        return f"{name} is {show(value)!r}, but the {self.options.in_from} says {said}" if said else None

    def _mixed(self, value: Any, source: str) -> str | None:
        """A list of objects whose values the source does not hold one object after the other."""
        if isinstance(value, dict):
            return next((reason for part in value.values() if (reason := self._mixed(part, source))), None)
        if not isinstance(value, list | tuple):
            return None
        objects = [part for part in value if isinstance(part, dict)]
        groups = [
            [self._places(leaf, source) for path, leaf in _leaves(part, ()) if _is_shown(leaf)] for part in objects
        ]
        if len(groups) > 1 and not lie_apart([group for group in groups if group]):
            return f"the {self.options.in_from} does not put together what stands in one object"
        return next((reason for part in value if (reason := self._mixed(part, source))), None)

    def _places(self, value: Any, source: str) -> list[Span]:
        return find_places(value, source, ignore_case=self.options.ignore_case)

    def _joined(self, leaves: list[Leaf], source: str) -> str | None:
        """A name beside one that a value shows, or that 'and' or 'or' joins to it, and that no value shows."""
        held = [(path, self._places(value, source)) for path, value in leaves if isinstance(value, str)]
        covered = [place for _, places in held for place in places]
        named_by = {word for path, _ in leaves for key in path for word in name_words(key)}
        for path, places in held:
            listed = sum(other == path for other, _ in leaves) > 1  # then a comma joins as well
            for start, end in places:
                if not source[start].isupper():
                    continue
                before = source[:start]
                beside = (_BEHIND[listed].match(source, end), _BEFORE[listed].search(before), _NEAR.search(before))
                for match in filter(None, beside):
                    first, last = match.span("name")
                    known = match["name"].lower() in named_by
                    if not known and not any(start <= first and last <= end for start, end in covered):
                        return f"{match['name']!r} of the {self.options.in_from} is left out"
        return None

    def _unnamed(self, leaves: list[Leaf], source: str) -> str | None:
        """A name, or another word with a capital within a sentence, that no value shows."""
        covered = [place for _, value in leaves if isinstance(value, str) for place in self._places(value, source)]
        covered += [(start, end) for start, end, _ in find_dates(source)]
        covered += [match.span() for match in QUOTED.finditer(source)]
        named_by = {word for path, _ in leaves for key in path for word in name_words(key)}
        for match in _CAPITAL.finditer(source):
            inside = any(a <= match.start() and match.end() <= b for a, b in covered)
            if not inside and match.group().lower().removesuffix("s") not in named_by | _NO_NAMES:
                return f"{match.group()!r} of the {self.options.in_from} is left out"
        return None

    def _used_twice(self, leaves: list[Leaf], source: str) -> str | None:
        """A number or a text under two keys that the source says but once."""
        shown = [(path[-1] if path else "the answer", value) for path, value in leaves if _is_shown(value)]
        for index, (key, value) in enumerate(shown):
            others = [name for name, other in shown[:index] if other == value and name != key]
            if others and len(self._places(value, source)) <= len(others):
                return f"{show(value)!r} stands once in the {self.options.in_from}, and under {others[0]} and {key}"
        return None

    def _overlapping(self, leaves: list[Leaf]) -> str | None:
        """A text that goes on into the value of another key."""
        for key, text in leaves:
            for name, value in leaves:
                part = show(value).strip() if _is_shown(value) else ""
                if (
                    name != key
                    and isinstance(text, str)
                    and part
                    and text != value
                    and self._pattern(part).search(text)
                ):
                    return f"{key[-1]} is {text!r}, which holds the {name[-1]}, {part!r}"
        return None

    def _ends(self, value: Any, source: str) -> bool:
        """Whether a text ends in a number."""
        last = quantities(source[-40:])[-1:]
        return is_number(value) and any(each.value == value and each.end == len(source[-40:]) for each in last)

    def _pattern(self, text: str) -> re.Pattern[str]:
        return whole_text(text, ignore_case=self.options.ignore_case)

    def _left_out(self, leaves: list[Leaf], source: str) -> str | None:
        """What the source states and no value shows: its days, its quoted texts, and the other numbers."""
        days, rest = set(), source
        for start, end, day in find_dates(source):
            days.add(day)
            rest = rest[:start] + " " * (end - start) + rest[end:]
        texts = [str(value) for _, value in leaves if isinstance(value, str)]
        held = {iso_day(text) for text in texts} | {day for text in texts for _, _, day in find_dates(text)}
        missing = [show(day) for day in days if day not in held]
        folded = [" ".join(text.split()).casefold() for text in texts]
        for match in QUOTED.finditer(rest):
            quote = next(group for group in match.groups() if group)
            if " ".join(quote.split()).casefold() not in folded:
                missing.append(quote)
            rest = rest[: match.start()] + " " * len(match.group()) + rest[match.end() :]
        numbers = [value for _, value in leaves if is_number(value)]
        numbers += [each.value for text in texts if iso_day(text) is None for each in quantities(text)]
        for each in quantities(rest):
            if each.value in numbers:
                numbers.remove(each.value)  # a number that the source states twice must stand twice
            else:
                missing.append(rest[each.start : each.end])
        return f"{missing[0]!r} of the {self.options.in_from} is left out" if missing else None


def _leaves(value: Any, path: Keys) -> Iterator[Leaf]:
    """Every value without parts, with the keys that lead to it."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(item, (*path, name))
    elif isinstance(value, list | tuple) and value:
        for item in value:
            yield from _leaves(item, path)
    else:
        yield path, None if value == {} else value


def _is_shown(value: Any) -> bool:
    """Whether a value is a text or a number, which stands in a text."""
    return isinstance(value, str) or is_number(value)


def _words_of(path: Keys, words: Mapping[str, Any]) -> set[str]:
    """The words of all keys of a path, with the further words that a table has for them."""
    own = {word for key in path for word in name_words(key)}
    own = own - _FILLERS or own
    return own | {word for each in own for word in str(words.get(each, "")).lower().split()}


def _told(key: str, source: str) -> list[int]:
    """Where the source goes on after 'key:', 'key =' or 'key is'."""
    words = name_words(key)
    if not words:
        return []
    name = r"[\s_-]*".join(map(re.escape, words))
    pattern = rf"(?<!\w){name}(?!\w){_SAYS}"
    return [match.end() for match in re.finditer(pattern, source, re.IGNORECASE)]


def _days(source: str) -> set[datetime.date]:
    return {day for _, _, day in find_dates(source) if isinstance(day, datetime.date)}
