"""Whole topics out of a broker and back in, with every property of a record kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from connectors.log_files import LogRecord
from schemas.topics import BATCH_BYTES_MAX

WAIT_S = 30.0
MESSAGE_BYTES_MAX = 9 * 1024 * 1024
POLL_S = 0.2
SETTLING = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
Span = tuple[int, int]
"""First offset and end offset (exclusive) of a partition."""


class LogUnavailable(Exception):
    """A topic could not be read or written; the message names it and the fix."""


@dataclass(frozen=True, slots=True)
class LogReader:
    """Reads partitions up to ends taken beforehand; `wait_s` bounds each silence."""

    brokers: str
    kafka: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = WAIT_S

    def spans(self, topic: str) -> dict[int, Span]:
        """Offsets of every partition as they are now. Raises LogUnavailable."""
        consumer, deadline = self._consumer(), time.monotonic() + self.wait_s
        try:
            while True:
                try:
                    return self._spans(consumer, topic)
                except KafkaException as failure:
                    error = failure.args[0]
                    # A topic made a moment ago has no leader yet; asking again finds it.
                    if error.code() not in SETTLING or time.monotonic() > deadline:
                        raise self._unavailable(topic, error.str()) from failure
                    time.sleep(POLL_S)
        finally:
            consumer.close()

    def cluster(self) -> str:
        """The id of the cluster. Raises LogUnavailable."""
        consumer = self._consumer()
        try:
            return str(consumer.list_topics(timeout=self.wait_s).cluster_id or "")
        except KafkaException as failure:
            raise self._unavailable("metadata", failure.args[0].str()) from failure
        finally:
            consumer.close()

    def _spans(self, consumer: Consumer, topic: str) -> dict[int, Span]:
        found = consumer.list_topics(topic, timeout=self.wait_s).topics[topic]
        if found.error is not None or not found.partitions:
            raise LogUnavailable(
                f"topic {topic} does not exist on {self.brokers}; `kairos up` creates it"
            )
        places = [TopicPartition(topic, number) for number in sorted(found.partitions)]
        wait_s = self.wait_s
        return {
            place.partition: consumer.get_watermark_offsets(place, timeout=wait_s)
            for place in places
        }

    def read(self, topic: str, spans: Mapping[int, Span]) -> Iterator[LogRecord]:
        """Records of these spans, in the order of partition, then offset."""
        consumer = self._consumer()
        try:
            for number, (first, end) in sorted(spans.items()):
                if first < end:
                    yield from self._partition(consumer, TopicPartition(topic, number, first), end)
        finally:
            consumer.close()

    def arrives(self, topic: str, within_s: float) -> bool:
        """Whether somebody writes a record to the topic in this time."""
        spans, consumer = self.spans(topic), self._consumer()
        try:
            ends = [TopicPartition(topic, number, end) for number, (_, end) in spans.items()]
            consumer.assign(ends)
            deadline = time.monotonic() + within_s
            while (left_s := deadline - time.monotonic()) > 0:
                message = consumer.poll(left_s)
                if message is not None and message.error() is None:
                    return True
            return False
        finally:
            consumer.close()

    def _partition(
        self, consumer: Consumer, start: TopicPartition, end: int
    ) -> Iterator[LogRecord]:
        consumer.assign([start])
        deadline = time.monotonic() + self.wait_s
        while time.monotonic() < deadline:
            message = consumer.poll(POLL_S)
            # The end of the partition before may still be on its way.
            if message is None or message.partition() != start.partition:
                continue
            deadline = time.monotonic() + self.wait_s
            failure = message.error()
            if failure is None and message.offset() < end:
                yield record_of(message)
            elif failure is not None and failure.fatal():
                raise self._unavailable(start.topic, failure.str())
            # Compaction may leave nothing just before the end: then its EOF tells.
            if message.offset() is not None and message.offset() >= _last(failure, end):
                return
        raise self._unavailable(start.topic, f"silent for {self.wait_s:.0f} s")

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                **self.kafka,
                "bootstrap.servers": self.brokers,
                "group.id": f"kairos-log-{uuid4()}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                # A long poll for the partition before would hold up the next one.
                "fetch.wait.max.ms": 10,
                "fetch.message.max.bytes": MESSAGE_BYTES_MAX,
                "log_level": 0,
            }
        )

    def _unavailable(self, topic: str, reason: str) -> LogUnavailable:
        return LogUnavailable(
            f"topic {topic} on {self.brokers} could not be read: {reason}. Is the stack up?"
        )


def _last(failure: KafkaError | None, end: int) -> int:
    """The offset at which a partition is read: the last record's, or an EOF at the end."""
    return end - 1 if failure is None else end


