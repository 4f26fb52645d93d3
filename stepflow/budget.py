"""A bound on what one computation costs: processor time of its thread, and turns. A busy machine changes nothing."""

from __future__ import annotations

import time


class Budget:
    """What `what` may still cost. Not to be shared between threads."""

    __slots__ = ("_deadline", "_left", "_seconds", "_turns", "_what")

    def __init__(self, what: str, seconds: float, turns: int | None = None) -> None:
        self._what = what
        self._seconds = seconds
        self._turns = turns
        self._left = turns
        self._deadline = time.thread_time() + seconds

    def spend(self) -> None:
        """Take one turn. Raises `ValueError` when none is left, or no time."""
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise ValueError(f"{self._what} takes more than {self._turns:,} turns")
        if time.thread_time() > self._deadline:
            raise ValueError(f"{self._what} takes longer than {self._seconds:g} s")
