"""The topics file: what each topic promises, and how a mistake in it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.topics import DAY_MS, KIB, Topic, TopicsError, kept_forever, read_topics
from schemas.topics import BATCH_BYTES_MAX, CONTROL_TOPICS, SCHEMA_FILES

TOPICS = {topic.name: topic for topic in read_topics()}

# name, partitions, days kept (None: compacted), longest record in KiB
PROMISED = [
    ("events", 12, 7, 256),
    ("decisions", 12, 7, 1024),
    ("dead-letters", 3, 30, 1024),
    ("triggers", 6, 7, 256),
    ("profiles", 12, 7, 256),
    ("sites", 1, None, 1024),
    ("campaigns", 1, None, 4096),
    ("products", 1, None, 8192),
    ("models", 1, None, 8192),
    ("policy", 1, None, 4096),
]


@pytest.mark.parametrize(("name", "partitions", "days", "kib"), PROMISED)
def test_a_topic_is_as_promised(name: str, partitions: int, days: int | None, kib: int) -> None:
    topic = TOPICS[name]
    kept = topic.config.get("retention.ms")
    assert topic.partitions == partitions
    assert kept == (None if days is None else str(days * DAY_MS))
    assert topic.config["cleanup.policy"] == ("compact" if days is None else "delete")
    assert topic.config["max.message.bytes"] == str(kib * KIB)


def test_every_topic_with_a_schema_is_in_the_file_and_no_other() -> None:
    assert set(TOPICS) == set(SCHEMA_FILES)


def test_every_version_of_a_control_record_outlives_the_events_it_decided() -> None:
    events_ms = int(TOPICS["events"].config["retention.ms"])
    lags = {int(TOPICS[name].config["min.compaction.lag.ms"]) for name in CONTROL_TOPICS}
    assert lags == {8 * DAY_MS}
    assert min(lags) > events_ms


def test_an_imported_log_is_kept_though_it_is_older_than_any_retention() -> None:
    kept = {topic.name: topic.config for topic in kept_forever(tuple(TOPICS.values()))}
    assert kept["events"]["retention.ms"] == "-1"
    assert "retention.ms" not in kept["sites"]


# what the file says, what the message must name
WRONG = [
    ("t: {partitions: 1}", "max_message_kib"),
    ("t: {partitions: 1, max_message_kib: 1, retention: 5}", "retention"),
    ("t: {partitions: 0, max_message_kib: 1, retention_days: 5}", "t.partitions"),
    ("t: {partitions: 1, max_message_kib: 1 MiB, retention_days: 5}", "t.max_message_kib"),
    ("t: {partitions: 1, max_message_kib: 1}", "t.retention_days"),
]


@pytest.mark.parametrize(("text", "named"), WRONG)
def test_a_mistake_is_told_by_topic_and_field(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(f"topics:\n  {text}\n")
    with pytest.raises(TopicsError, match=named):
        read_topics(path)


def test_a_topic_of_two_lines_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text("topics:\n  t: {partitions: 2, max_message_kib: 1, retention_days: 1}\n")
    (topic,) = read_topics(path)
    assert isinstance(topic, Topic)
    assert (topic.name, topic.partitions) == ("t", 2)


def test_a_full_batch_passes_every_topic() -> None:
    """A broker holds a whole batch to the limit; librdkafka's own default is 1 MB."""
    assert (
        min(int(topic.config["max.message.bytes"]) for topic in TOPICS.values()) > BATCH_BYTES_MAX
    )
