"""`paired`: of several days, amounts or names in a source text, the JSON holds those that belong together.

Looks at the members of an object whose keys are of some kind, and at all that the source holds of that kind. Of several
days in the source, the one under a key must be told apart: a word of the key stands beside it and beside no other
('due on 4 March' for `due_date`), or all others are other keys'; or the kinds follow each other again and again in one
order ('Ann on 3 May and Bob on 4 June'), and all values stand in the same turn. What stands in a sentence that names
others does not belong to the one that is named. Of an `open` kind, such as names, the source may hold any number.

Options: `in_from`, the name of the source text; `given`, the JSONPath of the objects; `kinds_from`, the name of a list
of maps: `keys`, a list; `pattern`, how a thing of that kind is written; `open`; `numbers`, `too` where the numbers that
are of no other kind count if nothing is written so, `only` where nothing but numbers is looked at; `whole`, whether a
text must be all of one ('9:30' is not '9:30 pm'); `words_from`, a table of further words for a word of a key ('birth:
born').

    tables:
      written: {date: '\\d{4}-\\d\\d-\\d\\d', name: '[A-Z]\\w+'}
    let:
      kinds: "[{'keys': ['born'], 'pattern': written.date}, {'keys': ['name'], 'pattern': written.name, 'open': true}]"
    verify:
      - {type: paired, in_from: passage, kinds_from: kinds}

Fails naming the first value that is not told apart. It cannot tell which of several names is meant by a key alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import Field

import stepflow.options
from stepflow import jsontext
from stepflow.notation import BuildContext, JsonPathText, NameRef, Path
from stepflow.patterns import RegexPattern, compile_pattern
from stepflow.prose import name_words
from stepflow.protocols import Verifier, View
from stepflow.strategies.verifiers.subject import named, named_text
from stepflow.texts.dates import find_dates
from stepflow.texts.pairing import Candidate, chained, labelled, nearest, repetitions, speaks_of_another, tied
from stepflow.texts.places import find_places
from stepflow.texts.quantities import quantities
from stepflow.values import is_number, show

NAME = "paired"


class Options(stepflow.options.Options):
    """What belongs together, and where."""

    in_from: NameRef = Field(description="Name of the text in which the values stand.")
    kinds_from: NameRef = Field(
        description="Name of a list of maps with `keys`, `pattern`, `numbers`, `whole`, `open`."
    )
    given: JsonPathText = Field("$", description="The JSONPath of the objects to look at.")
    words_from: NameRef | None = Field(None, description="Name of a table: a word of a key, further words for it.")


def build(options: Options, context: BuildContext) -> Verifier:
    """The verifier that values belong together."""
    return _Paired(options, context.jsonpath(options.given))


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of things, the keys that ask for them, and all of it in the source, left to right."""

    keys: tuple[str, ...]
    found: tuple[Candidate, ...]
    open: bool
    numeric: bool
    whole: bool

    @property
    def several(self) -> bool:
        """Whether the source holds more than one thing of the kind."""
        return len({each.identity for each in self.found}) > 1


@dataclass(frozen=True, slots=True)
class _Member:
    """A key, its value, its kind, and what of that kind the value is."""

    key: str
    value: Any
    kind: _Kind
    held: frozenset[Candidate]

    @property
    def shown(self) -> str:
        return f"{self.key} is {show(self.value)!r}"


@dataclass(frozen=True, slots=True)
class _Paired:
    options: Options
    path: Path

    def verify(self, view: View) -> str | None:
        """None when every object holds what belongs together."""
        source = named_text(self.options.in_from, view)
        words = {} if self.options.words_from is None else named(self.options.words_from, view)
        try:
            data = jsontext.parse(view.text)
        except ValueError as error:
            return f"is not JSON: {error}"
        kinds = _kinds(named(self.options.kinds_from, view), source)
        for value in self.path.find(data):
            members = list(_members(value, kinds, source)) if isinstance(value, Mapping) else []
            scene = _Scene(source, self.options.in_from, members, words)
            reason = scene.another_kind() or scene.not_told_apart() or scene.apart()
            if reason:
                return reason
        return None


