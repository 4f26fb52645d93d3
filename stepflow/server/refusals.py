"""Errors as OpenAI's clients know them: a status, and `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from typing import Any

from stepflow.errors import (
    BackendError,
    ConfigError,
    ConnectionRefused,
    CutOffAnswer,
    EmptyAnswer,
    MissingApiKey,
    RateLimited,
    ScriptExhausted,
    StepflowError,
    StoreError,
    TimedOut,
    UnverifiedAnswer,
    UsageError,
)

TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    405: "invalid_request_error", 408: "timeout_error", 413: "invalid_request_error", 415: "invalid_request_error",
    422: "unverified_answer", 429: "rate_limit_error", 503: "overloaded_error", 504: "timeout_error",
}  # fmt: skip

_STATUS: tuple[tuple[type[StepflowError], int, str], ...] = (
    (RateLimited, 429, "backend_rate_limited"),
    (TimedOut, 504, "backend_timed_out"),
    (ConnectionRefused, 502, "backend_unreachable"),
    (MissingApiKey, 500, "backend_key_missing"),
    (EmptyAnswer, 502, "empty_answer"),
    (CutOffAnswer, 502, "answer_cut_off"),
    (ScriptExhausted, 500, "script_exhausted"),
    (BackendError, 502, "backend_error"),
    (UnverifiedAnswer, 422, "unverified_answer"),
    (StoreError, 503, "store_unavailable"),
    (ConfigError, 500, "configuration_error"),
    (UsageError, 400, "invalid_request"),
    (StepflowError, 500, "stepflow_error"),
)


class Refused(Exception):
    """A request that gets an error instead of an answer. `retry_after` is in seconds."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, Any]:
        """The error as JSON."""
        kind = TYPES.get(self.status, "server_error")
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


def refused(error: Exception) -> Refused:
    """Any error as a refusal: the backend's own status where it has one; a bug of ours tells nothing of itself."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, TimeoutError):
        return Refused(504, "the request took longer than this server allows", "wall_time")
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            own = error.status if isinstance(error, BackendError) else None
            said = own if own is not None and 400 <= own <= 599 else status
            return Refused(said, str(error), code, retry_after=1 if said in (429, 503) else None)
    return Refused(500, "the server failed; its log says why", "internal_error")
