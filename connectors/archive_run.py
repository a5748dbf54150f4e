"""The process behind `kairos archive run`: the log's newest records into an archive, for ever.

It has a consumer group of its own, whose committed offsets are there to be looked at; where it
reads on is what its own files say. Nobody waits for it: stopping it changes no decision.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.archive_files import (
    About,
    bytes_of,
    is_archive,
    locked,
    read_about,
    write_about,
)
from connectors.archive_prune import prune
from connectors.archive_write import ArchiveWriter
from connectors.avro import Registry, codec
from connectors.log_files import LogFilesError
from connectors.log_topics import MESSAGE_BYTES_MAX, LogUnavailable, record_of
from connectors.registry import UnknownSchemaId
from schemas.model import UNSIGNED
from schemas.topics import CONTROL_TOPICS, DECISIONS, EVENTS

GROUP = "kairos-archive"
TOPICS = (*CONTROL_TOPICS, EVENTS, DECISIONS)
"""In this order at a start: a decision finds the context it was taken in."""

FLUSH = "flush"
"""A file of this name in the archive asks its process to commit now; it is then removed."""

BATCH_RECORDS, POLL_S, LOOK_S, ANSWER_S = 1_000, 0.2, 5.0, 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """When to commit, and how large the archive may grow; 0 days keeps everything."""

    rows_max: int = 50_000
    bytes_max: int = 64 * 1024 * 1024
    age_s_max: float = 60.0
    disk_bytes_max: int = 20 * 1024**3
    keep_days: int = 0


@dataclass(slots=True)
class Seen:
    """What the process tells of itself; `full` says that it waits for room on the disk."""

    records: int = 0
    commits: int = 0
    bytes: int = 0
    full: bool = False
    lag: dict[str, int] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)


class ArchiveRun:
    """One run over an archive, which it makes where there is none."""

    def __init__(
        self,
        folder: Path,
        brokers: str,
        registry: Registry,
        limits: Limits,
        kafka: Mapping[str, str] | None = None,
        model_keys: tuple[str, ...] = (UNSIGNED,),
    ) -> None:
        self.folder, self.brokers, self.limits = folder, brokers, limits
        self.seen = Seen()
        self._registry, self._model_keys = registry, model_keys
        settings = {
            **(kafka or {}),
            "bootstrap.servers": brokers,
            "group.id": GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.message.max.bytes": MESSAGE_BYTES_MAX,
            "log_level": 0,
        }
        self._consumer = Consumer(settings)
        # A question waits behind a long poll of the same client; another's is answered at once.
        self._asking = Consumer(settings)
        self._places: list[TopicPartition] = []
        self._committed_s = time.monotonic()

    def run(self, stop: Callable[[], bool], told: Callable[[Seen], None], *, once: bool) -> Seen:
        """Archive until `stop()`, or with `once` up to the ends of the log as they are now.

        Raises LogFilesError, LogUnavailable, RegistryUnavailable, OSError.
        """
        with locked(self.folder, "run", wait=False):
            try:
                self._begin()
                ends = self._ends() if once else {}
                while not stop() and not (once and self._reached(ends)):
                    self._round()
                    told(self.seen)
                self._commit()
                told(self.seen)
            finally:
                self._consumer.close()
                self._asking.close()
        return self.seen

    def _begin(self) -> None:
        cluster = self._asking.list_topics(timeout=ANSWER_S).cluster_id or ""
        known = read_about(self.folder) if is_archive(self.folder) else About(cluster)
        if known.cluster not in ("", cluster):
            raise LogFilesError(
                f"{self.folder} is the archive of cluster {known.cluster}, this is {cluster}; "
                "name another folder: offsets of two logs must not meet"
            )
        keys = known.model_keys if known.model_keys != (UNSIGNED,) else self._model_keys
        write_about(self.folder, replace(known, cluster=cluster, model_keys=keys))
        codecs = {topic: codec(topic, self._registry) for topic in TOPICS}
        self.writer = ArchiveWriter(self.folder, codecs, self._schema)
        for topic in TOPICS:
            self._places += [self._start(topic, number) for number in self._partitions(topic)]
        self._consumer.assign(self._places)
        self.seen.bytes = bytes_of(self.folder)

    def _partitions(self, topic: str) -> list[int]:
        found = self._asking.list_topics(topic, timeout=ANSWER_S).topics[topic]
        if found.error is not None or not found.partitions:
            raise LogUnavailable(
                f"topic {topic} does not exist on {self.brokers}; `kairos up` creates it"
            )
        return sorted(found.partitions)

    def _start(self, topic: str, number: int) -> TopicPartition:
        place = TopicPartition(topic, number)
        low, _ = self._asking.get_watermark_offsets(place, timeout=ANSWER_S)
        self.writer.begin(topic, number, low)
        return TopicPartition(topic, number, self.writer.end(topic, number))

    def _schema(self, number: int) -> str:
        try:
            return self._registry.get(number)
        except UnknownSchemaId as unknown:
            raise LookupError(number) from unknown

    def _round(self) -> None:
        """Read a little, and commit when it is time."""
        if self.seen.full:
            self._wait_for_room()
            return
        for message in self._consumer.consume(BATCH_RECORDS, POLL_S):
            failure = message.error()
            if failure is not None:
                if failure.fatal():
                    raise LogUnavailable(f"{self.brokers}: {failure.str()}")
                continue
            self.writer.add(message.topic(), record_of(message))
            self.seen.records += 1
        late = time.monotonic() - self._committed_s >= self.limits.age_s_max
        many = len(self.writer.rows) >= self.limits.rows_max
        large = self.writer.bytes >= self.limits.bytes_max
        if late or many or large or (self.folder / FLUSH).exists():
            self._commit()

    def _commit(self) -> None:
        asked = (self.folder / FLUSH).exists()
        self.writer.commit()
        if self.limits.keep_days:
            prune(self.folder, self.limits.keep_days)
        self._committed_s = time.monotonic()
        self.seen.commits += 1
        self.seen.written = dict(self.writer.written)
        self.seen.bytes = bytes_of(self.folder)
        self.seen.full = self.seen.bytes >= self.limits.disk_bytes_max
        offsets = [
            TopicPartition(each.topic, each.partition, self.writer.end(each.topic, each.partition))
            for each in self._places
        ]
        self.seen.lag = self._lag(offsets)
        # The group's offsets are for whoever watches; files alone say where to read on.
        with suppress(KafkaException):
            self._consumer.commit(offsets=offsets, asynchronous=True)
        if asked:
            (self.folder / FLUSH).unlink(missing_ok=True)

    def _wait_for_room(self) -> None:
        """Read nothing more: the log keeps what comes, and the lag shows it."""
        self._consumer.pause(self._places)
        self._consumer.poll(POLL_S)
        if time.monotonic() - self._committed_s >= LOOK_S:
            self._commit()
            if not self.seen.full:
                self._consumer.resume(self._places)

    def _lag(self, offsets: list[TopicPartition]) -> dict[str, int]:
        """Records of each topic that are not archived yet; nothing where the broker is away."""
        out = dict.fromkeys(TOPICS, 0)
        try:
            for place in offsets:
                _, high = self._asking.get_watermark_offsets(place, timeout=LOOK_S)
                out[place.topic] += max(high - place.offset, 0)
        except KafkaException:
            return self.seen.lag
        return out

    def _ends(self) -> dict[tuple[str, int], int]:
        return {
            (each.topic, each.partition): self._asking.get_watermark_offsets(
                each, timeout=ANSWER_S
            )[1]
            for each in self._places
        }

    def _reached(self, ends: Mapping[tuple[str, int], int]) -> bool:
        return all(self.writer.end(*place) >= end for place, end in ends.items())
