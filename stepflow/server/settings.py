"""What the server is started with. Times are in seconds, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Settings:
    """Pipelines (the first is the default), address, keys and limits.

    `model_calls` run at a time and `waiting` wait for their turn, of each tenant `tenant_calls` in both together;
    `requests` are open at a time. Whatever comes on top is refused at once. `keys` is a file of API keys, `open_to_all`
    serves without any. `shared` is the tenant whose records all may read. `any_model` takes every `model` for the
    default pipeline's. `hot_bytes` is the room for replies that are kept ready. `threads` do what is no exact hit: more
    of them answer no faster, as they share Python's lock, and keep the event loop waiting. `board` is the folder in
    which several workers put up their figures.
    """

    pipelines: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 8080
    keys: str | None = None
    open_to_all: bool = False
    shared: str | None = None
    any_model: bool = False
    body_bytes: int = 1_048_576
    body_time: float = 30.0
    requests: int = 512
    model_calls: int = 32
    waiting: int = 256
    tenant_calls: int = 64
    wall_time: float = 180.0
    keep_alive: float = 10.0
    hold_headers: float = 0.25
    threads: int = 4
    hot_bytes: int = 33_554_432
    reload: float = 2.0
    recent: int = 200
    log: Literal["json", "text", "none"] = "text"
    workers: int = 1
    board: str | None = None
