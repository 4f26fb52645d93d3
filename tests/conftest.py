from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings
from rediskit import KINDS, Server

settings.register_profile("stepflow", deadline=None)  # how long a thing takes is for benchmarks, not for tests
settings.load_profile("stepflow")

# Compiled modules are kept, as in every ordinary installation: many tests start processes, and each would compile them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# So are compiled patterns and grammars, in a folder that begins empty; workers share that of the process above them.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["STEPFLOW_COMPILED"] = tempfile.mkdtemp(prefix="stepflow-compiled-")
    atexit.register(shutil.rmtree, os.environ["STEPFLOW_COMPILED"], ignore_errors=True)


@pytest.fixture(scope="session")
def redis_servers() -> Iterator[Callable[[str], Server]]:
    """A real server of a kind, emptied: one for all tests, which keeps nothing."""
    started: dict[str, Server] = {}

    def server(kind: str) -> Server:
        if kind not in started:
            started[kind] = Server(kind=kind).start()
        started[kind].client.flushall()
        return started[kind]

    yield server
    for each in started.values():
        each.close()


@pytest.fixture(params=KINDS)
def redis_server(request: pytest.FixtureRequest, redis_servers: Callable[[str], Server]) -> Server:
    """A server of each kind that there is."""
    return redis_servers(request.param)


def pytest_collection_finish() -> None:
    """What was collected stays to the end: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden outputs anew; then read the diff")
