"""Functions on Python code, by its syntax tree; nothing is run. All refuse a text that is not Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from stepflow.texts import markdown, python
from stepflow.values import describe


def is_python(text: Any) -> bool:
    """Whether a text, or the only fenced block in it, is Python code that does something; a bare word does not.

    Examples:
        is_python('x = 1')
        not is_python('x = = 1')
        not is_python('Sure')
    """
    try:
        return not _code(text, "is_python").says_nothing
    except ValueError:
        return False


def definitions(text: Any) -> tuple[str, ...]:
    r"""The functions and classes that code defines at its top level, in order.

    Examples:
        definitions('def f(x):\n    return x') == ['f']
    """
    return _code(text, "definitions").definitions


def parameters(text: Any, function: Any) -> tuple[str, ...]:
    r"""The names of a function's parameters: `*` and `**` before those that take several, `*` before keywords.

    Examples:
        parameters('def f(a, *, b=1, **c): pass', 'f') == ['a', '*', 'b', '**c']
    """
    if not isinstance(function, str):
        raise ValueError(f"parameters: {describe(function)} is not the name of a function")
    return python.parameters(_code(text, "parameters").function(function))


def calls(text: Any) -> tuple[str, ...]:
    """What code calls, as it is meant, each once; what is handed on to be called counts too.

    Examples:
        calls('print(len(x))') == ['print', 'len']
        calls('from math import sqrt; sqrt(2)') == ['math.sqrt']
        calls('map(eval, x)') == ['map', 'eval']
        calls('", ".join(x)') == ['.join']
    """
    return tuple(dict.fromkeys(call.name for call in _code(text, "calls").calls))


def imports(text: Any) -> tuple[str, ...]:
    """The modules that code imports, each once.

    Examples:
        imports('import os, re as r; from json import loads') == ['os', 're', 'json']
    """
    return _code(text, "imports").imports


def identifiers(text: Any) -> tuple[str, ...]:
    """Every name in code, attributes and parameters among them, each once, sorted.

    Examples:
        identifiers('total = price * item.count') == ['count', 'item', 'price', 'total']
    """
    return _code(text, "identifiers").identifiers


def _code(text: Any, function: str) -> python.Code:
    if not isinstance(text, str):
        raise ValueError(f"{function}: {describe(text)} is not a text")
    try:
        return _parsed(text)
    except ValueError as error:
        raise ValueError(f"{function}: {error}") from None


@lru_cache(maxsize=8)
def _parsed(text: str) -> python.Code:
    content = markdown.only_fence(text, ("python", "py", "python3"))
    return python.parse(text.strip() if content is None else content)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "is_python": is_python,
    "definitions": definitions,
    "parameters": parameters,
    "calls": calls,
    "imports": imports,
    "identifiers": identifiers,
}
