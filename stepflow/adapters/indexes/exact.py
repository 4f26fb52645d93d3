"""Compares a vector with every other: exact, nothing to build, right up to about 20,000 records a namespace.

The similarity is the cosine of vectors of unit length. It declines a vector whose length is not that of the first.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from operator import mul
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float32]

FEW = 16
"""So many vectors are compared without numpy, whose import takes longer than a thousand such searches: 0.08 ms each
instead of 0.03, where words are hashed."""

_BLOCK = 2**18
"""Numbers multiplied at a time: OpenBLAS starts threads for more than about 400,000, and they spin for each other.
On two busy cores 10,000 × 512 numbers took 69 ms with threads, 0.6 ms in these blocks (0.9 by `einsum`)."""


class ExactIndex:
    """Vectors of float32, each under its key. Not thread-safe: its owner holds a lock.

    Its name is nothing to it, because it saves nothing. Up to `few` vectors are compared without numpy. `advice`
    is what its user should know once it holds `many` of them.
    """

    def __init__(self, name: str = "", *, advice: str = "", many: int = 0, few: int = FEW) -> None:
        self.seen = 0
        self._advice = advice
        self._many = many
        self._few = few
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._vectors: _Vectors = _Few()
        self._length = 0

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._places

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
        return list(self._keys), self._vectors.stacked(len(self))

    def add(self, key: str, vector: bytes) -> None:
        """Add or replace a vector. Raises `ValueError` when its length is not that of the others."""
        self._length = self._length or len(vector)
        if len(vector) != self._length:
            raise ValueError(f"a vector of {len(vector) // 4} numbers does not fit an index of {self._length // 4}")
        place = self._places.setdefault(key, len(self._keys))
        if place == len(self._keys):
            self._keys.append(key)
        if place == self._few and isinstance(self._vectors, _Few):
            self._vectors = _Matrix(self._vectors.stacked(place))
        self._vectors.put(place, vector)

    def remove(self, key: str) -> None:
        """Forget a vector; silent when unknown. The last one takes its place."""
        place = self._places.pop(key, None)
        if place is None:
            return
        last = self._keys.pop()
        if last != key:
            self._keys[place] = last
            self._places[last] = place
        self._vectors.move(len(self._keys), place)

    def search(self, vector: bytes, limit: int) -> Sequence[tuple[str, float]]:
        """The nearest keys with their cosine similarity, best first; of equals, the one longest in place first."""
        if not self._keys or limit < 1:
            return ()
        nearest = self._vectors.nearest(vector, len(self), limit)
        return tuple((self._keys[place], similarity) for place, similarity in nearest)


class _Vectors(Protocol):
    """Vectors by their places, which begin at 0 and have no gaps."""

    def put(self, place: int, vector: bytes) -> None: ...

    def move(self, last: int, place: int) -> None: ...

    def nearest(self, vector: bytes, count: int, limit: int) -> Sequence[tuple[int, float]]: ...

    def stacked(self, count: int) -> Floats: ...


class _Few:
    """A list of vectors."""

    def __init__(self) -> None:
        self._rows: list[bytes] = []

    def put(self, place: int, vector: bytes) -> None:
        self._rows[place : place + 1] = [vector]

    def move(self, last: int, place: int) -> None:
        self._rows[place] = self._rows[last]
        self._rows.pop()

    def nearest(self, vector: bytes, count: int, limit: int) -> Sequence[tuple[int, float]]:
        present = {index: number for index, number in enumerate(_numbers(vector)) if number}
        products = [sum(map(mul, present.values(), map(_numbers(row).__getitem__, present))) for row in self._rows]
        ranked = sorted(enumerate(products), key=lambda pair: -pair[1])
        return ranked[:limit]

    def stacked(self, count: int) -> Floats:
        return _floats(b"".join(self._rows)).reshape(count, -1).copy() if count else _floats(b"").reshape(0, 0)


class _Matrix:
    """A growing matrix with one column for each vector.

    By columns, because of a text's vector most numbers are zero, where words are hashed: only those of the others are
    read. Among 10,000 vectors of 512 that takes 0.1 ms instead of 2.
    """

    def __init__(self, rows: Floats) -> None:
        self._matrix = _with_room(rows.T)

    def put(self, place: int, vector: bytes) -> None:
        if place == self._matrix.shape[1]:
            self._matrix = _with_room(self._matrix)
        self._matrix[:, place] = _floats(vector)

    def move(self, last: int, place: int) -> None:
        self._matrix[:, place] = self._matrix[:, last]

    def nearest(self, vector: bytes, count: int, limit: int) -> Sequence[tuple[int, float]]:
        import numpy

        similarities = _products(self._matrix[:, :count], _floats(vector))
        nearest = numpy.argpartition(-similarities, limit - 1)[:limit] if limit < count else numpy.arange(count)
        ranked = nearest[numpy.lexsort((nearest, -similarities[nearest]))]
        return [(int(place), float(similarities[place])) for place in ranked]

    def stacked(self, count: int) -> Floats:
        return self._matrix[:, :count].T.copy()


def _numbers(vector: bytes) -> array[float]:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _floats(vector: bytes) -> Floats:
    import numpy

    return numpy.frombuffer(vector, dtype="<f4")


def _with_room(matrix: Floats) -> Floats:
    """The matrix with as many columns again, each of its rows in one piece: rows are what is read."""
    import numpy

    dimensions, count = matrix.shape
    wider = numpy.zeros((dimensions, 2 * count), dtype=numpy.float32)
    wider[:, :count] = matrix
    return wider


def _products(matrix: Floats, vector: Floats) -> Floats:
    """The vector's product with every column."""
    import numpy

    present = numpy.flatnonzero(vector)
    if 2 * len(present) < len(vector):
        matrix, vector = matrix[present], vector[present]
    width = max(1, _BLOCK // max(1, len(vector)))
    return numpy.concatenate([vector @ matrix[:, start : start + width] for start in range(0, matrix.shape[1], width)])
