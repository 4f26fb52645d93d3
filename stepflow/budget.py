"""A bound on what one computation costs: processor time of its thread, and turns. A busy machine changes nothing.

A virtual machine that stands still may count that as processor time: one turn counts as a quarter of the time at most.
"""

from __future__ import annotations

import time


class Budget:
    """What `what` may still cost. Not to be shared between threads."""

    __slots__ = ("_at", "_left", "_seconds", "_spent", "_turns", "_what")

    def __init__(self, what: str, seconds: float, turns: int | None = None) -> None:
        self._what = what
        self._seconds = seconds
        self._turns = turns
        self._left = turns
        self._spent = 0.0
        self._at = time.thread_time()

    def spend(self) -> None:
        """Take one turn. Raises `ValueError` when none is left, or no time."""
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise ValueError(f"{self._what} takes more than {self._turns:,} turns")
        now = time.thread_time()
        self._spent += min(now - self._at, self._seconds / 4)
        self._at = now
        if self._spent > self._seconds:
            raise ValueError(f"{self._what} takes longer than {self._seconds:g} s")
