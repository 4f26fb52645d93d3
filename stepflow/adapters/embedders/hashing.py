"""Hashed words and pairs of neighbouring words: deterministic, without a model, in the standard library alone.

    retrieve: {embedder: hashing}

Case and white space do not count, nor does punctuation; a Chinese, Japanese or Korean character counts as a word.
Texts of some length that differ in a number or a name score about 0.9 (short ones 0.4), rewordings about 0.3, other
tasks mostly below 0.1; hence the default `min_similarity` of 0.2. It knows no synonyms, and never declines: a text
without words has the zero vector, similar to nothing.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import copysign, sqrt
from zlib import crc32

from pydantic import Field

from stepflow.notation import BuildContext
from stepflow.options import Options as BaseOptions
from stepflow.protocols import Embedder

NAME = "hashing"

_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+"


class Options(BaseOptions):
    """What stands beside `type: hashing`."""

    dimensions: int = Field(
        default=512, ge=16, le=65536, description="Numbers in a vector: more of them, fewer words that share one."
    )


def build(options: Options, context: BuildContext) -> Embedder:
    """The embedder."""
    return HashingEmbedder(dimensions=options.dimensions)


@dataclass(frozen=True, slots=True)
class HashingEmbedder:
    """Signed feature hashing of words and bigrams, square root of the counts, unit length."""

    name: str = NAME
    dimensions: int = 512
    default_min_similarity: float = 0.2

    def embed(self, text: str) -> bytes:
        """The vector, as little-endian float32 bytes; all zeros for a text without words."""
        dimensions = self.dimensions
        counts: dict[int, int] = {}
        for feature in _features(text):
            hashed = crc32(feature.encode("utf-8", "surrogatepass"))
            bucket = hashed % dimensions
            counts[bucket] = counts.get(bucket, 0) + (1 if hashed & 0x80000000 else -1)
        length = sqrt(sum(map(abs, counts.values()))) or 1.0  # the squares of the roots are the counts
        vector = array("f", bytes(4 * dimensions))
        for bucket, count in counts.items():
            vector[bucket] = copysign(sqrt(abs(count)), count) / length
        if sys.byteorder == "big":
            vector.byteswap()
        return vector.tobytes()


def _features(text: str) -> Sequence[str]:
    # The large pattern takes long to compile, and finds in ASCII what the small one finds.
    words = re.findall(r"\w+" if text.isascii() else _WORD, text.casefold())
    return [*words, *map(" ".join, pairwise(words))]
