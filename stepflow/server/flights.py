"""Identical requests under way: the first asks the model, the others wait for the record that it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Flight:
    """One request that asks the model. `error` is what it ended with; `landed` whether it came to an end at all."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self.error: Exception | None = None
        self.landed = False

    async def end(self) -> None:
        """Wait for its end."""
        await self._over.wait()

    def close(self) -> None:
        """Let those who wait go on."""
        self._over.set()


class Flights:
    """The requests under way, by their identity."""

    def __init__(self) -> None:
        self._by_key: dict[str, Flight] = {}

    def of(self, key: str) -> Flight | None:
        """The request under way with this identity."""
        return self._by_key.get(key)

    @asynccontextmanager
    async def leading(self, key: str) -> AsyncIterator[Flight]:
        """Be the one that asks. When cancelled it has not landed: the next in line asks in its place."""
        flight = self._by_key[key] = Flight()
        try:
            yield flight
            flight.landed = True
        except Exception as error:
            flight.error, flight.landed = error, True
            raise
        finally:
            del self._by_key[key]
            flight.close()
