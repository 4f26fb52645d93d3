"""The server's life: load, warm, watch the files, serve on uvicorn, finish what is under way, close."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import uvicorn

from stepflow.errors import StepflowError, UsageError
from stepflow.server.asgi import App
from stepflow.server.board import EVERY_S
from stepflow.server.connections import Connection
from stepflow.server.houses import House
from stepflow.server.http import make_app
from stepflow.server.logs import to_stderr
from stepflow.server.service import Service
from stepflow.server.settings import Settings
from stepflow.server.tenants import LOOPBACK, read_keys

VARIABLE = "STEPFLOW_SERVE"
"""Holds the settings for the workers, which are processes of their own."""

GRACE_S = 30
"""How long requests that are under way may go on after the server was told to stop."""

BACKLOG = 2048
"""Connections that may wait to be taken."""

COLLECT_AFTER = 50_000
"""New objects after which Python looks for cycles: some 5 ms, in which every request waits."""


def open_service(settings: Settings, overrides: Mapping[str, Any] | None = None) -> Service:
    """Everything loaded and open. Raises `ConfigError`, `StoreError`, and `UsageError` for what is not safe."""
    keys = read_keys(settings.keys)
    if not keys.needed and not settings.open_to_all and settings.host not in (*LOOPBACK, "::1"):
        raise UsageError(
            f"{settings.host} can be reached from other machines: give API keys with --keys, or serve everybody with "
            "--open-to-all"
        )
    houses = [House(path, overrides) for path in settings.pipelines]
    ids = [house.id for house in houses]
    if len(set(ids)) < len(ids):
        raise UsageError(f"two pipelines have the same id: {', '.join(sorted(ids))}")
    if settings.workers > 1 and any(house.current.compiled.spec.store.type == "memory" for house in houses):
        raise UsageError("several workers share a store, and a store in memory cannot be shared; set another type")
    return Service(settings, houses, keys)


def served(service: Service) -> App:
    """The application together with its life."""
    return make_app(service, lambda _: _life(service))


def application() -> App:
    """What each of several workers serves; its settings stand in the environment."""
    described = json.loads(os.environ[VARIABLE])
    settings = Settings(**{**described["settings"], "pipelines": tuple(described["settings"]["pipelines"])})
    return _alone(open_service(settings, described["overrides"]))


def _alone(service: Service) -> App:
    """The application of a process that does nothing else."""
    to_stderr()
    app = served(service)
    gc.collect()
    gc.set_threshold(COLLECT_AFTER)
    gc.freeze()  # plans live as long as the process: a collection that walks through them keeps hits waiting
    return app


def serve(settings: Settings, overrides: Mapping[str, Any] | None, announce: Callable[[str], None]) -> None:
    """Serve until told to stop. `announce` is told the server's URL once it listens, and not before.

    Raises what `open_service` raises, and `UsageError` when it cannot listen.
    """
    service = open_service(settings, overrides)
    with contextlib.closing(service), _listening(settings) as door:
        service.settings = replace(settings, port=door.getsockname()[1])
        announce(_url(service.settings))
        if settings.workers == 1:
            _run(door, _alone(service))
            return
        service.close()  # what is wrong was said once, here, and not by every worker
        with tempfile.TemporaryDirectory(prefix="stepflow-serve-") as board:
            described = {"settings": asdict(replace(service.settings, board=board)), "overrides": overrides}
            os.environ[VARIABLE] = json.dumps(described)
            _run(door, "stepflow.server.running:application", factory=True, workers=settings.workers)


def _listening(settings: Settings) -> socket.socket:
    """A socket that listens at the address of the settings. Raises `UsageError`."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, *_, address = min(found)  # of a name that has several addresses, one of IPv4
        door = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = str(error.strerror).partition(" (")[0] if isinstance(error, OSError) else "no such name"
        raise UsageError(
            f"the server cannot listen at {_url(settings)}: {reason}; choose another --host, or another --port (0 "
            "takes a free one)"
        ) from error
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections have it from here: else hits wait 40 ms
    return door


def _url(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def _run(door: socket.socket, app: App | str, **more: Any) -> None:
    uvicorn.run(
        app,
        fd=door.fileno(),
        loop="uvloop",
        http=Connection,
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        **more,
    )


@contextlib.asynccontextmanager
async def _life(service: Service) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    pool = ThreadPoolExecutor(service.settings.threads, "stepflow")
    loop.set_default_executor(pool)
    work = [asyncio.create_task(task(service)) for task in (_warm, _watch, _put_up)]
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
        loop.add_signal_handler(signal.SIGHUP, lambda: work.append(asyncio.create_task(reload_all(service))))
    names = ", ".join(house.id for house in service.houses)
    service.ledger.log.event("started", pipelines=names, host=service.settings.host, port=service.settings.port)
    try:
        yield
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        with contextlib.suppress(OSError):
            service.board.put(service.figures())
        await asyncio.to_thread(service.close)
        service.ledger.log.event("stopped")


async def _warm(service: Service) -> None:
    """In threads, so that hits are served meanwhile: importing LiteLLM takes seconds, loading a model too."""
    for house in service.houses:
        await asyncio.to_thread(house.warm)
        if house.problem:
            service.ledger.log.event("not ready", bad=True, pipeline=house.id, problem=house.problem)


async def _watch(service: Service) -> None:
    if service.settings.reload <= 0:
        return
    while True:
        await asyncio.sleep(service.settings.reload)
        for house in service.houses:
            if await asyncio.to_thread(house.is_edited):
                await _reload(service, house)


async def _put_up(service: Service) -> None:
    """The other workers' scrapes show what this one has counted."""
    while service.settings.board is not None:
        try:
            service.board.put(service.figures())
        except OSError as error:
            service.ledger.log.event("figures not shared", bad=True, problem=str(error))
        await asyncio.sleep(EVERY_S)


async def reload_all(service: Service) -> None:
    """Read keys and files anew, edited or not."""
    try:
        service.reread_keys()
    except StepflowError as error:
        service.ledger.log.event("the old keys still hold", bad=True, problem=str(error))
    for house in service.houses:
        await _reload(service, house)


async def _reload(service: Service, house: House) -> None:
    try:
        await house.reload()
    except Exception as error:  # the watch must go on
        service.ledger.log.failure(error)
        return
    service.hot.clear()  # what is not served any more must not be held
    if house.problem:
        service.ledger.log.event("not reloaded", bad=True, pipeline=house.id, problem=house.problem)
    else:
        service.ledger.log.event("reloaded", pipeline=house.id)
