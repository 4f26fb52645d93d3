"""stepflow: verified, step-level reuse of language-model answers, declared in YAML.

    import stepflow

    with stepflow.load("pipelines/default.yaml") as pipeline:
        outcome = pipeline.run("Solve 2x + 3 = 11 for x.")
        print(outcome.answer, outcome.outcome, outcome.final)

Importing this package costs nothing heavy: names are fetched when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepflow.engine import Pipeline, load
    from stepflow.errors import BackendError, ConfigError, StepflowError, StoreError, UnverifiedAnswer, UsageError
    from stepflow.model import Message, Outcome, Request
    from stepflow.version import VERSION as __version__

_HOMES = {
    "load": "stepflow.engine",
    "Pipeline": "stepflow.engine",
    "Message": "stepflow.model",
    "Outcome": "stepflow.model",
    "Request": "stepflow.model",
    "StepflowError": "stepflow.errors",
    "ConfigError": "stepflow.errors",
    "UsageError": "stepflow.errors",
    "BackendError": "stepflow.errors",
    "StoreError": "stepflow.errors",
    "UnverifiedAnswer": "stepflow.errors",
}

__all__ = [
    "BackendError",
    "ConfigError",
    "Message",
    "Outcome",
    "Pipeline",
    "Request",
    "StepflowError",
    "StoreError",
    "UnverifiedAnswer",
    "UsageError",
    "__version__",
    "load",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("stepflow.version").VERSION
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'stepflow' has no attribute {name!r}")
