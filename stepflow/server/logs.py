"""One line for each request, on stderr: as JSON for machines, or short for people. No prompt and no answer is in it."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any, Literal

from stepflow.server.recent import Entry

_NAME = "stepflow.server"


class Log:
    """Writes to the logger `stepflow.server`, which whoever embeds the server may send elsewhere."""

    def __init__(self, form: Literal["json", "text", "none"] = "none") -> None:
        self._form = form
        self._logger = logging.getLogger(_NAME)

    def request(self, entry: Entry) -> None:
        """A request that has been answered, or refused."""
        if self._form == "none":
            return
        outcome = entry.outcome
        self._write(
            logging.INFO if entry.status < 500 else logging.ERROR,
            "request",
            id=entry.id,
            status=entry.status,
            tenant=entry.tenant,
            pipeline=entry.pipeline,
            outcome=outcome and outcome.outcome,
            final=outcome and outcome.final,
            rule=outcome and outcome.rule,
            calls=outcome.calls if outcome else None,
            tokens=outcome.usage.total if outcome else None,
            tokens_saved=outcome.saved.total if outcome else None,
            milliseconds=round(entry.seconds * 1000, 2),
            error=entry.error or None,
        )

    def event(self, event: str, *, bad: bool = False, **data: Any) -> None:
        """Anything else worth a line."""
        if self._form != "none":
            self._write(logging.ERROR if bad else logging.INFO, event, **data)

    def failure(self, error: Exception) -> None:
        """A failure of ours, with its traceback."""
        self._logger.error("a request failed", exc_info=error)

    def _write(self, level: int, event: str, **data: Any) -> None:
        known = {name: value for name, value in data.items() if value is not None}
        if self._form == "json":
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            line = {"time": moment, "level": logging.getLevelName(level).lower(), "event": event, **known}
            self._logger.log(level, "%s", json.dumps(line, ensure_ascii=True, default=str))
        else:
            # JSON's quoting also keeps a line break in an error from passing for a line of the log.
            said = " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in known.items())
            self._logger.log(level, "%s %s", event, said)


def to_stderr() -> None:
    """Send the lines to stderr, as they are."""
    logger = logging.getLogger(_NAME)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
