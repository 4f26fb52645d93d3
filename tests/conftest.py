from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rediskit import Server


@pytest.fixture(scope="session")
def redis_process() -> Iterator[Server]:
    """One server for all tests; each takes it empty, as `redis_server`."""
    from rediskit import Server  # it imports redis, which the other tests need not wait for

    server = Server().start()
    yield server
    server.kill()


@pytest.fixture
def redis_server(redis_process: Server) -> Server:
    """A real server that keeps nothing, emptied."""
    redis_process.client.flushall()
    return redis_process


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden outputs anew; then read the diff")
