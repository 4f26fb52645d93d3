"""What stands in YAML as values of the language."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from stepflow.values import exact


def exact_value(value: Any) -> Any:
    """YAML data as values of the language: decimals become exact, lists become tuples."""
    if isinstance(value, float):
        return exact(value)
    if isinstance(value, list):
        return tuple(exact_value(item) for item in value)
    if isinstance(value, Mapping):
        return {str(key): exact_value(item) for key, item in value.items()}
    return value


def exact_data(value: Any) -> Any:
    """The data of a YAML answer or prompt: as `exact_value`, but 30.0 stays a decimal, as it does in JSON."""
    if isinstance(value, float):
        return Fraction(exact(value))
    if isinstance(value, list):
        return tuple(exact_data(item) for item in value)
    if isinstance(value, Mapping):
        return {str(key): exact_data(item) for key, item in value.items()}
    return value


def exact_table(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """A table of a rule with values of the language."""
    return {str(key): exact_value(value) for key, value in table.items()}


def folded_keys(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """A table whose words are found in any case."""
    return {key.casefold(): value for key, value in table.items()}


def expression_text(value: Any) -> str | None:
    """The text of an expression, which may be written as a bare number; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return getattr(value, "text", None) or str(value)
    return None
