"""Terminals of grammars, matched within a time limit. Lark asks Python's `re`, which nothing can interrupt.

`use` puts timed patterns in the place of a lexer's own; they run inside `within`, which says what all of them together
may cost.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from stepflow.budget import Budget
from stepflow.patterns import compile_any, in_time

MATCH_SECONDS = 0.1
_running = threading.local()


class Timed:
    """A pattern with the methods that Lark uses. They raise `ValueError` when the budget is spent."""

    __slots__ = ("_compiled",)

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._compiled: Any = compile_any(pattern, flags)

    def match(self, text: str, start: int, end: int) -> Any:
        """The match at an offset."""
        _spend()
        return _in_time(self._compiled.match, text, start, end)

    def fullmatch(self, text: str) -> Any:
        """The match of the whole text."""
        return _in_time(self._compiled.fullmatch, text)

    def search(self, text: str, start: int) -> Any:
        """The first match at or after an offset."""
        _spend()
        return _in_time(self._compiled.search, text, start)


class _Module:
    """What Lark calls of a module of regular expressions."""

    compile = Timed

    @staticmethod
    @lru_cache(maxsize=4096)  # each lexer of a grammar asks the same of the same few patterns and words
    def match(pattern: str, text: str, flags: int = 0) -> Any:
        return _in_time(compile_any(pattern, flags).match, text)


def use(lexer: Any) -> None:
    """Let all lexers of a contextual lexer match in time. They have built nothing yet: they do so when first used."""
    for each in (lexer.root_lexer, *lexer.lexers.values()):
        each.re = _Module


@contextmanager
def within(budget: Budget) -> Iterator[None]:
    """What is matched inside, in this thread, takes its turns from the budget."""
    before = getattr(_running, "budget", None)
    _running.budget = budget
    try:
        yield
    finally:
        _running.budget = before


def _spend() -> None:
    budget: Budget | None = getattr(_running, "budget", None)
    if budget is not None:
        budget.spend()


def _in_time(method: Any, *arguments: Any) -> Any:
    try:
        return in_time(lambda: method(*arguments, timeout=MATCH_SECONDS), MATCH_SECONDS)
    except TimeoutError:
        raise ValueError(f"a terminal of the grammar takes longer than {MATCH_SECONDS:g} s") from None
