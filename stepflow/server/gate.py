"""Places for model calls, and for what else takes long: so many at a time, so many in the queue, and whatever comes on
top is refused at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stepflow.server.refusals import Refused


class Gate:
    """Bounds the calls of one kind in one process. Requests that need none never come here."""

    def __init__(self, at_once: int, waiting: int, per_tenant: int) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._limit = at_once + waiting
        self._per_tenant = per_tenant
        self._by_tenant: Counter[str] = Counter()

    @property
    def inside(self) -> int:
        """Calls that run or wait."""
        return self._by_tenant.total()

    @asynccontextmanager
    async def place(self, tenant: str) -> AsyncIterator[None]:
        """A place for one call. Raises `Refused` when the tenant's (429), or the queue's (503), are all taken."""
        if self._by_tenant[tenant] >= self._per_tenant:
            raise Refused(429, "this tenant has as many requests under way as it may", "tenant_limit", retry_after=1)
        if self.inside >= self._limit:
            raise Refused(503, "the queue is full; try again later", "queue_full", retry_after=1)
        self._by_tenant[tenant] += 1
        try:
            async with self._places:
                yield
        finally:
            self._by_tenant[tenant] -= 1
            if not self._by_tenant[tenant]:
                del self._by_tenant[tenant]  # tenants come and go; the counter does not grow
