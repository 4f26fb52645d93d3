"""Vectors as stores keep them. Hashed words fill few of a vector's numbers: deflated, 2,048 bytes become about 280."""

from __future__ import annotations

import zlib


def pack(vector: bytes) -> bytes:
    """The vector, deflated (9 µs); nothing for none."""
    return zlib.compress(vector, 1) if vector else b""


def unpack(packed: object) -> bytes | None:
    """The vector that was packed; None for anything else."""
    if not isinstance(packed, bytes):
        return None
    try:
        return zlib.decompress(packed) if packed else b""
    except zlib.error:
        return None
