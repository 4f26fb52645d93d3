"""Vectors in clusters, most of which a search never looks at: faiss's inverted file with two bytes for each number.

A value of this class never changes. It is built once, grown into a new one, and saved as a folder that is mapped into
memory when it is opened again, so that a million vectors are there at once and all processes share them.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import zlib
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float32]

FORMAT = 1
PROBES = 24
"""Clusters looked into. On 100,000 hashed prompts 8 of 512 already find all that is nearest; each costs 8 µs."""
_TRAINED_ON = 40
"""Vectors for each cluster that training looks at: faiss asks for 39."""
_HEAD = 2**23
"""Bytes of each file under the checksum: the whole of faiss's tables, but not all the vectors, which cannot mislead
anybody: a damaged one nominates another record, and records are verified."""
_VECTORS, _KEYS, _ABOUT = "vectors.faiss", "keys.npy", "about.json"


@dataclass(frozen=True, slots=True)
class Clusters:
    """`count` vectors in faiss's `index` under row numbers, and the key of each row.

    `seen` is the id of the last log entry that went in, `trained` how many vectors there were when the clusters were
    drawn, `folder` where it is saved.
    """

    index: Any
    keys: NDArray[numpy.bytes_]
    seen: int
    trained: int
    folder: Path | None = None

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def search(self, vector: bytes, limit: int) -> Sequence[tuple[str, float]]:
        """The nearest keys with their cosine, best first; fewer than asked for when the clusters hold no more."""
        import numpy

        query = numpy.frombuffer(vector, dtype="<f4").reshape(1, -1)
        similarities, rows = self.index.search(query, min(limit, max(len(self), 1)))
        near = zip(rows[0].tolist(), similarities[0].tolist(), strict=True)
        return [(self.keys[row].decode("utf-8", "surrogatepass"), cosine) for row, cosine in near if row >= 0]


def draw(keys: Sequence[str], vectors: Floats, seen: int) -> Clusters:
    """Clusters of these vectors."""
    faiss = _faiss()
    count, dimensions = vectors.shape
    clusters = _clusters_for(count)
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dimensions),
        dimensions,
        clusters,
        faiss.ScalarQuantizer.QT_fp16,  # one byte is half the size, and mistakes neighbours: recall 0.97, not 1.0
        faiss.METRIC_INNER_PRODUCT,
        False,  # by_residual: the vectors themselves can be decoded, and drawn anew
    )
    index.train(_sample(vectors, clusters * _TRAINED_ON))
    index.add_with_ids(vectors, _rows(0, count))
    index.nprobe = min(PROBES, clusters)
    return Clusters(index, _packed(keys), seen, count)


def grow(old: Clusters, keys: Sequence[str], vectors: Floats, removed: Set[str], seen: int) -> Clusters:
    """What `old` holds but for what was removed, and these. With four times as many, clusters are drawn anew."""
    import numpy

    faiss = _faiss()
    index = faiss.read_index(str(old.folder / _VECTORS)) if old.folder is not None else faiss.clone_index(old.index)
    dead = numpy.isin(old.keys, _packed([*removed, *keys]))
    if dead.any():
        index.remove_ids(faiss.IDSelectorBatch(numpy.flatnonzero(dead).astype(numpy.int64)))
    all_keys = numpy.concatenate([old.keys, _packed(keys)])
    if index.ntotal + len(keys) > 4 * old.trained or 2 * int(dead.sum()) > len(old.keys):
        rows, stored = _decoded(index)
        kept = [all_keys[row].decode("utf-8", "surrogatepass") for row in rows]
        return draw([*kept, *keys], numpy.concatenate([stored, vectors]), seen)
    index.add_with_ids(vectors, _rows(len(old.keys), len(keys)))
    return replace(old, index=index, keys=all_keys, seen=seen, folder=None)


# --- files ------------------------------------------------------------------------------------------------------------


def save(clusters: Clusters, home: Path) -> Clusters:
    """The same, saved in a folder of its own under `home` and opened from there. Raises `OSError`."""
    import numpy

    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = home / f".{os.getpid()}-{secrets.token_hex(4)}"
    draft.mkdir(mode=0o700)
    try:
        try:
            _faiss().write_index(clusters.index, str(draft / _VECTORS))
        except RuntimeError as error:  # what faiss raises when the disk is full
            raise OSError(str(error)) from error
        numpy.save(draft / _KEYS, clusters.keys, allow_pickle=False)
        about = {"format": FORMAT, "seen": clusters.seen, "trained": clusters.trained, "files": _fingerprints(draft)}
        (draft / _ABOUT).write_text(json.dumps(about))
        final = home / f"{clusters.seen:016d}-{draft.name[1:]}"
        draft.rename(final)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    opened = _open(final)
    _remove_others(home, final)
    return clusters if opened is None else opened


def newest(home: Path, after: int = 0) -> Clusters | None:
    """The saved clusters that have seen most; None when none are whole, or have seen more than `after`."""
    try:
        folders = sorted((entry for entry in home.iterdir() if entry.name[0] != "."), key=lambda entry: entry.name)
    except OSError:
        return None
    for folder in reversed(folders):
        clusters = _open(folder)
        if clusters is not None:
            return clusters if clusters.seen > after else None
    return None


def _open(folder: Path) -> Clusters | None:
    import numpy

    try:
        about = json.loads((folder / _ABOUT).read_text())
        if about["format"] != FORMAT or about["files"] != _fingerprints(folder):
            return None
        keys = numpy.load(folder / _KEYS, mmap_mode="r", allow_pickle=False)
        faiss = _faiss()
        index = faiss.read_index(str(folder / _VECTORS), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        index.nprobe = min(PROBES, index.nlist)
        return Clusters(index, keys, int(about["seen"]), int(about["trained"]), folder)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return None


def _fingerprints(folder: Path) -> dict[str, list[int]]:
    """Size of each file, and a checksum of its beginning: faiss trusts what it reads."""
    found = {}
    for name in (_VECTORS, _KEYS):
        with (folder / name).open("rb") as file:
            found[name] = [os.fstat(file.fileno()).st_size, zlib.crc32(file.read(_HEAD))]
    return found


def _remove_others(home: Path, kept: Path) -> None:
    """Drop what is older, and drafts of processes that were killed. What others have mapped stays theirs."""
    for entry in home.iterdir():
        if entry != kept and entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)


# --- faiss ------------------------------------------------------------------------------------------------------------


def _faiss() -> Any:
    import faiss

    faiss.omp_set_num_threads(1)  # its threads spin for each other; a search takes less than waking them
    return faiss


def _clusters_for(count: int) -> int:
    """About the square root of the count, a power of two, and never so many that faiss finds too few to train on."""
    clusters = 16
    while clusters * clusters < count and clusters * 2 * _TRAINED_ON <= count:
        clusters *= 2
    return min(clusters, max(1, count // _TRAINED_ON), 2048)


def _sample(vectors: Floats, count: int) -> Floats:
    import numpy

    if count >= len(vectors):
        return vectors
    chosen = numpy.random.default_rng(0).choice(len(vectors), count, replace=False)
    return vectors[numpy.sort(chosen)]


def _rows(start: int, count: int) -> Any:
    import numpy

    return numpy.arange(start, start + count, dtype=numpy.int64)


def _packed(keys: Sequence[str]) -> NDArray[numpy.bytes_]:
    import numpy

    return numpy.array([key.encode("utf-8", "surrogatepass") for key in keys], dtype=numpy.bytes_)


def _decoded(index: Any) -> tuple[list[int], Floats]:
    """Row numbers and vectors of all that the index holds."""
    import numpy

    faiss = _faiss()
    rows: list[int] = []
    vectors = [numpy.zeros((0, index.d), dtype=numpy.float32)]
    for number in range(index.nlist):
        size = index.invlists.list_size(number)
        if not size:
            continue
        rows += faiss.rev_swig_ptr(index.invlists.get_ids(number), size).tolist()
        codes = faiss.rev_swig_ptr(index.invlists.get_codes(number), size * index.code_size)
        vectors.append(index.sq.decode(codes.reshape(size, -1).copy()))
    return rows, numpy.concatenate(vectors)
