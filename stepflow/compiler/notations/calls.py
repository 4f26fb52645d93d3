"""Whether a function takes the arguments of a call: told when a rule is compiled, not when it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any


def misfit(function: Callable[..., Any], count: int, keywords: Iterable[str]) -> tuple[str, str] | None:
    """Why a function cannot be called so, and the arguments that it takes; None when it can."""
    signature = _signature(function)
    if signature is None:
        return None
    try:
        signature.bind(*[None] * count, **dict.fromkeys(keywords))
    except TypeError as error:
        return str(error), _bare(signature)
    return None


@lru_cache(maxsize=256)
def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    """A function's arguments; None when it is written in C and says nothing of them."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _bare(signature: inspect.Signature) -> str:
    """The arguments without their types, for people who do not write Python."""
    parameters = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    return str(inspect.Signature(parameters))
