"""Where the workers of one server put up their figures, so that a scrape of any of them shows all.

Each worker has a file of its own in a folder that lives as long as the server. What it has once shown, of itself or of
another, stands in those files: whichever worker is scraped next, no counter goes back. The file of a worker that has
gone stays, as its requests were answered.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepflow.server.tallies import Tallies

EVERY_S = 1.0
"""How often a worker puts up what is new."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one worker knows. `open` requests and `calling` model calls are under way; `sound` says of each pipeline
    whether its newest files are served."""

    tallies: Tallies
    open: int = 0
    calling: int = 0
    sound: Mapping[str, bool] = field(default_factory=dict)

    def text(self) -> str:
        """As JSON."""
        now = {"open": self.open, "calling": self.calling, "sound": dict(self.sound)}
        return json.dumps({"tallies": self.tallies.dump(), "now": now})

    @classmethod
    def read(cls, text: str, *, is_over: bool) -> Figures:
        """From JSON; of a worker that is over, only the sums."""
        said: dict[str, Any] = json.loads(text)
        return cls(Tallies.load(said["tallies"]), **({} if is_over else said["now"]))


class Board:
    """One worker's place on the board. Without a folder there is only one worker, and nothing is put up.

    For one thread: the event loop's. Raises `OSError` where the folder cannot be used.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._shown = ""

    def put(self, figures: Figures) -> None:
        """Put up what is known now."""
        if self._folder is None or (text := figures.text()) == self._shown:
            return
        new = self._folder / f"{self._name}.new"
        new.write_text(text, encoding="ascii")
        new.replace(self._folder / self._name)  # whole, or not at all
        self._shown = text

    def all(self, own: Figures) -> list[Figures]:
        """The figures of all workers; `own` are put up first."""
        if self._folder is None:
            return [own]
        self.put(own)
        others = [path for path in sorted(self._folder.glob("*.json")) if path.name != self._name]
        return [own, *(Figures.read(path.read_text(encoding="ascii"), is_over=_is_over(path)) for path in others)]


def _is_over(path: Path) -> bool:
    try:
        os.kill(int(path.name.partition("-")[0]), 0)
    except ProcessLookupError:
        return True
    return False
