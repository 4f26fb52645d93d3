"""Values of a Redis store without the library redis, whose import takes longer than all else of an exact hit.

It is for one look from the command line: it signs in, chooses the database and asks for a value, over TCP, TLS or a
socket of this machine. Options of the URL that it does not know, and whatever goes wrong, it leaves to the library.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

from stepflow.errors import StoreError

TIMEOUT_S = 1.0
"""For each answer. Whoever is slower is asked again by the library, which waits longer."""

LARGEST = 2**26
"""Bytes of a value; no record is so large."""


class RedisReader:
    """The values of the store at a URL. Raises `StoreError` for whatever hinders it, without saying what is wrong."""

    def __init__(self, url: str, prefix: str) -> None:
        self._prefix = prefix
        try:
            self._socket, self._greeting = _connected(url)
        except (OSError, ValueError):
            raise StoreError("the store was not looked at") from None
        self._answers: BinaryIO = self._socket.makefile("rb")

    def get(self, key: str) -> str | None:
        """The value, or None when absent. Raises `StoreError` when it is none of ours."""
        try:
            commands = [*self._greeting, ("GET", f"{self._prefix}:value:{key}")]
            self._greeting = []
            self._socket.sendall(b"".join(map(_command, commands)))
            value = [_answer(self._answers) for _ in commands][-1]
            return None if value is None else value.decode("utf-8")
        except (OSError, ValueError):
            raise StoreError("the store gave no answer") from None

    def credit(self, *keys: str) -> None:
        """Nothing, as in the store itself."""

    def close(self) -> None:
        """Close the connection. Idempotent."""
        self._answers.close()
        self._socket.close()


def _connected(url: str) -> tuple[socket.socket, list[tuple[str, ...]]]:
    """The socket, and what is to be said on it first. Raises `ValueError` for a URL that is not understood."""
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    authority = options.pop("ssl_ca_certs", None)
    options.pop("socket_timeout", None)
    if options or parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("this is for the library")
    greeting: list[tuple[str, ...]] = []
    if parts.password is not None:
        greeting.append(("AUTH", *(unquote(each) for each in (parts.username, parts.password) if each)))
    elif parts.username:
        raise ValueError("a user without a password is for the library")
    if parts.scheme == "unix":
        return _closed_on_failure(
            socket.socket(socket.AF_UNIX), lambda local: _local(local, unquote(parts.path))
        ), greeting
    if database := parts.path.strip("/"):
        greeting.append(("SELECT", str(int(database))))
    host = parts.hostname or ""
    plain = socket.create_connection((host, parts.port or 6379), TIMEOUT_S)
    if parts.scheme == "rediss":
        return _closed_on_failure(plain, lambda plain: _with_tls(plain, host, authority)), greeting
    return plain, greeting


def _closed_on_failure(opened: socket.socket, use: Callable[[socket.socket], socket.socket]) -> socket.socket:
    try:
        return use(opened)
    except (OSError, ValueError):
        opened.close()
        raise


def _local(local: socket.socket, path: str) -> socket.socket:
    local.settimeout(TIMEOUT_S)
    local.connect(path)
    return local


def _with_tls(plain: socket.socket, host: str, authority: str | None) -> socket.socket:
    import ssl  # 20 ms, and not needed on a trusted network

    return ssl.create_default_context(cafile=authority).wrap_socket(plain, server_hostname=host)


def _command(words: tuple[str, ...]) -> bytes:
    encoded = [word.encode("utf-8") for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


def _answer(lines: BinaryIO) -> bytes | None:
    """One answer: a line, a text, or nothing. Raises `ValueError` for a refusal and for what is no answer to `GET`."""
    line = lines.readline(LARGEST)
    if line.startswith(b"+") and line.endswith(b"\r\n"):
        return line[1:-2]
    if not line.startswith(b"$"):
        raise ValueError("refused, or not from a Redis server")
    length = int(line[1:])
    if length < 0:
        return None
    if length > LARGEST:
        raise ValueError("larger than any record")
    value = lines.read(length + 2)
    if len(value) < length + 2:
        raise ValueError("the answer is not whole")
    return value[:-2]
