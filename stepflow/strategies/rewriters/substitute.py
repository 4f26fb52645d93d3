"""`substitute`: puts the new request's values where the cached step has the old request's.

Works token by token. Numbers are replaced by value, however they are written, names and texts as whole words, single
letters also behind a number (`2x`), times of day (21:05) also where the step has 12 hours, in that form ('9:05 pm').
The whole text of an old equation becomes the new one's; its numbers (and those of other texts) are paired in order,
when both have equally many, and count less than those that have a name. Where several names share an old value, or an
old value may also stand for itself, the combinations are proposed one after the other, likeliest first (what reads the
same becomes the same, before it becomes different things), and verification decides.

When a number changes its sign, a plus or minus before it is turned, else the words of `opposites` around it: words,
or phrases in which {} is the number. With `implied_one`, as algebra is written, x stands for 1x: a factor of 1 before a
letter of an equation is left out, and one that was left out is put in.

Options: `constraints` (names of constraints and `let` values, the likeliest first; default: all), `opposites` (from one
to the other, both ways), `implied_one`, `max_proposals`.

    rewrite:
      - {type: substitute, constraints: [equation, unknown, solution], opposites: {'subtract {} from': 'add {} to'}}

Proposes nothing when no old value stands in the step.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pydantic import Field

import stepflow.options
from stepflow.notation import BuildContext, NameRef
from stepflow.numerals import numerals
from stepflow.protocols import Rewriter, Rewriting
from stepflow.strategies.rewriters.turning import Edit, Turns, written
from stepflow.texts.times import find_times, is_plain, written_like
from stepflow.values import Equation, Linear, Number, exact, is_number, normal, show

NAME = "substitute"
_LETTER = re.compile(r"(?<![^\W\d_])[^\W\d_](?![^\W\d_])")
_SIGN = re.compile(r"[-−–+](?=\s*\Z)")
_QUOTIENT = re.compile(r"(?P<above>\d+)(?P<over>\s?/\s?)(?P<below>\d+)")
_TOGETHER = 8  # combinations in which tokens that read the same become the same
_BESIDE_OPERATOR = re.compile(r"[=+*/·×÷()−–-]")


class Options(stepflow.options.Options):
    """What is substituted, and how signs are told in words."""

    constraints: list[NameRef] | None = Field(
        None, description="Constraints and `let` values whose old values are replaced, likeliest first; default: all."
    )
    opposites: dict[str, str] = Field(
        default_factory=dict,
        description="Words, or phrases with {} for the number, that change places when a number changes its sign.",
    )
    implied_one: bool = Field(False, description="Whether x stands for 1x, as in algebra.")
    max_proposals: int = Field(64, ge=1, le=1000, description="Combinations tried at most.")


def build(options: Options, context: BuildContext) -> Rewriter:
    """The rewriter for these names."""
    names = None if options.constraints is None else tuple(dict.fromkeys(options.constraints))
    return _Substitute(names, Turns(options.opposites), options.implied_one, options.max_proposals)


@dataclass(frozen=True, slots=True)
class _Choice:
    """One way to write a token: its text, and whether the sign before it turns."""

    text: str
    turned: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    """A stretch of the step's text and the ways to write it, likeliest first."""

    start: int
    end: int
    choices: tuple[_Choice, ...]


