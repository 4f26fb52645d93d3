"""What a request says about how it wants to be answered: headers, or the member `stepflow` of its body."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from stepflow.server.refusals import Refused

PREFIX = "x-stepflow-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Control:
    """How one request wants to be answered.

    `max_age`: no record older than so many seconds. `no_cache`: no record at all. `no_store`: what is answered is not
    kept. `refresh`: answer anew, and forget the record that answered exactly this before. `shadow`: the model answers,
    and stepflow only says what it would have done.
    """

    pipeline: str | None = None
    rule: str | None = None
    namespace: str | None = None
    max_age: float | None = None
    no_cache: bool = False
    no_store: bool = False
    refresh: bool = False
    shadow: bool = False


NAMES = tuple(field.name for field in fields(Control))
HEADERS = frozenset(f"{PREFIX}{name.replace('_', '-')}" for name in NAMES)
PLAIN = Control()


def control_of(headers: Mapping[str, str], member: Any) -> Control:
    """The control of a request; headers come before the body's member. Raises `Refused`."""
    given = {name: value for name in NAMES if (value := headers.get(PREFIX + name.replace("_", "-"))) is not None}
    if member is None and not given:
        return PLAIN
    if member is not None and not isinstance(member, dict):
        raise Refused(400, "`stepflow` is an object", "invalid_control", "stepflow")
    values = {**(member or {}), **given}
    unknown = sorted(set(values) - set(NAMES))
    if unknown:
        message = f"`stepflow` has no member {unknown[0][:64]!r}; it has {', '.join(NAMES)}"
        raise Refused(400, message, "invalid_control", f"stepflow.{unknown[0][:64]}")
    return Control(**{name: _read(name, value) for name, value in values.items() if value is not None})


def _read(name: str, value: Any) -> Any:
    try:
        return _READERS[name](value)
    except ValueError as error:
        raise Refused(400, f"`{name}` {error}", "invalid_control", f"stepflow.{name}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("is a text")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.match(value):
        raise ValueError(
            "has up to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit"
        )
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", value):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12:
        return float(value)
    raise ValueError("is a number of seconds")


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    switch = {"true": True, "1": True, "false": False, "0": False}.get(value.lower() if isinstance(value, str) else "")
    if switch is None:
        raise ValueError("is true or false")
    return switch


_READERS: dict[str, Callable[[Any], Any]] = {
    "pipeline": _text,
    "rule": _text,
    "namespace": _name,
    "max_age": _seconds,
    "no_cache": _switch,
    "no_store": _switch,
    "refresh": _switch,
    "shadow": _switch,
}
