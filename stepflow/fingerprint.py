"""Canonical form of plain data, and the stable hash of it.

Two processes, two machines and two Python versions give the same fingerprint for the same data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

RECORD_FORMAT = 4
"""Version of the stored record. A record of another version counts as absent."""


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Fraction):
        return {"fraction": str(value)}
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)


def canonical(data: Any) -> str:
    """Data as JSON text with sorted keys and no spare blanks. Raises `TypeError` on anything that is not plain data."""
    return _ENCODER.encode(data)


def fingerprint(*parts: Any) -> str:
    """Hash of plain data: 32 hexadecimal digits of SHA-256 over the canonical form."""
    return hashlib.sha256(canonical(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