@dataclass(frozen=True, slots=True)
class _Substitute:
    names: tuple[str, ...] | None
    turns: Turns
    implied_one: bool
    max_proposals: int

    def rewrite(self, rewriting: Rewriting) -> Iterable[str]:
        """The texts with old values replaced."""
        changes = _Changes()
        for name in rewriting.old if self.names is None else self.names:
            if name in rewriting.old and name in rewriting.new:
                changes.learn(rewriting.old[name], rewriting.new[name])
        changes.pair()
        tokens = self._tokens(rewriting.body, changes)
        proposals = (
            written(rewriting.body, self._edits(rewriting.body, tokens, chosen))
            for chosen in itertools.islice(_combinations(rewriting.body, tokens), self.max_proposals)
        )
        seen = {rewriting.body}
        for text in proposals:
            if text not in seen:
                seen.add(text)
                yield text

    def _tokens(self, text: str, changes: _Changes) -> list[_Token]:
        """Stretches of the text that hold an old value, left to right, not overlapping."""
        whole = [*_text_tokens(text, changes), *_time_tokens(text, changes)]
        found = [*whole, *_number_tokens(text, changes), *_letter_tokens(text, changes)]
        if self.implied_one:
            ones = self._implied_tokens(text, changes)
            found += [one for one in ones if not any(each.start <= one.start < each.end for each in whole)]
        kept: list[_Token] = []
        for token in sorted(found, key=lambda token: (token.start, token.end > token.start, -token.end)):
            if not kept or token.start >= kept[-1].end:
                kept.append(token)
        return kept

    def _implied_tokens(self, text: str, changes: _Changes) -> Iterator[_Token]:
        """An empty stretch before each letter of an equation that has no factor."""
        for match in _LETTER.finditer(text):
            before, behind = text[: match.start()].rstrip(), text[match.end() :].lstrip()
            if match.group() not in changes.symbols or before[-1:].isdigit() or before[-1:] in (")", "]"):
                continue
            in_equation = any(_BESIDE_OPERATOR.match(beside) for beside in (before[-1:], behind[:1]))
            if in_equation or self.turns.speaks_before(text, match.start()):
                choices = tuple(dict.fromkeys([*_choices(1, "1", changes), _Choice("1")]))
                if len(choices) > 1:
                    yield _Token(match.start(), match.start(), choices)

    def _edits(self, text: str, tokens: Sequence[_Token], chosen: Sequence[_Choice]) -> Iterator[Edit]:
        begin = 0
        for token, choice in zip(tokens, chosen, strict=True):
            if choice.turned:
                yield from self.turns.edits(text, begin, token.start, token.end)
            yield self._factor(text, token) if choice.text == "1" else Edit(token.start, token.end, choice.text)
            begin = token.end

    def _factor(self, text: str, token: _Token) -> Edit:
        """A 1, left out before a letter where x stands for 1x; its brackets go with it."""
        bracketed = text[token.start - 1 : token.start] == "(" and text[token.end : token.end + 1] == ")"
        start, end = token.start - bracketed, token.end + bracketed
        if self.implied_one and _LETTER.match(text, end) is not None:
            return Edit(start, end, "")
        return Edit(token.start, token.end, "1")


class _Changes:
    """What became of each old number, letter and text. Values that stay are kept too: a token may mean those."""

    def __init__(self) -> None:
        self.numbers: dict[Number, list[Number]] = {}
        self.letters: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.times: dict[str, str] = {}
        self.symbols: set[str] = set()
        self.alike: list[tuple[str, str]] = []

    def learn(self, old: Any, new: Any) -> None:
        """Take in one name's old and new value."""
        if is_number(old) and is_number(new):
            self._number(old, new)
        elif isinstance(old, Equation | Linear) and isinstance(new, Equation | Linear):
            self.texts[show(old)] = show(new)
            self.symbols.update(_LETTER.findall(show(old)))
            self.alike.append((show(old), show(new)))
        elif isinstance(old, str) and isinstance(new, str):
            self._text(old, new)
        elif isinstance(old, Mapping) and isinstance(new, Mapping):
            for key in old.keys() & new.keys():
                self.learn(old[key], new[key])
        elif isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new):
            for left, right in zip(old, new, strict=True):
                self.learn(left, right)

    def _number(self, old: Number, new: Number) -> None:
        followers = self.numbers.setdefault(old, [])
        if new not in followers:
            followers.append(new)

    def _text(self, old: str, new: str) -> None:
        if is_plain(old) and is_plain(new):
            self.times[old] = new
        elif _LETTER.fullmatch(old) and _LETTER.fullmatch(new):
            self.letters[old] = new
        elif old != new and old.strip():
            self.texts[old] = new
            self.alike.append((old, new))

    def pair(self) -> None:
        """Pair the numbers and the letters of texts in order: guesses, so that they come behind what has a name."""
        for old, new in self.alike:
            self._paired(old, new)

    def _paired(self, old: str, new: str) -> None:
        """The numbers when both hold equally many."""
        left, right = list(_signed(old)), list(_signed(new))
        if len(left) == len(right):
            for before, after in zip(left, right, strict=True):
                self._number(before, after)
        for before, after in zip(_LETTER.findall(old), _LETTER.findall(new), strict=False):
            if before != after:
                self.letters.setdefault(before, after)


def _signed(text: str) -> Iterator[Number]:
    """The numbers of a text, each with the sign written before it."""
    for found in numerals(text):
        size = Fraction(max(_size(value) for value in found.readings))
        sign = _SIGN.search(text[: found.start])
        yield normal(-size if sign is not None and sign.group() != "+" else size)


