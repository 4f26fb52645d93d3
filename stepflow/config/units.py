"""Durations and sizes, always written with their unit: `60s`, `1h30m`, `30d`; `1GiB`, `500MB`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_Units = Mapping[str, Fraction]
_SECONDS: _Units = {"ms": Fraction(1, 1000)} | {
    unit: Fraction(seconds) for unit, seconds in (("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800))
}
_BYTES: _Units = {"b": Fraction(1)} | {
    f"{letter}{suffix}": Fraction(base**power)
    for suffix, base in (("b", 1000), ("ib", 1024))
    for power, letter in enumerate("kmgt", 1)
}
_PART = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]+)\s*")
_DURATION_SCHEMA = {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$", "examples": ["60s", "1h30m", "30d"]}
_SIZE_SCHEMA = {"type": "string", "pattern": r"^\d+(\.\d+)?\s*([KMGTkmgt][Ii]?)?[Bb]$", "examples": ["1GiB", "500MB"]}


def duration(text: object) -> float:
    """Seconds: '250ms', '60s', '5m', '2h', '30d', '1w', combined '1h30m'. Raises `ValueError` on anything else."""
    return float(sum(_amounts(text, "duration", "'60s', '5m', '2h' or '30d'", _SECONDS), Fraction(0)))


def size(text: object) -> int:
    """Whole bytes: '64KiB', '1GiB' (powers of 1024), '500MB' (powers of 1000). Raises `ValueError` on anything else."""
    amounts = _amounts(text, "size", "'64KiB', '500MB' or '1GiB'", _BYTES)
    if len(amounts) != 1:
        raise ValueError(f"a size is one number with one unit, as in '1.5GiB', not '{text}'")
    return int(amounts[0])


def _amounts(text: object, noun: str, examples: str, units: _Units) -> list[Fraction]:
    if not isinstance(text, str) or re.fullmatch(r"\s*[-+]?[\d.]*\s*", text):
        written = getattr(text, "text", text)
        raise ValueError(
            f"a {noun} needs a number and a unit, as in {examples}, not '{'' if text is None else written}'"
        )
    parts = _split(text, noun, examples)
    names = [unit for _, unit in parts]
    for name in names:
        if name not in units:
            raise ValueError(f"'{name}' is not a unit of {noun}: write it as in {examples}")
    if len(set(names)) < len(names):
        raise ValueError(f"'{text}' gives the same unit twice")
    return [Fraction(number) * units[name] for number, name in parts]


def _split(text: str, noun: str, examples: str) -> list[tuple[str, str]]:
    rest = text.strip().lower()
    parts = []
    while match := _PART.match(rest):
        parts.append((match[1], match[2]))
        rest = rest[match.end() :]
    if rest or not parts:
        raise ValueError(f"'{text}' is not a {noun}: write it as in {examples}")
    return parts


Duration = Annotated[float, BeforeValidator(duration), WithJsonSchema(_DURATION_SCHEMA)]
"""A duration in a model's field; the value is seconds."""

Size = Annotated[int, BeforeValidator(size), WithJsonSchema(_SIZE_SCHEMA)]
"""A size in a model's field; the value is bytes."""
