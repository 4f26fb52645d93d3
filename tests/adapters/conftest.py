"""A Redis server's store, and a flow on it, for the files that test them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flowkit import COUNT, Flow
from rediskit import Server

from stepflow.adapters.stores.redis import RedisStore


@pytest.fixture
def store(redis_server: Server) -> Iterator[RedisStore]:
    store = RedisStore(redis_server.url)
    yield store
    store.close()


@pytest.fixture
def flow(redis_server: Server, tmp_path: Path) -> Iterator[Flow]:
    flow = Flow(tmp_path, COUNT, store={"type": "redis", "url": redis_server.url})
    yield flow
    flow.pipeline.close()
