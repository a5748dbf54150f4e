"""Ticks: the log is the only clock, so each gateway keeps it going when nobody clicks."""

from __future__ import annotations

import asyncio

from gateway.log import Log


async def tick_every(log: Log, interval_ms: int) -> None:
    """A tick to every partition each `interval_ms`, through the producer of the events.

    Sharing the producer keeps order: a tick never overtakes an event stamped before it. Ticks
    missed while the loop was busy are skipped, since one tick says all that they would.
    """
    loop = asyncio.get_running_loop()
    interval_s = interval_ms / 1000
    next_s = loop.time()
    while True:
        log.tick()
        next_s = max(next_s + interval_s, loop.time())
        await asyncio.sleep(next_s - loop.time())
