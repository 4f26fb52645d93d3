"""One line for each request, on stderr: as JSON for machines, or short for people. No prompt and no answer is in it."""

from __future__ import annotations

import functools
import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any, Literal

from stepflow.server.recent import Entry

_NAME = "stepflow.server"


class Log:
    """Writes to the logger `stepflow.server`, which whoever embeds the server may send elsewhere."""

    def __init__(self, form: Literal["json", "text", "none"] = "none") -> None:
        self._form = form
        self._logger = logging.getLogger(_NAME)

    def request(self, *entries: Entry) -> None:
        """Requests that have been answered, or refused; all in one record of the logger, a line for each."""
        if self._form == "none":
            return
        bad = any(entry.status >= 500 for entry in entries)
        lines = "\n".join([self._form_line(entry) for entry in entries])
        self._logger.log(logging.ERROR if bad else logging.INFO, "%s", lines)

    def _form_line(self, entry: Entry) -> str:
        outcome = entry.outcome
        kind = (entry.status, entry.tenant, entry.pipeline, entry.error)
        said = () if outcome is None else (
            outcome.outcome, outcome.final, outcome.rule, outcome.calls, outcome.usage.total, outcome.saved.total
        )  # fmt: skip
        milliseconds = round(entry.seconds * 1000, 2)
        if self._form == "json":
            level = "error" if entry.status >= 500 else "info"
            head = (
                f'{{"time": "{_moment(int(time.time()))}", "level": "{level}", "event": "request", "id": "{entry.id}"'
            )
            return f'{head}, {_json_members(*kind, *said)}, "milliseconds": {milliseconds}}}'
        return f'request id="{entry.id}" {_words(*kind, *said)} milliseconds={milliseconds}'

    def event(self, event: str, *, bad: bool = False, **data: Any) -> None:
        """Anything else worth a line."""
        if self._form != "none":
            self._write(logging.ERROR if bad else logging.INFO, event, **data)

    def failure(self, error: Exception) -> None:
        """A failure of ours, with its traceback."""
        self._logger.error("a request failed", exc_info=error)

    def _write(self, level: int, event: str, **data: Any) -> None:
        if self._form == "json":
            head = {"time": _moment(int(time.time())), "level": logging.getLevelName(level).lower(), "event": event}
            self._logger.log(level, "%s", json.dumps({**head, **_known(data)}, ensure_ascii=True, default=str))
        else:
            self._logger.log(level, "%s %s", event, _as_words(_known(data)))


def _known(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}


def _as_words(data: Mapping[str, Any]) -> str:
    # JSON's quoting also keeps a line break in an error from passing for a line of the log.
    return " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in data.items())


_SAID = ("status", "tenant", "pipeline", "error", "outcome", "final", "rule", "calls", "tokens", "tokens_saved")


def _said(values: tuple[Any, ...]) -> dict[str, Any]:
    data = _known(dict(zip(_SAID, values, strict=False)))
    return data if data["error"] else {name: value for name, value in data.items() if name != "error"}


# Of most requests all but the id and the time has been said before, and writing it is what takes long.


@functools.lru_cache(512)
def _words(*values: Any) -> str:
    return _as_words(_said(values))


@functools.lru_cache(512)
def _json_members(*values: Any) -> str:
    return json.dumps(_said(values), ensure_ascii=True)[1:-1]


@functools.lru_cache(2)
def _moment(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def to_stderr() -> None:
    """Send the lines to stderr, as they are."""
    logger = logging.getLogger(_NAME)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
