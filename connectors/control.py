"""The five control topics: read whole at start, written one version at a time.

A control record names its site, a version that grows by one, and the engine time from which it is
in force. Readers start from the beginning and keep every version they meet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from msgspec.structs import replace

from connectors.avro import BadFrame, Registry, codec
from connectors.routes import Origin
from schemas.campaign import Campaigns
from schemas.model import Model
from schemas.policy import Policy
from schemas.products import Products
from schemas.site import Site
from schemas.topics import CONTROL_TOPICS

WAIT_S = 60.0
EFFECTIVE_AFTER_MS = 1_000
"""From publishing until a version is in force: every reader has it by then."""

MESSAGE_BYTES_MAX = 9 * 1024 * 1024
POLL_S = 0.25
Record = Site | Campaigns | Products | Model | Policy
R = TypeVar("R", Site, Campaigns, Products, Model, Policy)


class Signer(Protocol):
    """Signs a model record as it is about to be written (connectors/model_keys.py)."""

    key_id: str

    def sign(self, model: Model) -> Model:
        """The same with key_id and signature."""
        ...


class ControlUnavailable(Exception):
    """A control topic could not be read or written; the message names broker, topic and fix."""


@dataclass(frozen=True, slots=True)
class ControlRecord:
    """One record as it lies in the log: its topic, where it came from, undecoded."""

    topic: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class ControlLog:
    """Reads control topics from the beginning to their present end, within `wait_s` seconds."""

    brokers: str
    kafka: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = WAIT_S

    def read(self, topics: tuple[str, ...] = CONTROL_TOPICS) -> list[ControlRecord]:
        """Every record of these topics, in log order within a topic.

        Raises ControlUnavailable when the broker does not answer or a topic does not exist.
        """
        deadline = time.monotonic() + self.wait_s
        consumer = Consumer(self._settings())
        try:
            pending = self._assign(consumer, topics, deadline)
            return list(self._poll(consumer, pending, deadline))
        finally:
            consumer.close()

    def _settings(self) -> dict[str, Any]:
        return {
            **self.kafka,
            "bootstrap.servers": self.brokers,
            "group.id": f"kairos-control-{uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            # The end of a topic is told after this wait; the default costs half a second a read.
            "fetch.wait.max.ms": 10,
            "log_level": 0,
        }

    def _assign(
        self, consumer: Consumer, topics: tuple[str, ...], deadline: float
    ) -> set[tuple[str, int]]:
        """Assign every partition from its beginning; those that hold nothing need no reading."""
        places = [
            (topic, partition)
            for topic in topics
            for partition in self._partitions(consumer, topic, deadline)
        ]
        consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in places])
        return set(places)

    def _partitions(self, consumer: Consumer, topic: str, deadline: float) -> list[int]:
        reason = "no answer"
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                found = consumer.list_topics(topic, timeout=min(left_s, 5.0)).topics[topic]
            except KafkaException as failure:
                reason = failure.args[0].str()
                time.sleep(POLL_S)
                continue
            if found.error is None and found.partitions:
                return sorted(found.partitions)
            reason = "the topic does not exist" if found.error is None else found.error.str()
            time.sleep(POLL_S)
        raise self._unavailable(topic, reason)

    def _poll(
        self, consumer: Consumer, pending: set[tuple[str, int]], deadline: float
    ) -> Iterator[ControlRecord]:
        while pending:
            if time.monotonic() >= deadline:
                raise self._unavailable(min(pending)[0], "its end was not reached")
            message = consumer.poll(POLL_S)
            if message is None:
                continue
            failure = message.error()
            if failure is None:
                yield _record(message)
            elif failure.code() == KafkaError._PARTITION_EOF:
                pending.discard((message.topic(), message.partition()))
            elif failure.fatal():
                raise self._unavailable(message.topic() or min(pending)[0], failure.str())

    def _unavailable(self, topic: str, reason: str) -> ControlUnavailable:
        return ControlUnavailable(
            f"topic {topic} on {self.brokers} could not be read within {self.wait_s:.0f} s: "
            f"{reason}. Check that the broker runs and that the topic was created."
        )


def _record(message: Message) -> ControlRecord:
    origin = Origin(
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
    )
    return ControlRecord(message.topic(), origin)


@dataclass(frozen=True, slots=True)
class ControlWriter:
    """Publishes control records; the next version is read from the topic itself."""

    brokers: str
    registry: Registry
    kafka: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = WAIT_S
    clock_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    signer: Signer | None = None

    def publish_site(self, site: Site) -> Site:
        """Publish to `sites`; returns what was written, with version and effective time."""
        return self._publish("sites", site)

    def publish_campaigns(self, campaigns: Campaigns) -> Campaigns:
        """Publish a whole catalogue to `campaigns`."""
        return self._publish("campaigns", campaigns)

    def publish_products(self, products: Products) -> Products:
        """Publish a site's products to `products`."""
        return self._publish("products", products)

    def publish_model(self, model: Model) -> Model:
        """Publish to `models`, for one site or for `default`."""
        return self._publish("models", model)

    def publish_policy(self, policy: Policy) -> Policy:
        """Publish to `policy`."""
        return self._publish("policy", policy)

    def newest(self, topic: str, site: str) -> Any | None:
        """The record of the highest version of a site, None if there is none."""
        found = [each for each in self.history(topic) if each.site == site]
        return max(found, key=lambda each: each.version, default=None)

    def history(self, topic: str) -> list[Any]:
        """Every readable record of a control topic, in log order."""
        log = ControlLog(self.brokers, self.kafka, self.wait_s)
        reader = codec(topic, self.registry)
        found = []
        for record in log.read((topic,)):
            try:
                found.append(reader.decode(record.origin.value))
            except BadFrame:
                # Poison in a control topic must not stop its owner from publishing the cure.
                continue
        return found

    def _publish(self, topic: str, record: R) -> R:
        last = self.newest(topic, record.site)
        made = replace(
            record,
            version=1 if last is None else last.version + 1,
            effective_at_ms=self.clock_ms() + EFFECTIVE_AFTER_MS,
        )
        if isinstance(made, Model) and self.signer is not None:
            # Only now does it say from when it is in force, which the signature covers.
            made = self.signer.sign(made)
        self._write(topic, made.site, codec(topic, self.registry).encode(made))
        return made

    def publish_signed(self, model: Model) -> Model:
        """Publish a signed model as it is, version and effective time included."""
        self._write("models", model.site, codec("models", self.registry).encode(model))
        return model

    def _write(self, topic: str, site: str, frame: bytes) -> None:
        failures: list[str] = []
        producer = Producer(
            {
                **self.kafka,
                "bootstrap.servers": self.brokers,
                "partitioner": "murmur2_random",
                "message.max.bytes": MESSAGE_BYTES_MAX,
                "acks": "all",
                "log_level": 0,
            }
        )
        producer.produce(
            topic,
            key=site.encode(),
            value=frame,
            on_delivery=lambda failed, _: failures.append(failed.str()) if failed else None,
        )
        if producer.flush(self.wait_s) or failures:
            reason = failures[0] if failures else f"no answer within {self.wait_s:.0f} s"
            raise ControlUnavailable(f"topic {topic} on {self.brokers} was not written: {reason}")
