"""JSONPath: queries over maps and lists, with filters such as `$.items[?(@.price > 10)]`.

Regular expressions inside a path (`=~`, `sub`, `split`) and arithmetic are refused: the first would run without a time
limit, the second in floating point. Use a `matches` option or an expression instead.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext import parse

from stepflow.compiler.notations.error import NotationError, offset_of
from stepflow.values import exact

MAX_PATH = 2_000

_REFUSED = re.compile(
    r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|(?P<regex>=~|`\s*(?:sub|split|str)\b[^`]*`)|(?P<sum>(?<=[\w\])])\s*[+*]\s*(?=[\w$@(]))"""
)
_PLACES = (
    re.compile(r"line (?P<line>\d+), col(?:umn)? (?P<column>\d+)"),
    re.compile(r"(?P<line>\d+):(?P<column>\d+)"),
)
_INAPPLICABLE = (TypeError, LookupError, AttributeError, ArithmeticError, AssertionError, RecursionError, JSONPathError)
_COMPILING = threading.Lock()
"""The parser's generated tables are module state, and warnings are caught process-wide: one path at a time."""


class _ExactFloat(float):
    """A fraction in the shape that jsonpath-ng compares as a number, comparing exactly."""

    fraction: Fraction

    @classmethod
    def of(cls, fraction: Fraction) -> _ExactFloat:
        shaped = cls(float(fraction))
        shaped.fraction = fraction
        return shaped

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and self.fraction == _fraction(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: float) -> bool:
        return self.fraction < _fraction(other)

    def __le__(self, other: float) -> bool:
        return self.fraction <= _fraction(other)

    def __gt__(self, other: float) -> bool:
        return self.fraction > _fraction(other)

    def __ge__(self, other: float) -> bool:
        return self.fraction >= _fraction(other)

    def __hash__(self) -> int:
        return hash(self.fraction)


def _fraction(number: float) -> Fraction | int:
    return number.fraction if isinstance(number, _ExactFloat) else exact(number)


@dataclass(frozen=True, slots=True)
class CompiledPath:
    """A compiled path."""

    text: str
    compiled: Any

    def find(self, data: Any) -> list[Any]:
        """The values found, in document order. Raises `ValueError` when the path cannot be applied to the data."""
        originals: dict[int, Any] = {}
        try:
            found = [match.value for match in self.compiled.find(_shaped(data, originals))]
        except _INAPPLICABLE as error:
            raise ValueError(f"the path {self.text!r} cannot be applied: {error}") from error
        return [originals.get(id(value), value) for value in found]


def compile_jsonpath(text: str) -> CompiledPath:
    """The compiled path. Raises `NotationError` with the offset where it is wrong."""
    if len(text) > MAX_PATH:
        raise NotationError(f"a path of more than {MAX_PATH} characters", 0, len(text))
    _refuse(text)
    try:
        with _COMPILING, warnings.catch_warnings():
            warnings.simplefilter("error")
            return CompiledPath(text, parse(text))
    except RecursionError:
        raise NotationError("the path is nested too deeply", 0, len(text)) from None
    except Exception as error:  # jsonpath-ng raises plain `Exception` for some syntax errors
        raise _mistake(text, str(error)) from None


def _refuse(text: str) -> None:
    for match in _REFUSED.finditer(text):
        if match["regex"]:
            hint = "match with a `regex` verifier, or a `matches` option"
            raise NotationError("regular expressions are not allowed inside a path", *match.span(), hint=hint)
        if match["sum"]:
            raise NotationError(
                "arithmetic is not allowed inside a path", *match.span(), hint="compute in an expression"
            )


def _mistake(text: str, message: str) -> NotationError:
    place = next((found for pattern in _PLACES if (found := pattern.search(message))), None)
    start = offset_of(text, int(place["line"]), int(place["column"]) + 1) if place else len(text)
    if "end of string" in message:
        message = "it ends too early"
    sentence = re.sub(r"^(Error|Parse error) (on|at) [^:]*(: |\d+ )", "", message.splitlines()[0].strip())
    sentence = re.sub(r" at \d+:\d+$", "", sentence.split(" (", maxsplit=1)[0])
    sentence = re.sub(r"^Parse error at \S+ near token (\S+)", r"unexpected '\1'", sentence)
    return NotationError(
        f"bad path: {sentence}", start, hint="a path looks like $.items[0].name or $.items[?(@.price > 10)]"
    )


def _shaped(data: Any, originals: dict[int, Any]) -> Any:
    """Data as the dicts, lists and floats that jsonpath-ng knows; `originals` leads back from each changed part.

    `originals` also keeps the changed parts alive, so that no id is used twice.
    """
    if isinstance(data, Fraction):
        return _remember(_ExactFloat.of(data), data, originals)
    if isinstance(data, Mapping):
        return _remember({key: _shaped(value, originals) for key, value in data.items()}, data, originals)
    if isinstance(data, list | tuple):
        return _remember([_shaped(value, originals) for value in data], data, originals)
    return data


def _remember(shaped: Any, data: Any, originals: dict[int, Any]) -> Any:
    originals[id(shaped)] = data
    return shaped
