"""API keys, and whose records a key opens.

A line of the key file is `<SHA-256 of the key> <tenant>`, with the word `admin` behind it for keys that see all
tenants in the console; `#` begins a comment. The environment variable STEPFLOW_API_KEYS may hold such lines too,
separated by `;`. Keys are random and long, so a plain hash of one tells nothing of it.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stepflow.errors import UsageError
from stepflow.model import Record
from stepflow.server.refusals import Refused

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
VARIABLE = "STEPFLOW_API_KEYS"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_LINE = re.compile(r"([0-9a-f]{64})[ \t]+(\S+)(?:[ \t]+(admin))?\Z")


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose request it is. `name` is empty where no keys are asked for; an admin sees every tenant."""

    name: str = ""
    admin: bool = False

    def space(self, namespace: str | None) -> str:
        """The tenant as records know it: names hold no slash, so that none can pass for another's namespace."""
        return self.name if namespace is None else f"{self.name}/{namespace}"

    def owns(self, tenant: str) -> bool:
        """Whether what is kept under this tenant's name is its own."""
        return self.admin or tenant == self.name or tenant.startswith(f"{self.name}/")

    def owns_record(self, record: Record) -> bool:
        """Whether a record is its own."""
        return self.owns(record.tenant)


EVERYBODY = Tenant("", admin=True)


class Keys:
    """The keys that open this server, hashed. Without any, every request is everybody's."""

    def __init__(self, lines: Iterable[str] = (), *, needed: bool = False) -> None:
        self._entries: list[tuple[str, Tenant]] = []
        self.needed = needed
        for number, line in enumerate(lines, start=1):
            text = line.partition("#")[0].strip()
            if text:
                self._entries.append(_entry(number, text))
        if needed and not self._entries:
            raise UsageError("there is no API key; `stepflow serve --new-key TENANT` makes one")

    def tenant(self, authorization: str | None) -> Tenant | None:
        """The tenant of an `Authorization` header, None when it opens nothing. Every entry is compared each time."""
        if not self.needed:
            return EVERYBODY
        kind, _, key = (authorization or "").partition(" ")
        offered = hash_of(key.strip()) if kind.lower() == "bearer" else ""
        found = [tenant for digest, tenant in self._entries if hmac.compare_digest(digest, offered)]
        return found[0] if found else None


def refuse_foreign(host: str, own: str) -> None:
    """Raise `Refused` for a host that is not this machine: where no keys are asked for, the address is the only guard,
    and a page of another site must not reach the server by a name of its own."""
    if not _is_own(host, own):
        raise Refused(403, "this server is for programs of its own machine; start it with API keys", "wrong_host")


@functools.lru_cache(256)
def _is_own(host: str, own: str) -> bool:
    host = host.lower()
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    return name in LOOPBACK or name == own.lower()


def _entry(number: int, text: str) -> tuple[str, Tenant]:
    match = _LINE.match(text)
    if match is None or not NAME.match(match[2]):
        raise UsageError(
            f"line {number} of the API keys is not `<64 hexadecimal digits> <tenant> [admin]`; "
            "`stepflow serve --new-key TENANT` writes one"
        )
    return match[1], Tenant(match[2], match[3] is not None)


def read_keys(path: str | None, *, needed: bool = False) -> Keys:
    """The keys of a file and of the environment. Raises `UsageError` when they cannot be read."""
    lines = os.environ.get(VARIABLE, "").split(";")
    if path is not None:
        try:
            lines += Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the API keys {path} cannot be read: {error}") from error
    given = path is not None or any(line.strip() for line in lines)
    return Keys(lines, needed=needed or given)


def hash_of(key: str) -> str:
    """The hash under which a key is kept."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def new_key(tenant: str) -> tuple[str, str]:
    """A new key, and the line that opens the server for it. Raises `UsageError` for a name that cannot be one."""
    if not NAME.match(tenant):
        raise UsageError(f"{tenant!r} is no name of a tenant: letters, digits, dots, dashes, underscores, at most 64")
    key = f"sk-stepflow-{secrets.token_urlsafe(32)}"
    return key, f"{hash_of(key)} {tenant}"
