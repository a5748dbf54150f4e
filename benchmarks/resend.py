"""Events produced a second time past the gateway, as a gateway does after a crash."""

from __future__ import annotations

import random

from confluent_kafka import Producer
from msgspec.structs import replace

from connectors.avro import Codec
from connectors.sdk_client import wall_ms
from connectors.topic_tail import Tailed
from schemas.event import Event
from schemas.ids import TICK_KEY
from schemas.topics import BATCH_BYTES_MAX, EVENTS


class Resender:
    """Produces a share of the events a second time, as a gateway does after a crash.

    The same event goes to the same partition with a fresh `received_at_ms`, so that the job's own
    dedup has to find it; what the gateway's dedup holds back never gets there.
    """

    def __init__(self, brokers: str, share: float, seed: int, events: Codec[Event]) -> None:
        self._share, self._events = share, events
        self._random = random.Random(seed)
        self._producer = producer_of(brokers)
        self._seen: set[str] = set()
        self.count = 0

    def __call__(self, record: Tailed) -> None:
        """Perhaps send this record again."""
        if record.key == TICK_KEY.encode() or self._random.random() >= self._share:
            return
        event = self._events.decode(record.value)
        if event.internal or event.event_id in self._seen:
            return
        self._seen.add(event.event_id)
        again = replace(event, received_at_ms=max(int(wall_ms()), event.received_at_ms))
        self._producer.produce(
            EVENTS,
            self._events.encode(again),
            record.key,
            partition=record.partition,
            timestamp=again.received_at_ms,
        )
        self._producer.poll(0)
        self.count += 1

    def flush(self) -> int:
        """Wait until all are held by the broker; how many there were."""
        assert self._producer.flush(30) == 0, "the broker took no re-sent event within 30 s"
        return self.count


def producer_of(brokers: str) -> Producer:
    """A producer that partitions as every client of the log does and sends at once."""
    return Producer(
        {
            "bootstrap.servers": brokers,
            # Idempotence would ask the broker for an id first, which delays the first record.
            "acks": "all",
            "linger.ms": 0,
            "batch.size": BATCH_BYTES_MAX,
            "log_level": 0,
            "partitioner": "murmur2_random",
        }
    )
