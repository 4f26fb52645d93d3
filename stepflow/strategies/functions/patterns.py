"""Functions on regular expressions that stand in an answer or are made of a prompt's values.

The dialect is that of Python's `re`; a pattern that only other engines read is none. A pattern that takes longer than a
twentieth of a second fails.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from stepflow.patterns import RegexPattern, compile_pattern
from stepflow.values import describe

MAX_TEXTS = 200
TRIAL_S = 0.05
SLOW_S = 2.0
MAX_SLOW = 64
_FUZZY = re.compile(
    r"\{[^{}]*[<=][^{}]*\}"
)  # `(ab){e<=1}`: text to `re`, a tolerance to the engine with the time limit
_SLOW: dict[tuple[str, str, bool], tuple[float, str]] = {}
"""When a pattern took too long for a text, and what was said of it."""
_SPECIAL = frozenset(r"\\.^$*+?{}[]()|-/&~# ".replace(" ", ""))


def is_pattern(text: Any) -> bool:
    """Whether a text is a regular expression.

    Examples:
        is_pattern('a+b')
        not is_pattern('a(b')
    """
    try:
        _compiled(text, "is_pattern")
    except ValueError:
        return False
    return True


def matches(pattern: Any, text: Any) -> bool:
    """Whether a pattern matches a text as a whole, from its first to its last character.

    Examples:
        matches('a+b', 'aab')
        not matches('a+b', 'aabc')
    """
    return _found(_compiled(pattern, "matches"), _text(text, "matches"), whole=True)


def matching(pattern: Any, texts: Any, whole: Any = True) -> tuple[str, ...]:
    """Those of a list of texts that a pattern matches as a whole; with `whole=false`, those in which it is found.

    Examples:
        matching('a+', ['aa', 'ba', 'b']) == ['aa']
        matching('a+', ['aa', 'ba', 'b'], whole=false) == ['aa', 'ba']
    """
    if not isinstance(texts, list | tuple) or len(texts) > MAX_TEXTS:
        raise ValueError(f"matching: {describe(texts)} is not a list of at most {MAX_TEXTS} texts")
    compiled = _compiled(pattern, "matching")
    return tuple(text for text in texts if _found(compiled, _text(text, "matching"), whole=whole is True))


def find_all(pattern: Any, text: Any) -> tuple[str, ...]:
    r"""Every text that a pattern finds in a text, in order; of a pattern with the group `value`, what that holds.

    Examples:
        find_all('\\{\\w+\\}', 'Hello {name}, {count} new') == ['{name}', '{count}']
        find_all('#(?P<value>\\d+)', 'fixes #7 and #12') == ['7', '12']
        find_all('x', 'abc') == []
    """
    compiled = _compiled(pattern, "find_all")
    named = set(compiled.compiled.groupindex)
    if not named <= {"value"}:
        raise ValueError(f"find_all: {', '.join(sorted(named - {'value'}))}: only a group `value` can be read")
    found = compiled.finditer(_text(text, "find_all"))
    texts = (match.groups.get("value", "") if named else match.text for match in found)
    return tuple(text for text in texts if text)


def escape_pattern(text: Any) -> str:
    r"""A pattern that matches exactly this text: every sign that means something in a pattern is escaped.

    Examples:
        escape_pattern('a.b') == 'a\\.b'
        matches(escape_pattern('1+1 (x)'), '1+1 (x)')
    """
    return "".join(_escaped(char) for char in _text(text, "escape_pattern"))


def _escaped(char: str) -> str:
    if char == "\n":
        return r"\n"
    return f"\\{char}" if char in _SPECIAL else char


def _compiled(pattern: Any, function: str) -> RegexPattern:
    written = _text(pattern, function)
    try:
        return _agreed(written)
    except (ValueError, re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{function}: {error}") from None


@lru_cache(maxsize=256)
def _agreed(written: str) -> RegexPattern:
    """The pattern, if every engine takes it for the same. Checks name the same few, run after run."""
    compiled = compile_pattern(written, TRIAL_S)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        re.compile(written)
    if _FUZZY.search(written):
        raise ValueError(f"{written!r} means different things to different engines")
    return compiled


def _found(compiled: RegexPattern, text: str, *, whole: bool) -> bool:
    """Whether a pattern matches a text, or is found in it.

    One that has just taken too long fails at once: a check's message asks again for what the check itself has asked.
    """
    key = (compiled.text, text, whole)
    since, reason = _SLOW.get(key, (-SLOW_S, ""))
    if time.monotonic() - since < SLOW_S:
        raise ValueError(reason)
    try:
        return (compiled.fullmatch(text) if whole else compiled.search(text)) is not None
    except ValueError as error:
        if len(_SLOW) >= MAX_SLOW:
            _SLOW.clear()
        _SLOW[key] = time.monotonic(), str(error)
        raise


def _text(value: Any, function: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{function}: {describe(value)} is not a text")
    return value


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "is_pattern": is_pattern,
    "matches": matches,
    "matching": matching,
    "find_all": find_all,
    "escape_pattern": escape_pattern,
}
