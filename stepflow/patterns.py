"""Regular expressions: the dialect of the `regex` module (version 0: as `re`), with a time limit on every call.

Below compiler and strategies, because both need it: a rule's patterns are compiled with the rule, and a pattern that
stands in an answer is tried by a function.
"""

from __future__ import annotations

import copyreg
import re
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeVar

import regex

from stepflow.kept import Kept, texts_of
from stepflow.notation import RegexMatch

DEFAULT_TIMEOUT_S = 0.1
TRIES = 3
MAX_PATTERN = 10_000
MAX_REPEATED = 20_000

_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<count>\{\d{1,9}(?:,\d{0,9})?\}|\{,\d{1,9}\})|.", re.DOTALL)

T = TypeVar("T")

ENGINE = regex.__version__
"""The version of what matches."""
_KEPT = Kept("pattern", ENGINE, texts_of(__file__))


class PatternError(ValueError):
    """A text is no pattern: why, [start, end) offsets of what is wrong in it, and how to mend it."""

    def __init__(self, message: str, start: int, end: int | None = None, *, hint: str = "") -> None:
        super().__init__(message)
        self.start = start
        self.end = start + 1 if end is None else end
        self.hint = hint


@dataclass(frozen=True, slots=True)
class RegexPattern:
    """A compiled pattern. Every method raises `ValueError` where `timeout_s` seconds do not do (see `in_time`)."""

    text: str
    compiled: regex.Pattern[str]
    timeout_s: float = DEFAULT_TIMEOUT_S

    def search(self, text: str, start: int = 0) -> RegexMatch | None:
        """The first match at or after `start`."""
        found = self._limited(lambda: self.compiled.search(text, start, timeout=self.timeout_s))
        return None if found is None else _match(found)

    def finditer(self, text: str) -> Iterator[RegexMatch]:
        """All matches, left to right."""
        # Collected at once: the limit counts from the first match, so a slow consumer would exhaust it.
        found = self._limited(lambda: list(self.compiled.finditer(text, timeout=self.timeout_s)))
        return map(_match, found)

    def fullmatch(self, text: str) -> RegexMatch | None:
        """The match of the whole text."""
        found = self._limited(lambda: self.compiled.fullmatch(text, timeout=self.timeout_s))
        return None if found is None else _match(found)

    def split(self, text: str) -> list[str]:
        """The text between matches, without what groups captured."""
        pieces, position = [], 0
        for match in self.finditer(text):
            pieces.append(text[position : match.start])
            position = match.end
        return [*pieces, text[position:]]

    def sub(self, replacement: str, text: str) -> str:
        """The text with every match replaced by the literal replacement."""
        return self._limited(lambda: self.compiled.sub(lambda _: replacement, text, timeout=self.timeout_s))

    def _limited(self, call: Callable[[], T]) -> T:
        try:
            return in_time(call, self.timeout_s)
        except TimeoutError:
            raise ValueError(f"the pattern {self.text!r} took longer than {self.timeout_s} s") from None


def in_time(call: Callable[[], T], limit_s: float) -> T:
    """What a call with a limit of seconds returns; where its time ran out it is tried again, three times in all.

    The limit of the `regex` module is of the clock, which runs on while others have the processor or the whole machine
    stands still; a standstill may even count as processor time, then as more of it than a try may take. Two tries that
    had the processor throughout, and no more of it than that, are slow. Raises `TimeoutError`.
    """
    spent = 0.0
    for _ in range(TRIES - 1):
        begun = time.thread_time()
        try:
            return call()
        except TimeoutError:
            took = time.thread_time() - begun
            spent += took if took < 1.5 * limit_s else 0
            if spent >= 1.8 * limit_s:
                raise
    return call()


def compile_any(text: str, flags: int = 0) -> Any:
    """A compiled pattern of another notation, as the `regex` module gives it; its methods take a `timeout`.

    Kept for later processes. Raises `PatternError`.
    """
    try:
        return _lasting(text, flags)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise PatternError(f"bad pattern: {error}", 0, len(text)) from None


def compile_pattern(text: str, timeout_s: float = DEFAULT_TIMEOUT_S, *, keep: bool = False) -> RegexPattern:
    """The compiled pattern; with `keep`, kept for later processes. Raises `PatternError` with where it is wrong."""
    if len(text) > MAX_PATTERN:
        raise PatternError(f"a pattern of more than {MAX_PATTERN} characters", 0, len(text))
    try:
        return RegexPattern(text, _lasting(text) if keep else _compile(text), timeout_s)
    except regex.error as error:
        # The type stubs do not declare `msg` and `pos`.
        message, position = str(getattr(error, "msg", error)), getattr(error, "pos", None) or 0
        start = min(position, len(text))
        raise PatternError(f"bad pattern: {message}", start, hint=_hint(text, message)) from None
    except (RecursionError, OverflowError, MemoryError) as error:
        raise PatternError(f"the pattern is too large to compile ({type(error).__name__})", 0, len(text)) from None


@lru_cache(maxsize=1024)
def _lasting(text: str, flags: int = 0) -> Any:
    """The pattern of a rule: as an earlier process compiled it, or kept for later ones. Rules have many in common."""
    return _recalled(text, flags) or _keep(_compile(text, flags), flags)


def _compile(text: str, flags: int = 0) -> Any:
    refuse_explosion(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return regex.compile(text, flags | regex.VERSION0)


def _recalled(text: str, flags: int = 0) -> Any:
    """The pattern as an earlier process compiled it, None when none did."""
    data = _KEPT.get(text, flags)
    try:
        return None if data is None or data[0] != text else _rebuild()(*data)
    except (LookupError, TypeError, ValueError, RuntimeError):
        return None


def _keep(compiled: Any, flags: int = 0) -> Any:
    """The same pattern. What is kept of it is what its module gives to those that copy it."""
    _KEPT.put(lambda: copyreg.dispatch_table[regex.Pattern](compiled)[1], compiled.pattern, flags)
    return compiled


@cache
def _rebuild() -> Callable[..., Any]:
    return copyreg.dispatch_table[regex.Pattern](regex.compile(""))[0]  # type: ignore[return-value]


def refuse_explosion(text: str) -> None:
    """Raise `PatternError` where counts are nested: they multiply (`((a{500}){500}){500}`), and so does the memory."""
    groups = [0]
    last = 0
    for piece in _PIECE.finditer(text):
        sign = piece.group()
        if sign == "(":
            groups.append(0)
            last = 0
        elif sign == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        elif piece["count"]:
            grown = last * max(int(number) for number in re.findall(r"\d+", sign))
            groups[-1] += grown - last
            last = grown
        else:
            last = 1
            groups[-1] += 1
        if groups[-1] > MAX_REPEATED and last > 1:
            raise PatternError(f"counted repeats come to {last:,} pieces, above {MAX_REPEATED:,}", *piece.span())


def _hint(text: str, message: str) -> str:
    if "missing )" in message or "unterminated" in message or "unbalanced" in message:
        return "every ( and [ needs its closing mark; write \\( or \\[ for the character itself"
    if "repeat" in message:
        return "a quantifier (* + ? {n}) needs something before it; write \\* for the character itself"
    return "in YAML, write patterns in single quotes so that backslashes stay" if "\\" not in text else ""


def _match(found: regex.Match[Any]) -> RegexMatch:
    groups = {name: value for name, value in found.groupdict().items() if value is not None}
    return RegexMatch(found.start(), found.end(), found.group(), groups, {name: found.span(name) for name in groups})
