"""A whole request from a file, as an OpenAI client would send it: messages, tools, parameters."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from stepflow.errors import UsageError
from stepflow.model import Request
from stepflow.server.control import PLAIN
from stepflow.server.refusals import Refused
from stepflow.server.wire import read_chat, read_json


def read_request(source: str, *, tenant: str = "", rule: str | None = None) -> Request:
    """The request in a file of JSON ('-' is stdin); its `model` and `stream` are left aside.

    Raises `UsageError` naming the file, what is wrong, and what was expected.
    """
    name = "stdin" if source == "-" else source
    try:
        ask = read_chat(read_json(_bytes(source, name)), {})
    except Refused as refusal:
        raise UsageError(f"{name}: {str(refusal).replace('the body', 'the request')}") from None
    if ask.control != PLAIN:
        raise UsageError(f"{name}: `stepflow` speaks to a server; say it with this command's options")
    if ask.request is None:
        raise UsageError(
            f"{name}: {ask.reason}; a request is answered here when it asks for a text, or with `tools` for calls "
            "(`stepflow serve` passes others on to the model)"
        )
    return replace(ask.request, tenant=tenant, rule=rule)


def _bytes(source: str, name: str) -> bytes:
    try:
        if source != "-":
            return Path(source).read_bytes()
        return b"" if sys.stdin is None else sys.stdin.buffer.read()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {(error.strerror or str(error)).lower()}") from None
