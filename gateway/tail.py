"""Follows all partitions of a topic on a thread and hands records to the event loop in batches."""

from __future__ import annotations

import logging
import threading
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from msgspec import Struct

from gateway.producer import partitions_of

logger = logging.getLogger(__name__)
POLL_S, RETRY_S, BATCH_MAX = 0.2, 0.2, 256
WATERMARK_TIMEOUT_S = 10.0
PACED = {"fetch.min.bytes": 65_536, "fetch.wait.max.ms": 4}
"""What comes within 4 ms travels in one answer of the broker; each answer costs both ends."""


class Record(Struct, frozen=True, gc=False):
    """One record as read; headers by name, the last of a name wins."""

    key: bytes
    value: bytes | None
    headers: dict[str, bytes]


Take = Callable[[list[Record]], None]


class Tail:
    """A plain consumer that assigns itself every partition: no group, no commits.

    From the beginning it is ready once it has met the end of each partition; from the end, once
    it has fixed where the end is. `peek` runs on the thread, `take` on the loop.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        loop: AbstractEventLoop,
        take: Take,
        *,
        from_beginning: bool,
        peek: Callable[[Record], None] = lambda _record: None,
    ) -> None:
        self._topic, self._loop, self._take, self._peek = topic, loop, take, peek
        self._from_beginning = from_beginning
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": f"kairos-gateway-{topic}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest" if from_beginning else "latest",
                "enable.partition.eof": from_beginning,
                "reconnect.backoff.max.ms": 1_000,
                **({} if from_beginning else PACED),
            }
        )
        self._running = True
        self._behind: set[int] = set()
        self._caught_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tail-{topic}", daemon=True)

    def start(self, timeout_s: float) -> None:
        """Assign and begin. Raises TimeoutError, naming the topic that did not answer."""
        deadline_s = time.monotonic() + timeout_s
        partitions = partitions_of(self._consumer, self._topic)
        while not partitions:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"topic {self._topic} is not there; is the broker up?")
            partitions = partitions_of(self._consumer, self._topic)
        self._consumer.assign([self._position(each, deadline_s) for each in partitions])
        self._behind = set(partitions) if self._from_beginning else set()
        self._thread.start()
        if self._behind and not self._caught_up.wait(max(0.0, deadline_s - time.monotonic())):
            raise TimeoutError(f"topic {self._topic} could not be read to its end")

    def _position(self, partition: int, deadline_s: float) -> TopicPartition:
        if self._from_beginning:
            return TopicPartition(self._topic, partition, OFFSET_BEGINNING)
        place = TopicPartition(self._topic, partition)
        while True:
            try:
                _, end = self._consumer.get_watermark_offsets(place, timeout=WATERMARK_TIMEOUT_S)
                return TopicPartition(self._topic, partition, end)
            except KafkaException as error:
                # A topic made a moment ago has no leader yet.
                if time.monotonic() > deadline_s:
                    name = error.args[0].name()
                    raise TimeoutError(f"topic {self._topic} has no end yet: {name}") from error
                time.sleep(RETRY_S)

    def stop(self) -> None:
        """End the thread and leave the broker."""
        self._running = False
        if self._thread.is_alive():
            self._thread.join(2.0)
        self._consumer.close()

    def _run(self) -> None:
        while self._running:
            message = self._consumer.poll(POLL_S)
            if message is None:
                continue
            # Waiting for one record and then taking what else is there adds no delay.
            messages = [message, *self._consumer.consume(BATCH_MAX, 0)]
            records = [record for record in map(self._record, messages) if record is not None]
            if records:
                self._loop.call_soon_threadsafe(self._take, records)
            if not self._behind and not self._caught_up.is_set():
                self._loop.call_soon_threadsafe(self._caught_up.set)

    def _record(self, message: Message) -> Record | None:
        error = message.error()
        if error is None:
            headers = dict(message.headers() or ())
            record = Record(message.key() or b"", message.value(), headers)
            self._peek(record)
            return record
        if error.code() == KafkaError._PARTITION_EOF:
            self._behind.discard(message.partition())
        else:
            logger.warning("kafka, topic %s: %s", self._topic, error.name())
        return None
