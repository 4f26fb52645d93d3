"""A Redis or Valkey server that may go away: errors in words, and nobody waits twice for the same outage.

Each change of its state is told once: that it is away, that it refuses to read or to write, and that it does no longer.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from stepflow.errors import StoreError

T = TypeVar("T")

PAUSE_S = (0.25, 5.0)
"""After a failure the server is left alone this long: from the first failure to the longest of a row of them."""

_TIMEOUTS_S = {"socket_connect_timeout": 2.0, "socket_timeout": 2.0}
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
            pool = redis.BlockingConnectionPool.from_url(url, max_connections=50, timeout=2, **settings)
            pool.connection_kwargs["decode_responses"] = False
            pool.connection_class(**pool.connection_kwargs)  # connects nothing, but knows its options
        except (ValueError, TypeError, OSError):
            raise StoreError(f"the store's url {self.address} has options that it cannot have: {_FORM}") from None
        authority = pool.connection_kwargs.get("ssl_ca_certs")
        if authority and not os.path.isfile(authority):
            raise StoreError(f"the store's url {self.address} names a file that is not there: ssl_ca_certs={authority}")
        self._secrets = _secrets(url, pool.connection_kwargs)
        self._client: Any = redis.Redis(connection_pool=pool)
        self._away_since = 0.0
        self._away_until = 0.0
        self._pause_s = 0.0
        self._reason = ""
        self._refusals: dict[bool, str] = {}
        self._news: list[str] = []
        self._trial = threading.Lock()

    def script(self, text: str) -> Callable[..., Any]:
        """A Lua script, run by `ask(lambda client: script(keys, arguments))`."""
        script: Callable[..., Any] = self._client.register_script(text)
        return script

    def ask(self, action: Callable[[Any], T], *, writes: bool = False) -> T:
        """What the action makes of the client. Raises `StoreError`; at once, while the server is known to be away."""
        trying = self._reason != "" and self._may_try()
        try:
            answer = self._attempt(action)
        except self._errors.ResponseError as error:
            self._is_there()
            raise self._refusal(error, writes) from None
        except (self._errors.RedisError, OSError) as error:
            raise self._outage(error) from None
        finally:
            if trying:
                self._trial.release()
        if self._reason or self._refusals:
            self._is_there()
            self._accepts(writes)
        return answer

    def news(self) -> Sequence[str]:
        """That the server is back, or takes again what it refused, since this was last asked."""
        if not self._news:
            return ()
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Close the connections. Idempotent; the next question opens them again."""
        self._client.connection_pool.disconnect()

    def _may_try(self) -> bool:
        """Be the one that tries the server again. Raises `StoreError` when it is too early, or another is trying."""
        left = self._away_until - time.monotonic()
        if left > 0:
            when = f"it is tried again in {left:.1f} s"
        elif self._trial.acquire(blocking=False):
            return True
        else:
            when = "it is being tried again"
        raise StoreError(f"the store {self.address} is away ({self._reason}); {when}", told=True)

    def _outage(self, error: BaseException) -> StoreError:
        now, said = time.monotonic(), self._said(error)
        told, self._reason = said == self._reason, said
        if not self._pause_s:
            self._away_since = now
        self._pause_s = min(max(2 * self._pause_s, PAUSE_S[0]), PAUSE_S[1])
        self._away_until = now + self._pause_s
        return StoreError(f"the store {self.address} cannot be reached: {said}", told=told)

    def _refusal(self, error: BaseException, writes: bool) -> StoreError:
        said = self._said(error)
        told = said in self._refusals.values()
        if not said.startswith(_ONE_KEY):
            self._refusals[writes] = said
        return StoreError(f"the store {self.address} refuses: {said}", told=told)

    def _is_there(self) -> None:
        if self._reason:
            away = time.monotonic() - self._away_since
            self._reason, self._pause_s = "", 0.0
            self._news.append(f"the store {self.address} is back, after {away:.1f} s")

    def _accepts(self, writes: bool) -> None:
        if self._refusals.pop(writes, ""):
            self._news.append(f"the store {self.address} can be {'written' if writes else 'read'} again")

    def _attempt(self, action: Callable[[Any], T]) -> T:
        try:
            return action(self._client)
        except self._errors.TimeoutError:
            raise
        except self._errors.ConnectionError:  # cut while it lay idle, or restarted: a fresh one may do
            time.sleep(0.05)
            return action(self._client)

    def _said(self, error: BaseException) -> str:
        said = _OF_SCRIPT.sub("", str(error)).rstrip(".") or type(error).__name__
        for secret in self._secrets:
            said = said.replace(secret, "***")
        hints = (*_HINTS, _TLS_HINT if self.address.startswith("rediss:") else _PLAIN_HINT)
        return "; ".join((said, *(hint for words, hint in hints if words in said)))


_ONE_KEY = "WRONGTYPE"
"""How a refusal begins that is no state of the server."""

_OF_SCRIPT = re.compile(r"^ERR Error running script .*?@user_script: ?\d+: |\.? script: .*", re.DOTALL)
"""What a server says of our script, around what it says to the user."""

_HINTS = (
    ("used memory > 'maxmemory'", "give it more, or the `maxmemory-policy` volatile-ttl"),
    ("read only replica", "name its primary in `url`"),
    ("no permissions", "grant the rights that docs/how-to/scale-out.md names"),
    ("DB index", "name another database at the end of `url`"),
    ("username-password pair", "check the user and the password in `url`"),
    ("without any password configured", "name a user in `url`, or no password"),
    ("Authentication required", "name a user and a password in `url`"),
    ("self-signed", "name the authority: `?ssl_ca_certs=FILE` at the end of `url`"),
    ("unable to get local issuer", "name the authority: `?ssl_ca_certs=FILE` at the end of `url`"),
    ("mismatch, certificate", "name the host in `url` as its certificate does"),
)
_PLAIN_HINT = ("reset by peer", "if this port speaks TLS, `url` begins with rediss://")
_TLS_HINT = ("Timeout connecting", "if this port does not speak TLS, `url` begins with redis://")

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
