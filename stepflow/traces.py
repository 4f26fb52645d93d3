"""Runs written down: one JSON file each, the newest kept. They are for people; nothing reads them to decide."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stepflow.errors import UsageError
from stepflow.model import Event, Outcome, Request
from stepflow.values import encode_plain


def describe(request: Request, outcome: Outcome, pipeline: str) -> dict[str, Any]:
    """A run as plain JSON: what was asked, what was served, and the whole journal."""
    return {
        "pipeline": pipeline,
        "prompt": request.prompt,
        "turns": len(request.messages),
        "tenant": request.tenant,
        **summary(outcome),
        "answer": outcome.answer,
        "constraints": encode_plain(outcome.constraints),
        "let": encode_plain(outcome.let),
        "journal": [event_json(event) for event in outcome.journal],
    }


def summary(outcome: Outcome) -> dict[str, Any]:
    """The account of a run: everything but the answer and the journal."""
    return {
        "outcome": outcome.outcome,
        "final": outcome.final,
        "origin": outcome.origin,
        "rule": outcome.rule,
        "record": outcome.record,
        "skip_reason": outcome.skip_reason,
        "kept": outcome.kept,
        "patched": outcome.patched,
        "rewritten": outcome.rewritten,
        "failed_steps": list(outcome.failed_steps),
        "calls": outcome.calls,
        "prompt_tokens": outcome.usage.prompt_tokens,
        "completion_tokens": outcome.usage.completion_tokens,
        "milliseconds": round(outcome.seconds * 1000, 2),
        **({"shadow": outcome.shadow} if outcome.shadow else {}),
    }


def event_json(event: Event) -> dict[str, Any]:
    """A journal line as plain JSON."""
    return {"stage": event.stage, "message": event.message, **({"data": dict(event.data)} if event.data else {})}


def write(folder: str, keep: int, trace_id: str, trace: Mapping[str, Any]) -> None:
    """Write one trace, whole or not at all, and now and then remove the oldest beyond `keep`. What cannot be written is
    silently left alone: a trace is never worth an answer."""
    draft = os.path.join(folder, f".{trace_id}.{os.getpid()}")
    try:
        text = json.dumps({"id": trace_id, **trace}, ensure_ascii=False)  # indented it would take ten times as long
        # Half a surrogate pair has no bytes in UTF-8; written as an escape it is the same JSON.
        data = text.encode("utf-8", "backslashreplace")
        try:
            _put(draft, data)
        except FileNotFoundError:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            _put(draft, data)
        os.replace(draft, os.path.join(folder, f"{trace_id}.json"))
        _remove_old(folder, keep)
    except (OSError, TypeError, ValueError, RecursionError):
        with contextlib.suppress(OSError):
            os.unlink(draft)


_unlooked: dict[str, int] = {}
"""How many traces may still be written to a folder before this process looks for old ones again."""


def _remove_old(folder: str, keep: int) -> None:
    """Remove the oldest beyond `keep`. To list the folder takes longer than to write a trace: an eighth may be over."""
    left = _unlooked.get(folder, 0)
    if left > 0:
        _unlooked[folder] = left - 1
        return
    names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    for name in names[:-keep]:
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            os.unlink(os.path.join(folder, name))
    _unlooked[folder] = max(0, keep - len(names)) + keep // 8


def _put(path: str, data: bytes) -> None:
    with open(path, "wb", opener=_owners_only) as file:
        file.write(data)


def _owners_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def read(folder: str, id_or_prefix: str | None = None) -> dict[str, Any]:
    """A trace by its id or the beginning of it; the newest when none is given. Raises `UsageError`."""
    files = _files(Path(folder))
    if not files:
        raise UsageError(f"there are no traces in {folder}; `stepflow run` writes one")
    if id_or_prefix is None:
        chosen = files[0]
    else:
        found = [file for file in files if file.stem.startswith(id_or_prefix)]
        if len(found) != 1:
            what = "no trace begins" if not found else f"{len(found)} traces begin"
            raise UsageError(f"{what} with {id_or_prefix!r} in {folder}; `stepflow trace --list` shows them")
        chosen = found[0]
    try:
        return _read(chosen)
    except (OSError, ValueError) as error:
        raise UsageError(f"{chosen} cannot be read: {error}") from error


def listing(folder: str) -> list[dict[str, Any]]:
    """All traces, newest first; those that cannot be read are left out."""
    traces = []
    for file in _files(Path(folder)):
        try:
            traces.append(_read(file))
        except (OSError, ValueError):
            continue
    return traces


def _read(file: Path) -> dict[str, Any]:
    """The trace in a file. Raises `OSError` or `ValueError`."""
    trace = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(trace, dict) or not {"id", "prompt", "journal"} <= trace.keys():
        raise ValueError("it holds no trace")
    return trace


def _files(path: Path) -> list[Path]:
    """Trace files, newest first: their names sort by time."""
    return sorted((file for file in path.glob("*.json")), key=lambda file: file.name, reverse=True)
