"""Every exception that stepflow raises on purpose.

StepflowError
├── ConfigError            the YAML is wrong; carries all diagnostics of one load
├── UsageError             the call is wrong: no such file, rule, record or trace
├── BackendError           the model could not be asked, or its reply is not an answer
│   ├── MissingApiKey
│   ├── ConnectionRefused
│   ├── RateLimited
│   ├── TimedOut
│   ├── EmptyAnswer
│   ├── CutOffAnswer
│   └── ScriptExhausted    a scripted or recorded backend has no reply left
├── StoreError             the store cannot be opened or written
└── UnverifiedAnswer       nothing passed, and the pipeline says `on_unverified: error`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepflow.source import Diagnostic


class StepflowError(Exception):
    """Root of all deliberate errors; its text is a sentence for the user."""

    exit_code = 2


class ConfigError(StepflowError):
    """The YAML does not describe a valid rule or pipeline. `diagnostics` holds every problem found."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("\n".join(str(diagnostic) for diagnostic in diagnostics))
        self.diagnostics = tuple(diagnostics)


class UsageError(StepflowError):
    """The call asks for something that is not there."""


class BackendError(StepflowError):
    """The model could not be asked, or what it replied is not an answer.

    `status` is the HTTP status with which the provider refused, None when it did not speak HTTP or never answered.
    """

    exit_code = 3
    status: int | None = None


class MissingApiKey(BackendError):
    """The provider wants a key and none, or a wrong one, is set."""


class ConnectionRefused(BackendError):
    """Nothing answers at the backend's address."""


class RateLimited(BackendError):
    """The provider refuses more requests for now."""


class TimedOut(BackendError):
    """No answer within the backend's `timeout`."""


class EmptyAnswer(BackendError):
    """The model replied with no text."""


class CutOffAnswer(BackendError):
    """The model stopped at its token limit, so the answer is not whole."""


class ScriptExhausted(BackendError):
    """A scripted or recorded backend was asked for a reply that it does not hold."""


class StoreError(StepflowError):
    """The store cannot be opened, read or written. With `told` it says what was said before, of the same trouble."""

    def __init__(self, message: str, *, told: bool = False) -> None:
        super().__init__(message)
        self.told = told


class UnverifiedAnswer(StepflowError):
    """No answer passed its verifiers, and the pipeline asks for an error then."""

    exit_code = 1