def _combinations(text: str, tokens: Sequence[_Token]) -> Iterator[tuple[_Choice, ...]]:
    """A choice for each token: first the same for tokens that read the same, then each for itself."""
    kinds = list(dict.fromkeys((text[token.start : token.end], token.choices) for token in tokens))
    places = [kinds.index((text[token.start : token.end], token.choices)) for token in tokens]
    together = [
        tuple(tokens[at].choices[picks[place]] for at, place in enumerate(places))
        for picks in itertools.islice(_nearest([len(choices) for _, choices in kinds]), _TOGETHER)
    ]
    yield from together
    known = set(together)
    for picks in _nearest([len(token.choices) for token in tokens]):
        chosen = tuple(token.choices[pick] for token, pick in zip(tokens, picks, strict=True))
        if chosen not in known:
            yield chosen


def _nearest(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Every way to pick an index below each size, those with the fewest that are not 0 first."""
    for count in range(len(sizes) + 1):
        for places in itertools.combinations(range(len(sizes)), count):
            for others in itertools.product(*(range(1, sizes[place]) for place in places)):
                picks = dict(zip(places, others, strict=True))
                yield [picks.get(at, 0) for at in range(len(sizes))]


def _text_tokens(text: str, changes: _Changes) -> Iterator[_Token]:
    for old, new in changes.texts.items():
        pattern = r"\s*".join(re.escape(part) for part in re.findall(r"\w+|[^\w\s]", old))
        for match in re.finditer(rf"(?<!\w){pattern}(?!\w)", text):
            yield _Token(match.start(), match.end(), (_Choice(new),))


def _time_tokens(text: str, changes: _Changes) -> Iterator[_Token]:
    """Old times of day in the form that the text has them in."""
    for start, end, time, _ in find_times(text) if changes.times else ():
        if time in changes.times:
            yield _Token(start, end, (_Choice(written_like(changes.times[time], text[start:end])),))


def _letter_tokens(text: str, changes: _Changes) -> Iterator[_Token]:
    for match in _LETTER.finditer(text):
        if match.group() in changes.letters:
            yield _Token(match.start(), match.end(), (_Choice(changes.letters[match.group()]), _Choice(match.group())))


def _number_tokens(text: str, changes: _Changes) -> Iterator[_Token]:
    for found in numerals(text):
        token = text[found.start : found.end]
        choices = list(_quotients(token, changes))
        choices += [choice for value in found.readings for choice in _choices(value, token, changes)]
        if choices and not all(choice == _Choice(token) for choice in choices):
            yield _Token(found.start, found.end, tuple(dict.fromkeys([*choices, _Choice(token)])))


def _quotients(token: str, changes: _Changes) -> Iterator[_Choice]:
    """What 8/2 may become when both of its numbers are old values."""
    parts = _QUOTIENT.fullmatch(token)
    if parts is None:
        return
    above, below = (list(_choices(int(parts[name]), parts[name], changes)) for name in ("above", "below"))
    for top, bottom in itertools.product(above, below):
        quotient = top.text if bottom.text == "1" else f"{top.text}{parts['over']}{bottom.text}"
        yield _Choice(quotient, top.turned != bottom.turned)


def _choices(value: Number, written: str, changes: _Changes) -> Iterator[_Choice]:
    """What a written number may become: followers of the value itself, and of its opposite."""
    for old in (value, -value):
        for new in changes.numbers.get(old, ()):
            unchanged = new == old
            turned = (old < 0) != (new < 0) and new != 0
            yield _Choice(written if unchanged else _like(written, value, _size(new)), turned)


def _like(written: str, value: Number, new: Fraction) -> str:
    """The new size in the form of the old token: a percentage, a fraction, with thousands separators, with decimals."""
    if written.endswith("%"):
        plain = written[:-1].rstrip()
        is_share = abs(value) != _plain(plain)
        return _like(plain, value, new * 100 if is_share else new) + written[len(plain) :]
    if "/" in written and new.denominator > 1:
        return f"{new.numerator}/{new.denominator}"
    decimals = len(written.partition(".")[2]) if re.fullmatch(r"[\d,]+\.\d\d", written) else 0
    text = show(new)
    if decimals and (new * 10**decimals).denominator == 1:
        text = f"{Decimal(new.numerator) / Decimal(new.denominator):.{decimals}f}"
    whole, point, rest = text.partition(".")
    if "," in written and whole.isdigit():
        whole = f"{int(whole):,}"
    return whole + point + rest


def _plain(text: str) -> Number | None:
    try:
        return exact(text)
    except ValueError:
        return None


def _size(number: Number) -> Fraction:
    return abs(Fraction(number))
