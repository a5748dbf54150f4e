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
END_OF_LOG = 1 << 62
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

    It begins where records of the last `since_s` seconds do, or at the beginning where that is
    None, and is ready once it has met the end that each partition had then. `peek` runs on the
    thread, `take` on the loop.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        loop: AbstractEventLoop,
        take: Take,
        *,
        since_s: float | None,
        peek: Callable[[Record], None] = lambda _record: None,
    ) -> None:
        self._topic, self._loop, self._take, self._peek = topic, loop, take, peek
        self._since_s = since_s
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": f"kairos-gateway-{topic}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": since_s is None,
                "reconnect.backoff.max.ms": 1_000,
                **({} if since_s is None else PACED),
            }
        )
        self._running = True
        self._ends: dict[int, int] = {}
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
        places = [self._position(each, deadline_s) for each in partitions]
        self._consumer.assign(places)
        self._thread.start()
        if self._ends and not self._caught_up.wait(max(0.0, deadline_s - time.monotonic())):
            raise TimeoutError(f"topic {self._topic} could not be read to its end in time")

    def _position(self, partition: int, deadline_s: float) -> TopicPartition:
        """Where to begin in a partition; how far it has to be read is noted in `_ends`."""
        if self._since_s is None:
            # The broker says when its end is met, empty or not.
            self._ends[partition] = END_OF_LOG
            return TopicPartition(self._topic, partition, OFFSET_BEGINNING)
        asked = TopicPartition(self._topic, partition, int((time.time() - self._since_s) * 1000))
        while True:
            try:
                _, end = self._consumer.get_watermark_offsets(asked, timeout=WATERMARK_TIMEOUT_S)
                (found,) = self._consumer.offsets_for_times([asked], timeout=WATERMARK_TIMEOUT_S)
                break
            except KafkaException as error:
                # A topic made a moment ago has no leader yet.
                if time.monotonic() > deadline_s:
                    name = error.args[0].name()
                    raise TimeoutError(f"topic {self._topic} has no end yet: {name}") from error
                time.sleep(RETRY_S)
        if not 0 <= found.offset < end:
            return TopicPartition(self._topic, partition, end)
        self._ends[partition] = end
        return TopicPartition(self._topic, partition, found.offset)

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
            if not self._ends and not self._caught_up.is_set():
                self._loop.call_soon_threadsafe(self._caught_up.set)

    def _record(self, message: Message) -> Record | None:
        error = message.error()
        if error is None:
            headers = dict(message.headers() or ())
            record = Record(message.key() or b"", message.value(), headers)
            if self._ends and message.offset() + 1 >= self._ends.get(message.partition(), 0):
                self._ends.pop(message.partition(), None)
            self._peek(record)
            return record
        if error.code() == KafkaError._PARTITION_EOF:
            self._ends.pop(message.partition(), None)
        else:
            logger.warning("kafka, topic %s: %s", self._topic, error.name())
        return None
