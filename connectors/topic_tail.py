"""A thread that reads a topic from its end and keeps each record with the time it arrived."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from connectors.sdk_client import wall_ms


@dataclass(frozen=True, slots=True)
class Tailed:
    """One record; `arrived_ms` is this machine's clock."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    arrived_ms: float


class TopicTail:
    """Every record of a topic after `start`; `on_record` runs in the reading thread."""

    def __init__(self, brokers: str, topic: str, on_record: Callable[[Tailed], None]) -> None:
        self._topic, self._on_record = topic, on_record
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": f"kairos-tail-{topic}",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
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
            if message is None or message.error() is not None:
                continue
            self._on_record(
                Tailed(
                    message.partition(),
                    message.offset(),
                    message.timestamp()[1],
                    message.key(),
                    message.value(),
                    dict(message.headers() or []),
                    wall_ms(),
                )
            )

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(timeout=5)
        self._consumer.close()
