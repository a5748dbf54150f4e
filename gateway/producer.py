"""The event log in Kafka: idempotent, acknowledged by all replicas, batched over a few ms.

Encoding and producing follow stamping in one step of the event loop, so that records of a
partition carry stamps in their order. While records are on their way the loop asks now and then
which ones the broker has: one look tells all of them, and no thread wakes another.

The producer tries for ever and in order: a record given up would be overtaken by those behind it.
"""

from __future__ import annotations

import logging
import time
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.avro import Codec
from gateway.log import LogUnavailable, Stamp
from gateway.wal_log import Told
from schemas.event import TICK, Event
from schemas.ids import TICK_KEY
from schemas.topics import BATCH_BYTES_MAX, EVENTS

logger = logging.getLogger(__name__)
POLL_S = 0.01
LINGER_MS = 4
"""Records of a partition within this time share a request; each request costs both ends."""

FRESH_MS = 50
"""A partition whose newest record is younger than this needs no tick."""

FOR_EVER_MS = 0
CLUSTER_ID_S = 10.0
AT_FAULT = frozenset(
    (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_TIMESTAMP, KafkaError.INVALID_RECORD)
)
"""Answers that mean this record, and would be the same the next time."""

QUEUE_RECORDS_MAX, QUEUE_KIB_MAX = 100_000, 65_536
RECORD_BYTES_MAX = 256 * 1024


class KafkaLog:
    """Topic `events` through one idempotent producer. Used from the event loop's thread only."""

    def __init__(
        self,
        brokers: str,
        codec: Codec[Event],
        loop: AbstractEventLoop,
        gateway_id: str,
        *,
        stamp: Stamp | None = None,
        on_fatal: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self._codec, self._loop, self._gateway_id = codec, loop, gateway_id
        self._stamp, self._on_fatal = stamp or Stamp(), on_fatal
        self._producer = Producer(self._config(brokers))
        self._partitions: tuple[int, ...] = ()
        self._on_their_way = 0
        self._newest_ms: dict[int, int] = {}
        self._polling: TimerHandle | None = None

    def _config(self, brokers: str) -> dict[str, Any]:
        return {
            "bootstrap.servers": brokers,
            "client.id": self._gateway_id,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": LINGER_MS,
            "partitioner": "murmur2_random",
            "message.timeout.ms": FOR_EVER_MS,
            "message.max.bytes": RECORD_BYTES_MAX,
            "batch.size": BATCH_BYTES_MAX,
            "queue.buffering.max.messages": QUEUE_RECORDS_MAX,
            "queue.buffering.max.kbytes": QUEUE_KIB_MAX,
            "socket.nagle.disable": True,
            "reconnect.backoff.max.ms": 1_000,
            "error_cb": self._error,
        }

    def start(self, timeout_s: float) -> None:
        """Find the topic's partitions and begin. Raises LogUnavailable, naming what is missing."""
        deadline_s = time.monotonic() + timeout_s
        while not self._partitions:
            if time.monotonic() > deadline_s:
                raise LogUnavailable(f"topic {EVENTS} is not there; is the broker up?")
            self._partitions = partitions_of(self._producer, EVENTS)

    def cluster_id(self) -> str:
        """The cluster's id, empty if it has none; waits for the answer. Raises LogUnavailable."""
        try:
            return self._producer.list_topics(timeout=CLUSTER_ID_S).cluster_id or ""
        except KafkaException as error:
            raise LogUnavailable("the broker does not tell its cluster's id") from error

    def produce(self, event: Event, told: Told) -> bool:
        """Encode and hand over a stamped event; see gateway/wal_log.py: Broker."""
        try:
            self._producer.produce(
                EVENTS,
                self._codec.encode(event),
                event.user_key.encode(),
                timestamp=event.received_at_ms,
                on_delivery=partial(self._on_delivery, told),
            )
        except (BufferError, KafkaException) as error:
            logger.warning("the producer takes nothing: %s", type(error).__name__)
            return False
        self._sent()
        return True

    def tick(self) -> None:
        """One tick to every partition that had no record lately.

        A full queue drops it, since the next one says as much.
        """
        now_ms = self._stamp.now_ms()
        event = Event(
            internal=TICK,
            user_key=TICK_KEY,
            received_at_ms=now_ms,
            accepted_at_ms=now_ms,
            gateway_id=self._gateway_id,
        )
        value = self._codec.encode(event)
        for partition in self._partitions:
            if self._newest_ms.get(partition, 0) > now_ms - FRESH_MS:
                continue
            try:
                self._producer.produce(
                    EVENTS,
                    value,
                    TICK_KEY.encode(),
                    partition=partition,
                    timestamp=now_ms,
                    on_delivery=self._on_tick,
                )
            except BufferError:
                return
            self._sent()

    def stop(self, timeout_s: float) -> int:
        """Deliver what is queued; the number of records that stayed behind."""
        if self._polling is not None:
            self._polling.cancel()
        return int(self._producer.flush(timeout_s))

    def _sent(self) -> None:
        """One more record is on its way. Ticks keep this going, so errors are always heard."""
        self._on_their_way += 1
        if self._polling is None:
            self._polling = self._loop.call_later(POLL_S, self._poll)

    def _poll(self) -> None:
        self._polling = None
        self._producer.poll(0)
        if self._on_their_way and self._polling is None:
            self._polling = self._loop.call_later(POLL_S, self._poll)

    def _on_delivery(self, told: Told, error: KafkaError | None, message: Message) -> None:
        self._on_tick(error, message)
        if error is None:
            told(None, False)
        else:
            told(error.name(), error.code() in AT_FAULT)

    def _on_tick(self, error: KafkaError | None, message: Message) -> None:
        self._on_their_way -= 1
        if error is None:
            self._newest_ms[message.partition()] = message.timestamp()[1]

    def _error(self, error: KafkaError) -> None:
        if error.fatal():
            # An idempotent producer that lost its sequence cannot go on in this process.
            self._loop.call_soon_threadsafe(self._on_fatal, error.name())
        else:
            logger.warning("kafka: %s", error.name())


def partitions_of(client: Any, topic: str) -> tuple[int, ...]:
    """Partitions of an existing topic, or none while broker or topic are away."""
    try:
        # Asking for all topics creates none, which asking for one by name may do.
        known = client.list_topics(timeout=2.0).topics
    except KafkaException:
        return ()
    if topic not in known:
        time.sleep(0.2)
        return ()
    return tuple(sorted(known[topic].partitions))
