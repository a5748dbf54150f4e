"""Creates the topics of `infra/kafka/topics.yaml` and keeps their settings as the file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

TOPICS_FILE = Path(__file__).resolve().parents[1] / "kafka" / "topics.yaml"
KIB = 1024
DAY_MS = 24 * 3600 * 1000
KEEP_FOREVER = "-1"
REQUEST_TIMEOUT_S = 30

FIELDS_REQUIRED = {"partitions", "max_message_kib"}
FIELDS_OPTIONAL = {
    "retention_days",
    "compacted",
    "compaction_lag_days_min",
    "compaction_lag_days_max",
}


class TopicsError(Exception):
    """The topics file, or the cluster, is not what kairos needs; the message says the fix."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its partitions and its settings in Kafka's own names."""

    name: str
    partitions: int
    config: Mapping[str, str]


def read_topics(path: Path = TOPICS_FILE) -> tuple[Topic, ...]:
    """All topics of the file. Raises TopicsError naming the topic and the field at fault."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(_topic(name, fields) for name, fields in document["topics"].items())


def _topic(name: str, fields: Mapping[str, object]) -> Topic:
    missing = FIELDS_REQUIRED - set(fields)
    unknown = set(fields) - FIELDS_REQUIRED - FIELDS_OPTIONAL
    if missing or unknown:
        wrong = ", ".join(sorted(missing | unknown))
        raise TopicsError(f"topics.yaml: {name}: {wrong}: missing or unknown; see its comments")
    for field, value in fields.items():
        if isinstance(value, int) and value > 0:
            continue
        raise TopicsError(f"topics.yaml: {name}.{field}: {value!r}: give a whole number above 0")
    return Topic(name, int(str(fields["partitions"])), _config(name, fields))


def _config(name: str, fields: Mapping[str, object]) -> dict[str, str]:
    size = {"max.message.bytes": str(int(str(fields["max_message_kib"])) * KIB)}
    # Engine time is the record's timestamp, set by the gateway and kept as it was written.
    size["message.timestamp.type"] = "CreateTime"
    if not fields.get("compacted"):
        if "retention_days" not in fields:
            raise TopicsError(f"topics.yaml: {name}.retention_days: missing; how long is it kept?")
        days = int(str(fields["retention_days"]))
        return {**size, "cleanup.policy": "delete", "retention.ms": str(days * DAY_MS)}
    lag = {
        f"{end}.compaction.lag.ms": str(int(str(fields[f"compaction_lag_days_{end}"])) * DAY_MS)
        for end in ("min", "max")
    }
    return {**size, **lag, "cleanup.policy": "compact"}


def kept_forever(topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
    """The same topics without retention: an imported log is older than any retention."""
    return tuple(
        Topic(t.name, t.partitions, {**t.config, "retention.ms": KEEP_FOREVER})
        if "retention.ms" in t.config
        else t
        for t in topics
    )


def create_topics(brokers: str, topics: tuple[Topic, ...]) -> tuple[str, ...]:
    """Creates what is missing, corrects settings, returns the names created.

    Raises TopicsError when an existing topic has another number of partitions.
    """
    admin = AdminClient({"bootstrap.servers": brokers, "socket.timeout.ms": 10_000})
    existing = admin.list_topics(timeout=REQUEST_TIMEOUT_S).topics
    for topic in topics:
        if topic.name in existing and len(existing[topic.name].partitions) != topic.partitions:
            raise TopicsError(
                f"topic {topic.name} has {len(existing[topic.name].partitions)} partitions, "
                f"topics.yaml says {topic.partitions}: keys would change places; "
                "export the log and import it into empty topics"
            )
    missing = [topic for topic in topics if topic.name not in existing]
    _create(admin, missing)
    _correct(admin, [topic for topic in topics if topic.name in existing])
    return tuple(topic.name for topic in missing)


def _create(admin: AdminClient, topics: list[Topic]) -> None:
    if not topics:
        return
    new = [
        NewTopic(t.name, num_partitions=t.partitions, replication_factor=1, config=dict(t.config))
        for t in topics
    ]
    for name, future in admin.create_topics(new, operation_timeout=REQUEST_TIMEOUT_S).items():
        try:
            future.result(timeout=REQUEST_TIMEOUT_S)
        except KafkaException as error:
            # On a slow machine the client asks twice, and the first request did create it.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicsError(f"topic {name} could not be created: {error}") from error


def _correct(admin: AdminClient, topics: list[Topic]) -> None:
    if not topics:
        return
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            topic.name,
            incremental_configs=[
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                for key, value in topic.config.items()
            ],
        )
        for topic in topics
    ]
    for resource, future in admin.incremental_alter_configs(resources).items():
        try:
            future.result(timeout=REQUEST_TIMEOUT_S)
        except KafkaException as error:
            raise TopicsError(f"topic {resource.name}: settings refused: {error}") from error
