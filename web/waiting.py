"""Waiting for the feed to grow: one question to the database for all who wait in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

INTERVAL = 0.25
"""Seconds between two looks at the feed's head while anybody waits."""

MOST = 2_000
"""Who waits besides is answered at once, and asks again in its own time."""


class FeedWatch:
    """Wakes whoever waits. ``head`` reads the newest position; it is called only while somebody waits."""

    def __init__(
        self, head: Callable[[], Awaitable[int]], *, interval: float = INTERVAL, most: int = MOST
    ) -> None:
        self._head = head
        self._interval = interval
        self._most = most
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._looking: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._waiting)

    async def beyond(self, position: int, seconds: float) -> None:
        """Return once the feed may have gone beyond a position, or after so many seconds."""
        if len(self._waiting) >= self._most:
            return
        woken = asyncio.get_running_loop().create_future()
        self._waiting[woken] = position
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            await asyncio.wait({woken}, timeout=seconds)
        finally:
            del self._waiting[woken]

    async def _look(self) -> None:
        while self._waiting:
            try:
                head: float = await self._head()
            except Exception:  # noqa: BLE001 - each who waits asks the database itself, and tells its caller
                head = float("inf")
            for woken, position in self._waiting.items():
                if position < head and not woken.done():
                    woken.set_result(None)
            await asyncio.sleep(self._interval)
