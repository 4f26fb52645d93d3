"""Regular expressions of rule files: compiled, and refused with the place where they are wrong."""

from __future__ import annotations

from stepflow.compiler.notations.error import NotationError
from stepflow.patterns import DEFAULT_TIMEOUT_S, PatternError, RegexPattern, compile_pattern


def compile_regex(text: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> RegexPattern:
    """The compiled pattern. Raises `NotationError` with the offset where it is wrong."""
    try:
        return compile_pattern(text, timeout_s, keep=True)
    except PatternError as error:
        raise NotationError(str(error), error.start, error.end, hint=error.hint) from None
