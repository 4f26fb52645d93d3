"""The folder of a disk store: for its owner's eyes only, and recognisable for what it is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from stepflow.errors import StoreError

README = """\
This folder is a cache of stepflow (https://pypi.org/project/stepflow): answers of language models, kept to be reused.

It may be deleted at any time. Stop the programs that use it first; they fill it anew.
It is readable by its owner only, because prompts and answers may be private. Do not edit what is in it.
`stepflow cache stats`, `show`, `prune` and `check` look after it.
"""

_FIRST = {"README.txt": README, ".gitignore": "*\n"}
_LATER = ("values", "log.db", "leases.db", "indexes")


def claim(where: str | Path) -> Path:
    """The store's folder, absolute, created (0700) or recognised as one. Raises `StoreError` when it cannot be one.

    A folder that others may enter is closed to them (0700); a folder that holds anything else is refused, so that
    neither its mode nor its content is ever touched by mistake.
    """
    path = _located(where)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _recognise(path)
        _close_to_others(path)
        for name, text in _FIRST.items():
            if not (path / name).exists():
                (path / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"the store {path} cannot be opened: {error.strerror or error}; set another `path`") from error
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise StoreError(f"the store {path} is not writable; make its folder writable or set another `path`")
    return path


def _located(name: str | Path) -> Path:
    """Absolute, because a program may change its working directory while the store is open."""
    try:
        path = Path(name).expanduser().absolute()
    except RuntimeError as error:
        raise StoreError(f"the store {name} cannot be found: {error}; set another `path`") from error
    if os.path.expandvars(path) != str(path):  # diskcache would expand it, and keep the values elsewhere
        raise StoreError(f"the store {name} names a variable of the environment; set `path` to a plain path")
    return path


def _recognise(path: Path) -> None:
    names = set(os.listdir(path))
    if names.isdisjoint(_LATER) and not names <= set(_FIRST):
        other = min(names - set(_FIRST))
        raise StoreError(f"the folder {path} is not a store: it holds {other!r}; set `path` to an empty or new folder")


def _close_to_others(path: Path) -> None:
    if os.name != "posix" or not stat.S_IMODE(path.stat().st_mode) & 0o077:
        return
    try:
        path.chmod(0o700)
    except PermissionError as error:
        raise StoreError(
            f"the store {path} is open to other users and belongs to one of them; set `path` to a folder of your own"
        ) from error
