"""Topics to and from keyed bytes. Keys are taken and records routed in the JVM, without Python.

Delivery is at least once: an exactly-once sink shows a record only at the next checkpoint, far
beyond the latency budget. Ids derived from the input and de-duplication by slot do the rest.

Names that start with `_` belong to PyFlink 2.3.0, which offers no public way to a deserializer of
our own; they are used here and in jobs/main.py only, and a test asks whether they still exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyflink.common import Duration, Types, WatermarkStrategy
from pyflink.datastream import DataStream, KeyedStream, StreamExecutionEnvironment
from pyflink.datastream.connectors.base import DeliveryGuarantee
from pyflink.datastream.connectors.kafka import (
    KafkaOffsetResetStrategy,
    KafkaOffsetsInitializer,
    KafkaSink,
    KafkaSource,
)
from pyflink.java_gateway import get_gateway

from connectors.routes import TOPICS
from operators import uids
from schemas.topics import CONTROL_TOPICS, DECISIONS, EVENTS, PROFILES

BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
KEYED_ROW = Types.ROW([Types.STRING(), BYTES])
"""(key, payload): what sources yield and the sink takes."""

KEY_ROW = Types.ROW([Types.STRING()])
WAIT_MS, FETCH_BYTES = 4, 64 * 1024
"""Records that come or go within this time share one request; each request costs both ends."""

PACED = {"fetch.min.bytes": str(FETCH_BYTES), "fetch.max.wait.ms": str(WAIT_MS)}
SILENT_MS, DRIFT_MS = 500, 60_000
"""A partition is silent after the one; topics read side by side stay within the other in time."""

REQUEST_BYTES_MAX = 9 * 1024 * 1024
"""Above every topic's own limit: a record too large for the sink would be a restart loop."""


@dataclass(frozen=True, slots=True)
class KafkaTopics:
    """The sources and the sink of a job. `kafka` are settings for every client."""

    brokers: str
    group: str
    grace_ms: int
    kafka: Mapping[str, str]

    def events(self, env: StreamExecutionEnvironment) -> DataStream:
        """Events by user key, from the group's committed offsets or else the earliest."""
        start = KafkaOffsetsInitializer.committed_offsets(KafkaOffsetResetStrategy.EARLIEST)
        strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(self.grace_ms))
        source = self._source((EVENTS,), start, topic_as_key=False)
        return env.from_source(source, strategy, "events").uid(uids.EVENTS_SOURCE)

    def decisions(self, env: StreamExecutionEnvironment) -> DataStream:
        """Decisions by user key; a partition that is silent holds nobody's time back.

        Aligned with the events: after an outage neither is read far ahead of the other.
        """
        start = KafkaOffsetsInitializer.committed_offsets(KafkaOffsetResetStrategy.EARLIEST)
        strategy = self._aligned().with_idleness(Duration.of_millis(SILENT_MS))
        source = self._source((DECISIONS,), start, topic_as_key=False)
        return env.from_source(source, strategy, "decisions").uid(uids.DECISIONS_SOURCE)

    def past_events(self, env: StreamExecutionEnvironment) -> DataStream:
        """Events by user key, read no further ahead than the decisions allow."""
        start = KafkaOffsetsInitializer.committed_offsets(KafkaOffsetResetStrategy.EARLIEST)
        source = self._source((EVENTS,), start, topic_as_key=False)
        return env.from_source(source, self._aligned(), "events").uid(uids.EVENTS_SOURCE)

    def _aligned(self) -> WatermarkStrategy:
        grace = Duration.of_millis(self.grace_ms)
        return WatermarkStrategy.for_bounded_out_of_orderness(grace).with_watermark_alignment(
            "log", Duration.of_millis(DRIFT_MS), Duration.of_millis(SILENT_MS)
        )

    def control(self, env: StreamExecutionEnvironment) -> DataStream:
        """Control records by topic, from the earliest; they take no part in event time."""
        start = KafkaOffsetsInitializer.earliest()
        source = self._source(CONTROL_TOPICS, start, topic_as_key=True)
        strategy = WatermarkStrategy(get_gateway().jvm.kairos.AlwaysMaxWatermark())
        stream = env.from_source(source, strategy, "control").uid(uids.CONTROL_SOURCE)
        return stream.set_parallelism(1)

    def profiles(self, env: StreamExecutionEnvironment) -> DataStream:
        """Profiles handed over, by the user who receives them; they take no part in event time."""
        # Never the latest: a merge written before this source asked for the end would be lost. One
        # that is read again is the same merge, by its id.
        start = KafkaOffsetsInitializer.committed_offsets(KafkaOffsetResetStrategy.EARLIEST)
        source = self._source((PROFILES,), start, topic_as_key=False)
        strategy = WatermarkStrategy(get_gateway().jvm.kairos.AlwaysMaxWatermark())
        stream = env.from_source(source, strategy, "profiles").uid(uids.PROFILES_SOURCE)
        return stream.set_parallelism(1)

    def results(self, stream: DataStream) -> None:
        """Everything the job yields, to the topic each record names."""
        builder = KafkaSink.builder().set_bootstrap_servers(self.brokers)
        builder.set_delivery_guarantee(DeliveryGuarantee.AT_LEAST_ONCE)
        wanted = {
            "linger.ms": str(WAIT_MS),
            "acks": "all",
            "max.request.size": str(REQUEST_BYTES_MAX),
        }
        for key, value in {**wanted, **self.kafka}.items():
            builder.set_property(key, value)
        builder._j_builder.setRecordSerializer(_serializer())
        sink = KafkaSink(builder._j_builder.build())
        stream.sink_to(sink).name("results").uid(uids.RESULTS_SINK)

    def _source(
        self, topics: tuple[str, ...], start: KafkaOffsetsInitializer, *, topic_as_key: bool
    ) -> KafkaSource:
        builder = KafkaSource.builder().set_bootstrap_servers(self.brokers)
        builder.set_topics(*topics).set_starting_offsets(start)
        builder.set_group_id(self.group if not topic_as_key else f"{self.group}-control")
        wanted = {} if topic_as_key else PACED
        for key, value in {**wanted, **self.kafka}.items():
            builder.set_property(key, value)
        deserializer = get_gateway().jvm.kairos.KeyedBytesDeserializer(topic_as_key)
        builder._j_builder.setDeserializer(deserializer)
        return builder.build()


def by_user(stream: DataStream) -> KeyedStream:
    """Keyed by field 0, in the JVM; the function behind it receives field 1 as bytes."""
    selector = get_gateway().jvm.KeyByKeySelector()
    keyed = stream._j_data_stream.keyBy(selector, KEY_ROW.get_java_type_info())
    return KeyedStream(keyed, BYTES, stream)


def _serializer() -> Any:
    gateway = get_gateway()
    names = gateway.new_array(gateway.jvm.java.lang.String, len(TOPICS))
    for index, topic in enumerate(TOPICS):
        names[index] = topic
    return gateway.jvm.kairos.RoutedBytesSerializer(names)
