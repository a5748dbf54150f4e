"""Sending events of write-ahead logs to the broker again; de-duplication drops what it has."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable

from msgspec.structs import replace

from connectors.avro import Codec, codec
from connectors.registry import RegistryClient
from gateway.log import LogUnavailable, Stamp
from gateway.producer import KafkaLog
from schemas.event import Event
from schemas.topics import EVENTS

AT_ONCE, START_S, SILENT_S = 2_000, 20.0, 60.0


async def send_again(brokers: str, registry: str, events: Iterable[Event]) -> int:
    """Produce in order, stamped now; how many the broker has confirmed. Raises LogUnavailable."""
    loop, stamp = asyncio.get_running_loop(), Stamp()
    written: Codec[Event] = codec(EVENTS, RegistryClient(registry))
    broker = KafkaLog(brokers, written, loop, f"replay-{os.getpid()}", stamp=stamp)
    await asyncio.to_thread(broker.start, START_S)
    sent, confirmed, refused = 0, 0, list[str]()

    def told(error: str | None, _at_fault: bool) -> None:
        nonlocal confirmed
        confirmed += 1
        if error is not None:
            refused.append(error)

    async def until(most: int) -> None:
        seen, ends_s = confirmed, loop.time() + SILENT_S
        while sent - confirmed > most:
            if confirmed > seen:
                seen, ends_s = confirmed, loop.time() + SILENT_S
            if loop.time() > ends_s:
                raise LogUnavailable(f"the broker confirmed {confirmed} of {sent}, then no more")
            await asyncio.sleep(0.01)

    for event in events:
        await until(AT_ONCE - 1)
        if not broker.produce(replace(event, received_at_ms=stamp.now_ms()), told):
            raise LogUnavailable(f"the producer took {sent} events and then no more")
        sent += 1
    await until(0)
    broker.stop(START_S)
    if refused:
        raise LogUnavailable(f"the broker refused {len(refused)} of {sent}: {refused[0]}")
    return sent
