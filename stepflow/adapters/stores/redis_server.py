"""A Redis or Valkey server that may go away: errors in words, and nobody waits twice for the same outage."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from stepflow.errors import StoreError

T = TypeVar("T")

PAUSE_S = (0.25, 5.0)
"""After a failure the server is left alone this long: from the first failure to the longest of a row of them."""

_TIMEOUTS_S = {"socket_connect_timeout": 2.0, "socket_timeout": 5.0}
_SCHEMES = ("redis", "rediss", "unix")
_INSTALL = "the store `redis` needs the library redis: pip install 'stepflow[redis]'"


class RedisServer:
    """The server at a URL, for any number of threads. It is connected to when it is first asked something.

    Raises `StoreError` when the URL is none, or the library is not installed. No message holds the password, and no
    error has a cause: a traceback would print the library's own words.
    """

    def __init__(self, url: str) -> None:
        self.address = address(url)
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise StoreError(_INSTALL) from error
        self._errors = redis.exceptions
        settings: dict[str, Any] = dict(_TIMEOUTS_S, retry=Retry(NoBackoff(), 0), protocol=2)
        if url.startswith("rediss:"):
            settings["ssl_check_hostname"] = True  # the library's default only since version 6
        try:
            pool = redis.BlockingConnectionPool.from_url(url, max_connections=50, timeout=5, **settings)
            pool.connection_kwargs["decode_responses"] = False
            pool.connection_class(**pool.connection_kwargs)  # connects nothing, but knows its options
        except (ValueError, TypeError, OSError):
            raise StoreError(f"the store's url {self.address} has options that it cannot have: {_FORM}") from None
        self._secrets = _secrets(url, pool.connection_kwargs)
        self._client: Any = redis.Redis(connection_pool=pool)
        self._away_until = 0.0
        self._pause_s = 0.0
        self._reason = ""

    def script(self, text: str) -> Callable[..., Any]:
        """A Lua script, run by `ask(lambda client: script(keys, arguments))`."""
        script: Callable[..., Any] = self._client.register_script(text)
        return script

    def ask(self, action: Callable[[Any], T]) -> T:
        """What the action makes of the client. Raises `StoreError`; at once, while the server is known to be away."""
        left = self._away_until - time.monotonic()
        if left > 0:
            raise StoreError(f"the store {self.address} is away ({self._reason}); it is tried again in {left:.1f} s")
        try:
            answer = self._attempt(action)
        except self._errors.ResponseError as error:
            raise StoreError(f"the store {self.address} refuses: {self._said(error)}") from None
        except (self._errors.RedisError, OSError) as error:
            self._reason = self._said(error)
            self._pause_s = min(max(2 * self._pause_s, PAUSE_S[0]), PAUSE_S[1])
            self._away_until = time.monotonic() + self._pause_s
            raise StoreError(f"the store {self.address} cannot be reached: {self._reason}") from None
        self._pause_s = 0.0
        return answer

    def close(self) -> None:
        """Close the connections. Idempotent; the next question opens them again."""
        self._client.connection_pool.disconnect()

    def _attempt(self, action: Callable[[Any], T]) -> T:
        try:
            return action(self._client)
        except self._errors.TimeoutError:
            raise
        except self._errors.ConnectionError:  # cut while it lay idle, or restarted: a fresh one may do
            time.sleep(0.05)
            return action(self._client)

    def _said(self, error: BaseException) -> str:
        said = str(error).rstrip(".") or type(error).__name__
        for secret in self._secrets:
            said = said.replace(secret, "***")
        return said


_FORM = "write it as redis://host:6379/0, rediss://user:password@host:6379/0 (TLS) or unix:///path/to/socket"


def address(url: str) -> str:
    """The URL without user, password and options. Raises `StoreError` when it is none."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise StoreError(f"the store's `url` is no Redis server's: {_FORM}") from None
    if parts.scheme not in _SCHEMES or not (parts.hostname or parts.scheme == "unix"):
        raise StoreError(f"the store's `url` is no Redis server's: {_FORM}")
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _secrets(url: str, settings: dict[str, Any]) -> tuple[str, ...]:
    password = settings.get("password")
    written = urlsplit(url).password
    found = {url, password or "", written or "", quote(password or "", safe="")}
    return tuple(sorted(found - {""}, key=len, reverse=True))
