"""How large a grammar becomes when Lark writes its optional parts out: `a? b? c?` are eight alternatives.

Counted before Lark sees the grammar, because thirty such parts in one rule would exhaust the process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce

from stepflow.compiler.notations.error import NotationError

MAX_ALTERNATIVES = 1_000
"""Of all rules together, written out."""
MAX_LENGTH = 100
"""Parts of one alternative. Lark's time grows with its cube."""
_SMALL_REPEAT = 50
"""Lark writes counted repeats below this out, and builds larger ones from rules of their own."""

_RULE = re.compile(r"^[ \t]*[?!]{0,2}(?P<name>_?[a-z]\w*)(?:\{[^}\n]*\})?(?:\.-?\d+)?[ \t]*:", re.MULTILINE)
_END = re.compile(r"^(?=[ \t]*(?:[?!]{0,2}_?[A-Za-z]\w*(?:\{[^}\n]*\})?(?:\.-?\d+)?[ \t]*:|%))", re.MULTILINE)
_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|->\s*\w+)|(?P<atom>"(?:\\.|[^"\\])*"i?|/(?:\\.|[^/\\])+/[imslux]*|[?!]?\w+)(?:\{[^}]*\})?
    |~[ \t]*(?P<least>\d{1,9})(?:[ \t]*\.\.[ \t]*(?P<most>\d{1,9}))?|(?P<sign>[()\[\]|?*+])""",
    re.VERBOSE,
)


def check_expansions(text: str) -> None:
    """Raise `NotationError`, at the rule, where a grammar becomes too large."""
    total = 0
    for rule in _RULE.finditer(text):
        end = _END.search(text, rule.end())
        alternatives, length = _Counter(text[rule.end() : end.start() if end else len(text)]).size()
        total += alternatives
        if length > MAX_LENGTH:
            message = f"an alternative of more than {MAX_LENGTH} parts"
            raise NotationError(message, *rule.span("name"), hint="make rules of their own of some of them")
        if total > MAX_ALTERNATIVES:
            raise NotationError(
                f"with all optional parts written out the grammar has more than {MAX_ALTERNATIVES:,} alternatives",
                *rule.span("name"),
                hint="repeat what may follow (part*), or make rules of their own of some optional parts",
            )


@dataclass(frozen=True, slots=True)
class _Size:
    """How many alternatives, and how many parts the longest of them has. Beyond the bounds it is the bounds."""

    alternatives: int
    length: int

    def beside(self, other: _Size) -> _Size:
        return _size(self.alternatives + other.alternatives, max(self.length, other.length))

    def then(self, other: _Size) -> _Size:
        return _size(self.alternatives * other.alternatives, self.length + other.length)


def _size(alternatives: int, length: int) -> _Size:
    return _Size(min(alternatives, MAX_ALTERNATIVES + 1), min(length, MAX_LENGTH + 1))


_NOTHING, _ONE = _Size(1, 0), _Size(1, 1)


class _Counter:
    """Reads one rule's text, as far as counting needs; what is wrong in it Lark will say."""

    def __init__(self, text: str) -> None:
        self.tokens = [token for token in _TOKEN.finditer(text) if token["skip"] is None]
        self.position = 0
        self.helpers = 0

    def size(self) -> tuple[int, int]:
        """Alternatives, those of the rules that Lark adds for repeats included, and the length of the longest."""
        whole = self._alternatives()
        return whole.alternatives + self.helpers, whole.length

    def _alternatives(self) -> _Size:
        size = self._sequence()
        while self._sign() == "|":
            self.position += 1
            size = size.beside(self._sequence())
        return size

    def _sequence(self) -> _Size:
        size = _NOTHING
        while self.position < len(self.tokens) and self._sign() not in ("|", ")", "]"):
            size = size.then(self._item())
        return size

    def _item(self) -> _Size:
        sign = self._sign()
        self.position += 1
        size = _ONE
        if sign in ("(", "["):
            size = self._alternatives()
            size = size.beside(_NOTHING) if sign == "[" else size
            self.position += 1
        while self._sign() in ("?", "*", "+") or self._least() is not None:
            size = self._repeated(size)
            self.position += 1
        return size

    def _repeated(self, size: _Size) -> _Size:
        least, sign = self._least(), self._sign()
        if least is None and sign == "?":
            return size.beside(_NOTHING)
        self.helpers += 2 * size.alternatives
        if least is None:
            return _ONE if sign == "+" else _ONE.beside(_NOTHING)
        most = int(self.tokens[self.position]["most"] or least)
        if most >= _SMALL_REPEAT:
            return _ONE
        times = [_size(size.alternatives ** min(count, 12), size.length * count) for count in range(least, most + 1)]
        return reduce(_Size.beside, times, _Size(0, 0))

    def _sign(self) -> str | None:
        return self.tokens[self.position]["sign"] if self.position < len(self.tokens) else None

    def _least(self) -> int | None:
        least = self.tokens[self.position]["least"] if self.position < len(self.tokens) else None
        return None if least is None else int(least)