@dataclass(frozen=True, slots=True)
class _Scene:
    """The members of one object, and the source."""

    source: str
    name: str
    members: list[_Member]
    words: Mapping[str, Any]

    def another_kind(self) -> str | None:
        """A value with a number in it that the source states as something else than its key says."""
        for each in self.members:
            if each.kind.found and not each.kind.open and not each.held and any(map(str.isdigit, show(each.value))):
                others = ", ".join(repr(_text(self.source, other)) for other in each.kind.found[:3])
                return f"{each.shown}, where the {self.name} has {others}"
        return None

    def not_told_apart(self) -> str | None:
        """A value of a kind of which the source holds several, and that nothing tells apart from the others."""
        for each in self.members:
            if each.kind.several and not each.kind.open and not self._is_told(each):
                others = ", ".join(repr(_text(self.source, other)) for other in each.kind.found[:3])
                return f"{each.shown}, but the {self.name} has {others} and does not say that this is the {each.key}"
        return None

    def apart(self) -> str | None:
        """Values that the source does not put together."""
        turns = self._turns()
        within = [each for each in self.members if each.held]
        placed = [each for each in within if any(turn & each.held for turn in turns)]
        if placed and not any(all(turn & each.held for each in placed) for turn in turns):
            return f"the {self.name} does not put together {', '.join(show(each.value) for each in placed)}"
        for owner in within:
            for each in within:
                both = owner in placed and each in placed
                if owner.kind.open and owner is not each and not both and not self._belongs(each, owner):
                    return f"{each.shown}, which the {self.name} does not say of {show(owner.value)!r}"
        return None

    def _is_told(self, member: _Member) -> bool:
        found, own = member.kind.found, {each.identity for each in member.held}
        told = self._labelled(member)
        if len(told) == 1:
            beside = {
                other
                for index, each in enumerate(found)
                if each in member.held
                for other in chained(found, self.source, index)
            }
            return told == own and beside <= self._held(member.kind)
        if not told:
            of_others = [self._labelled(each) for each in self.members if each.kind == member.kind and each != member]
            left = {each.identity for each in found}.difference(*(each for each in of_others if len(each) == 1))
            if left == own:
                return True
        return bool(self._turns()) and own <= (told or own)

    def _labelled(self, member: _Member) -> set[str]:
        shared = [set(name_words(key)) for key in member.kind.keys]
        common = set.intersection(*shared) if len(shared) > 1 else set()
        own = [word for word in name_words(member.key) if word not in common] or name_words(member.key)
        concepts = [{word, word.removesuffix("s"), *str(self.words.get(word, "")).lower().split()} for word in own]
        return labelled(self.source, member.kind.found, concepts)

    def _held(self, kind: _Kind) -> set[str]:
        return {each.identity for member in self.members if member.kind == kind for each in member.held}

    def _turns(self) -> list[set[Candidate]]:
        kinds = {each.kind.found: each.kind for each in self.members if each.kind.several}
        sure = [found for found, kind in kinds.items() if not kind.open]
        return repetitions(list(kinds)) or repetitions(sure)

    def _belongs(self, member: _Member, owner: _Member) -> bool:
        """Whether the source may say the value of the member of the one that the owner names."""
        if len(self._labelled(owner)) == 1:
            return True
        elsewhere = {each for other in self.members if other is not owner for each in other.held}
        names = [each for each in owner.kind.found if each not in elsewhere or each in owner.held]
        if member.kind.open:
            return any(self._is_tied_to(each, owner, names) for each in member.held)
        close = (nearest(names, each) in owner.held for each in member.held)
        if member.kind.several and not any(close):
            return False
        return not all(speaks_of_another(self.source, names, set(owner.held), each) for each in member.held)

    def _is_tied_to(self, value: Candidate, owner: _Member, names: list[Candidate]) -> bool:
        """Whether a name is not that of another, as the second one in 'Ann in Rome, Bob in Oslo'."""
        rivals = tied(self.source, owner.kind.found, value)
        others = [each for each in names if each not in rivals and each != value]
        return not rivals or not owner.held.isdisjoint(rivals) or nearest(others, value) in owner.held


def _kinds(listed: Any, source: str) -> list[_Kind]:
    if not isinstance(listed, list | tuple) or not all(isinstance(each, Mapping) for each in listed):
        raise ValueError("the kinds are no list of maps")
    found = [_found(str(each.get("pattern", "")), source) for each in listed]
    taken = [span for each, spans in zip(listed, found, strict=True) if not each.get("open") for span in spans]
    numbers = [
        Candidate(each.start, each.end, show(each.value))
        for each in quantities(source)
        if not each.doubt and not any(span.start < each.end and each.start < span.end for span in taken)
    ]
    return [
        _Kind(
            tuple(each.get("keys", ())),
            tuple(spans or (numbers if each.get("numbers") else ())),
            bool(each.get("open")),
            each.get("numbers") == "only",
            bool(each.get("whole")),
        )
        for each, spans in zip(listed, found, strict=True)
    ]


def _found(pattern: str, source: str) -> list[Candidate]:
    if not pattern:
        return []
    matches = _compiled(pattern).finditer(source)
    return [Candidate(each.start, each.end, _identity(source[each.start : each.end])) for each in matches]


@lru_cache(maxsize=256)  # the kinds of a rule are the same at every answer
def _compiled(pattern: str) -> RegexPattern:
    return compile_pattern(pattern, keep=True)


def _identity(text: str) -> str:
    days = [day for _, _, day in find_dates(text)]
    numbers = quantities(text)
    if len(days) == 1 and not isinstance(days[0], str):
        return show(days[0])
    if len(numbers) == 1 and not numbers[0].doubt:
        return show(numbers[0].value)
    return " ".join(text.casefold().split())


def _members(value: Mapping[str, Any], kinds: Sequence[_Kind], source: str) -> Iterator[_Member]:
    for key, item in value.items():
        kind = next((each for each in kinds if key in each.keys), None)
        if kind is None or not (is_number(item) or (isinstance(item, str) and not kind.numeric) or _has_unit(item)):
            continue
        spans = find_places(item, source)
        held = (each for each in kind.found if any(_holds(kind, each, a, b) for a, b in spans))
        yield _Member(key, item, kind, frozenset(held))


def _holds(kind: _Kind, candidate: Candidate, start: int, end: int) -> bool:
    """Whether a value at [start, end) is the candidate, or part of it where that will do."""
    if kind.whole:
        return start <= candidate.start and candidate.end <= end
    return start < candidate.end and candidate.start < end


def _has_unit(value: Any) -> bool:
    """Whether a value is a text that begins with a number and goes on with a word, such as '180 cm'."""
    return isinstance(value, str) and re.match(r"\s*-?\d[\d.,]*\s?[^\W\d_]", value) is not None


def _text(source: str, candidate: Candidate) -> str:
    return source[candidate.start : candidate.end]