def keep_for_ever(brokers: str, deleted: tuple[str, ...], compacted: tuple[str, ...]) -> None:
    """Stop retention and compaction, which go by record time and would eat an old log at once.

    Raises LogUnavailable.
    """
    never, kind = str(2**63 - 1), ConfigResource.Type.TOPIC
    wanted = {name: {"retention.ms": "-1"} for name in deleted}
    lags = {"min.compaction.lag.ms": never, "max.compaction.lag.ms": never}
    wanted |= dict.fromkeys(compacted, lags)
    resources = [
        ConfigResource(
            kind,
            name,
            incremental_configs=[
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                for key, value in settings.items()
            ],
        )
        for name, settings in wanted.items()
    ]
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    for resource, future in admin.incremental_alter_configs(resources).items():
        try:
            future.result(WAIT_S)
        except KafkaException as failure:
            reason = failure.args[0].str()
            raise LogUnavailable(f"settings of topic {resource.name}: {reason}") from failure


class LogWriter:
    """Writes records to their own partitions, in order, keeping key, time and headers."""

    def __init__(
        self, brokers: str, kafka: Mapping[str, str] | None = None, wait_s: float = WAIT_S
    ) -> None:
        self._brokers, self._wait_s = brokers, wait_s
        self._failures: list[str] = []
        self._producer = Producer(
            {
                **(kafka or {}),
                "bootstrap.servers": brokers,
                # One sender, idempotent: records of a partition stay in order.
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 20,
                "compression.type": "lz4",
                "message.max.bytes": MESSAGE_BYTES_MAX,
                "batch.size": BATCH_BYTES_MAX,
                "partitioner": "murmur2_random",
                "log_level": 0,
            }
        )

    def write(self, topic: str, record: LogRecord, *, keep_time: bool = True) -> None:
        """Queue one record. Without `keep_time` the broker's clock stamps it."""
        fields: dict[str, Any] = {"key": record.key, "value": record.value}
        fields["headers"] = list(record.headers)
        fields["partition"] = record.partition
        if keep_time:
            fields["timestamp"] = record.timestamp_ms
        deadline = time.monotonic() + self._wait_s
        while True:
            self._check(topic)
            try:
                self._producer.produce(topic, on_delivery=self._delivered, **fields)
            except BufferError as full:
                if time.monotonic() > deadline:
                    raise self._unavailable(topic, "the queue stays full") from full
                self._producer.poll(POLL_S)
            except KafkaException as failure:
                raise self._unavailable(topic, failure.args[0].str()) from failure
            else:
                self._producer.poll(0)
                return

    def flush(self, topic: str) -> None:
        """Wait until the broker holds everything queued. Raises LogUnavailable."""
        left = self._producer.flush(self._wait_s)
        self._check(topic)
        if left:
            raise self._unavailable(topic, f"no answer within {self._wait_s:.0f} s")

    def _delivered(self, failure: KafkaError | None, _message: Message) -> None:
        if failure is not None:
            self._failures.append(failure.str())

    def _check(self, topic: str) -> None:
        if self._failures:
            raise self._unavailable(topic, self._failures[0])

    def _unavailable(self, topic: str, reason: str) -> LogUnavailable:
        return LogUnavailable(f"topic {topic} on {self._brokers} was not written: {reason}")


def record_of(message: Message) -> LogRecord:
    """A message as it lay in the log."""
    return LogRecord(
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        tuple(message.headers() or ()),
    )
