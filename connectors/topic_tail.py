"""A thread that reads a topic from its end and keeps each record with the time it arrived."""

from __future__ import annotations

import threading
from collections.abc import Callable

from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message, TopicPartition
from msgspec import Struct

from connectors.sdk_client import wall_ms

BATCH_MAX, FETCH_BYTES = 1_000, 65_536
WAIT_MS = 4


class Tailed(Struct, frozen=True):
    """One record; `arrived_ms` is this machine's clock."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    arrived_ms: float


class TopicTail:
    """Every record of a topic after `start`; `on_record` runs in the reading thread.

    What arrives within `wait_ms` comes in one answer of the broker, since each answer costs both.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        on_record: Callable[[Tailed], None],
        wait_ms: int = WAIT_MS,
    ) -> None:
        self._topic, self._on_record = topic, on_record
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": f"kairos-tail-{topic}",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
                "fetch.min.bytes": FETCH_BYTES,
                "fetch.wait.max.ms": wait_ms,
                "log_level": 0,
            }
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tail-{topic}", daemon=True)

    def start(self) -> TopicTail:
        """Stand at the end of every partition before this returns. Raises KafkaException."""
        metadata = self._consumer.list_topics(self._topic, timeout=10).topics[self._topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        places = []
        for number in metadata.partitions:
            partition = TopicPartition(self._topic, number)
            _, high = self._consumer.get_watermark_offsets(partition, timeout=10)
            places.append(TopicPartition(self._topic, number, high if high >= 0 else OFFSET_END))
        self._consumer.assign(places)
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._stop.is_set():
            message = self._consumer.poll(0.1)
            if message is None:
                continue
            arrived_ms = wall_ms()
            for each in (message, *self._consumer.consume(BATCH_MAX, 0)):
                if each.error() is None:
                    self._on_record(_tailed(each, arrived_ms))

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(timeout=5)
        self._consumer.close()


def _tailed(message: Message, arrived_ms: float) -> Tailed:
    return Tailed(
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        dict(message.headers() or []),
        arrived_ms,
    )
