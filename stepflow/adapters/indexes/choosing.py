"""Which index a namespace gets: `retrieve: {index: auto | exact | faiss}`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from stepflow.adapters.indexes.exact import ExactIndex
from stepflow.adapters.indexes.growing import THRESHOLD, GrowingIndex
from stepflow.errors import UsageError
from stepflow.protocols import Index

_ADVICE = "pip install 'stepflow[scale]' makes the search of so many fast"


def chosen(index: str, folder: Path | None) -> Callable[[str], Index]:
    """What makes the index of a name; saved ones live under `folder`. Raises `UsageError` when faiss is missing.

    `auto` and `faiss` compare one by one while there are few; without faiss, `auto` does so always and says so.
    """
    scales = index != "exact" and find_spec("faiss") is not None
    if index == "faiss" and not scales:
        raise UsageError("`retrieve: {index: faiss}` needs faiss: pip install 'stepflow[scale]', or leave it to `auto`")
    if not scales:
        advice = _ADVICE if index == "auto" else ""
        return lambda name: ExactIndex(name, advice=advice, many=THRESHOLD)
    return lambda name: GrowingIndex(None if folder is None else folder / "indexes" / name)
