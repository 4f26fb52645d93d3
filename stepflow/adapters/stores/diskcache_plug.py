"""Keeps records in a folder on this machine, shared by all its processes and threads.

Values expire a fixed time after they were written, and reading one never renews that. When `size_limit` is reached,
those go first that have saved the fewest model calls for their size and age. The folder is made readable by its owner
only; nothing in it is ever unpickled.

    store: {type: diskcache, path: .stepflow/cache, size_limit: 1GiB, expire: 30d}

It declines (a store error) when the folder holds something else, cannot be written, or is damaged. For several
machines use a store on the network: SQLite needs a local file system.
"""

from __future__ import annotations

from pydantic import Field

from stepflow.adapters.stores.disk import DEFAULT_SIZE_LIMIT, DiskStore
from stepflow.notation import BuildContext
from stepflow.options import Options as BaseOptions
from stepflow.protocols import Store

NAME = "diskcache"


class Options(BaseOptions):
    """What stands beside `type: diskcache`."""

    path: str = Field(min_length=1, description="The store's folder; created if need be, for its owner only.")
    size_limit: int = Field(
        default=DEFAULT_SIZE_LIMIT,
        ge=2**20,
        description="Bytes that the values may take, at least 1 MiB, e.g. 1GiB. What saves least goes first.",
    )
    expire: float | None = Field(
        default=None, gt=0, description="Seconds after which a value expires, e.g. 30d. Never when left out."
    )


def build(options: Options, context: BuildContext) -> Store:
    """The store, opened. Raises `StoreError` when it cannot be."""
    return DiskStore(options.path, options.size_limit, options.expire)
