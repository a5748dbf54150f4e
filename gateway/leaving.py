"""Connections that were told goodbye and have not gone: they are hung up, a few at a time.

A thousand clients that do not read are ended in the same moment; hung up in one step, they would
hold everybody else up for a quarter of a second.
"""

from __future__ import annotations

import asyncio
from collections import deque

CLOSE_TIMEOUT_S = 2.0
"""A client has so long to answer a goodbye, and to take what was written before it."""
AT_ONCE, PAUSE_S = 8, 0.002


class Leaving:
    """In the order in which they were told, each with the time at which it is hung up."""

    def __init__(self) -> None:
        self._told: deque[tuple[float, asyncio.Transport]] = deque()
        self._looking: asyncio.TimerHandle | None = None

    def add(self, transport: asyncio.Transport) -> None:
        """One more; nothing happens to one that is closed by then."""
        loop = asyncio.get_running_loop()
        self._told.append((loop.time() + CLOSE_TIMEOUT_S, transport))
        if self._looking is None:
            self._looking = loop.call_later(CLOSE_TIMEOUT_S, self._look)

    def _look(self) -> None:
        loop, hung_up = asyncio.get_running_loop(), 0
        while self._told and self._told[0][0] <= loop.time() and hung_up < AT_ONCE:
            self._told.popleft()[1].abort()
            hung_up += 1
        self._looking = None
        if self._told:
            wait_s = max(PAUSE_S, self._told[0][0] - loop.time())
            self._looking = loop.call_later(wait_s, self._look)
