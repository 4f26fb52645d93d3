"""Compares a vector with every other: exact, nothing to build, right up to about 20,000 records a namespace.

The similarity is the cosine of vectors of unit length. It declines a vector whose length is not that of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float32]

_BLOCK = 2**18
"""Numbers multiplied at a time: OpenBLAS starts threads for more than about 400,000, and they spin for each other.
On two busy cores 10,000 × 512 numbers took 69 ms with threads, 0.6 ms in these blocks (0.9 by `einsum`)."""


class ExactIndex:
    """A growing float32 matrix with one row for each key. Not thread-safe: its owner holds a lock.

    Its name is nothing to it, because it saves nothing. `advice` is what its user should know once it holds `many`
    vectors.
    """

    def __init__(self, name: str = "", *, advice: str = "", many: int = 0) -> None:
        self.seen = 0
        self._advice = advice
        self._many = many
        self._keys: list[str] = []
        self._rows: dict[str, int] = {}
        self._matrix: Floats | None = None

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    @property
    def note(self) -> str:
        """The advice, once there are many vectors."""
        if not self._advice or len(self) <= self._many:
            return ""
        return f"{len(self)} records are compared one by one: {self._advice}"

    @property
    def is_behind(self) -> bool:
        """False: it is always up to date."""
        return False

    def settle(self, after: int, seen: int) -> None:
        """Remember the id; there is nothing to build."""
        self.seen = seen

    def close(self) -> None:
        """Nothing to free."""

    def vectors(self) -> tuple[list[str], Floats]:
        """Every key, and a copy of its vectors in the same order."""
        import numpy

        if self._matrix is None:
            return [], numpy.zeros((0, 0), dtype=numpy.float32)
        return list(self._keys), self._matrix[: len(self._keys)].copy()

    def add(self, key: str, vector: bytes) -> None:
        """Add or replace a vector. Raises `ValueError` when its length is not that of the others."""
        matrix = self._with_room(len(vector) // 4)
        values = _floats(vector)
        if values.shape != matrix.shape[1:]:
            raise ValueError(f"a vector of {len(values)} numbers does not fit an index of {matrix.shape[1]}")
        row = self._rows.setdefault(key, len(self._keys))
        if row == len(self._keys):
            self._keys.append(key)
        matrix[row] = values

    def remove(self, key: str) -> None:
        """Forget a vector; silent when unknown. The last row takes its place."""
        row = self._rows.pop(key, None)
        if row is None or self._matrix is None:
            return
        last = self._keys.pop()
        if last != key:
            self._keys[row] = last
            self._rows[last] = row
            self._matrix[row] = self._matrix[len(self._keys)]

    def search(self, vector: bytes, limit: int) -> Sequence[tuple[str, float]]:
        """The nearest keys with their cosine similarity, best first; of equals, the one longest in place first."""
        if not self._keys or self._matrix is None or limit < 1:
            return ()
        import numpy

        similarities = _products(self._matrix[: len(self._keys)], _floats(vector))
        if limit < len(similarities):
            nearest = numpy.argpartition(-similarities, limit - 1)[:limit]
        else:
            nearest = numpy.arange(len(similarities))
        ranked = nearest[numpy.lexsort((nearest, -similarities[nearest]))]
        return tuple((self._keys[row], float(similarities[row])) for row in ranked)

    def _with_room(self, dimensions: int) -> Floats:
        """The matrix, with a row free for one more key."""
        import numpy

        if self._matrix is None:
            self._matrix = numpy.zeros((16, dimensions), dtype=numpy.float32)
        elif len(self._keys) == len(self._matrix):
            self._matrix = numpy.concatenate([self._matrix, numpy.zeros_like(self._matrix)])
        return self._matrix


def _floats(vector: bytes) -> Floats:
    import numpy

    return numpy.frombuffer(vector, dtype="<f4")


def _products(matrix: Floats, vector: Floats) -> Floats:
    import numpy

    rows = max(1, _BLOCK // matrix.shape[1])
    return numpy.concatenate([matrix[start : start + rows] @ vector for start in range(0, len(matrix), rows)])
