"""A log leaves one broker and enters another with every property of its records."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from cli.main import main
from connectors import log_files
from connectors.avro import codec, encode_frame, register_all
from connectors.log_files import LogRecord
from connectors.log_topics import LogReader, LogWriter
from connectors.log_transfer import EXPORTED, IMPORTED, ImportRefused, export_log, import_log
from connectors.memory import MemoryRegistry
from connectors.registry import RegistryClient
from infra.local.topics import Topic, create_topics, kept_forever, read_topics
from schemas.chain import total
from schemas.decision import Decision
from schemas.event import Event
from tests.schemas.samples import NOW_MS, samples
from tests.stack.servers import Servers

DEADLINE_S = 30.0
USERS = [f"demo:v:{number:032x}" for number in range(40)]


@dataclass(frozen=True)
class Parts:
    """A broker and a registry, without a job."""

    brokers: str
    registry: str


@pytest.fixture(scope="module")
def parts(servers: Servers) -> Parts:
    where = servers.fresh(("kafka", "registry"), job=False, demo=False).state.endpoints
    return Parts(where["brokers"], where["registry"])


@pytest.fixture
def broker(parts: Parts) -> str:
    """The broker with empty topics; the tests' records are older than any retention."""
    empty(parts.brokers, kept_forever(read_topics()))
    return parts.brokers


def empty(brokers: str, topics: tuple[Topic, ...]) -> None:
    """Delete all topics and create them anew, until the broker tells of them again."""
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    names = {topic.name for topic in topics}
    for future in admin.delete_topics(list(names), operation_timeout=DEADLINE_S).values():
        with suppress(KafkaException):
            future.result(DEADLINE_S)
    until(lambda: not names & admin.list_topics(timeout=DEADLINE_S).topics.keys())
    create_topics(brokers, topics)
    until(lambda: names <= admin.list_topics(timeout=DEADLINE_S).topics.keys())


def until(condition: Callable[[], bool]) -> None:
    """Poll a condition until it holds; the metadata of a broker settles after the call."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"


def silent(_text: str) -> None:
    """No progress."""


def write_log(brokers: str, registry: RegistryClient) -> int:
    """Records of every exported topic: values, poison, tombstones, headers; their number."""
    register_all(registry)
    writer, written = LogWriter(brokers), 0
    for topic in ("sites", "campaigns", "products", "models", "policy"):
        frame = codec(topic, registry).encode(samples()[topic])
        writer.write(topic, LogRecord(0, 0, NOW_MS, b"demo", frame))
        written += 1
    events, decisions = codec("events", registry), codec("decisions", registry)
    for number, user in enumerate(USERS * 25):
        now_ms = NOW_MS + number
        event = Event(event_id=str(number), user_key=user, received_at_ms=now_ms)
        headers = (("traceparent", b"00-a"), ("again", None), ("again", b""))
        key = user.encode()
        record = LogRecord(number % 12, 0, now_ms, key, events.encode(event), headers)
        writer.write("events", record)
        decision = Decision(slot_id=f"s_{number // 2}", decision_id="d", decided_at_ms=number)
        frame = decisions.encode(decision)
        writer.write("decisions", LogRecord(number % 12, 0, now_ms, key, frame))
        written += 2
    for value in (b"garbage", encode_frame(9_999, b"x"), None, b""):
        writer.write("events", LogRecord(3, 0, NOW_MS, None, value))
        written += 1
    writer.flush("events")
    return written


def test_many_records_at_once_stay_below_the_limit_of_a_batch(broker: str) -> None:
    """Two megabytes that do not compress, for one partition whose batches end at 256 KiB."""
    writer, chance = LogWriter(broker), random.Random(1)
    records = [LogRecord(3, 0, NOW_MS, b"k", chance.randbytes(500)) for _ in range(4_000)]
    for record in records:
        writer.write("events", record)
    writer.flush("events")
    assert [each.value for each in contents(broker, "events")] == [each.value for each in records]


def contents(brokers: str, topic: str) -> list[LogRecord]:
    reader = LogReader(brokers)
    return list(reader.read(topic, reader.spans(topic)))


def test_a_log_comes_back_the_same_under_other_schema_ids(
    broker: str, parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = RegistryClient(parts.registry)
    written = write_log(broker, registry)
    before = {topic: contents(broker, topic) for topic in EXPORTED}
    exported = export_log(broker, registry, tmp_path / "log", silent)
    assert sum(exported.records.values()) == written
    assert (exported.chain.superseded, exported.unreadable) == (len(USERS * 25) // 2, 0)
    assert len(exported.chain.conflicts) == exported.chain.superseded
    assert len(exported.chain.heads()) > 0

    empty(broker, read_topics())
    other = MemoryRegistry(first_id=500)
    imported = import_log(broker, other, tmp_path / "log", silent)
    assert imported.records == {t: n for t, n in exported.records.items() if t in IMPORTED}
    assert imported.offsets_kept
    assert total(imported.chain.heads()) == total(exported.chain.heads())
    assert contents(broker, "decisions") == []
    readers = {topic: (codec(topic, registry), codec(topic, other)) for topic in imported.records}
    for topic, (old, new) in readers.items():
        after = contents(broker, topic)
        assert [r._replace(value=None) for r in after] == [
            r._replace(value=None) for r in before[topic]
        ]
        for was, now in zip(before[topic], after, strict=True):
            if was.value is None or was.value[:1] != b"\x00" or was.value[1:5] == b"\0\0\x27\x0f":
                assert now.value == was.value
            else:
                assert now.value is not None and now.value[3:5] >= b"\x01\xf4"
                assert new.decode(now.value) == old.decode(was.value)


def test_import_refuses_topics_that_hold_records_by_name(
    broker: str, parts: Parts, tmp_path: Path
) -> None:
    registry = RegistryClient(parts.registry)
    write_log(broker, registry)
    export_log(broker, registry, tmp_path / "log", silent)
    with pytest.raises(ImportRefused, match="topic sites holds 1 records"):
        import_log(broker, registry, tmp_path / "log", silent)


def test_import_refuses_other_partitions_by_name(broker: str, parts: Parts, tmp_path: Path) -> None:
    registry = RegistryClient(parts.registry)
    export_log(broker, registry, tmp_path / "log", silent)
    path = tmp_path / "log" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["topics"]["events"]["partitions"] = 6
    path.write_text(json.dumps(manifest))
    with pytest.raises(ImportRefused, match="topic events has 12 partitions, the export has 6"):
        import_log(broker, registry, tmp_path / "log", silent)


def test_import_keeps_old_records_from_retention(broker: str, parts: Parts, tmp_path: Path) -> None:
    """Records of 2024 are beyond every retention, which the broker checks by record time."""
    registry = RegistryClient(parts.registry)
    export_log(broker, registry, tmp_path / "log", silent)
    empty(broker, read_topics())
    import_log(broker, registry, tmp_path / "log", silent)
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
    asked = [ConfigResource(ResourceType.TOPIC, name) for name in ("events", "sites")]
    found = [future.result(DEADLINE_S) for future in admin.describe_configs(asked).values()]
    assert found[0]["retention.ms"].value == "-1"
    assert found[1]["min.compaction.lag.ms"].value == str(2**63 - 1)


def test_the_command_prints_records_and_the_chain_of_every_key(
    broker: str,
    parts: Parts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KAIROS_BROKERS", broker)
    monkeypatch.setenv("KAIROS_REGISTRY_URL", parts.registry)
    registry = RegistryClient(parts.registry)
    register_all(registry)
    writer, encode = LogWriter(broker), codec("decisions", registry).encode
    for number, user in enumerate(USERS):
        frame = encode(Decision(slot_id=f"s_{number}", decision_id="d"))
        writer.write("decisions", LogRecord(number % 12, 0, NOW_MS, user.encode(), frame))
    writer.flush("decisions")
    assert main(["log", "export", str(tmp_path / "log"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["records"]["decisions"] == len(USERS)
    assert list(found["chain"]) == USERS
    assert found["chain_sha256"] == total(found["chain"])
    assert main(["log", "export", str(tmp_path / "log")]) == 1
    assert "holds an export already" in capsys.readouterr().err
    assert log_files.read_manifest(tmp_path / "log").topics["events"].records == 0


def test_import_refuses_a_stack_whose_gateway_ticks(
    broker: str, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = RegistryClient(parts.registry)
    export_log(broker, registry, tmp_path / "log", silent)
    producer, stop, looked = Producer({"bootstrap.servers": broker}), Flag(), LogReader.arrives

    def tick() -> None:
        while not stop.wait(0.05):
            producer.produce("events", b"tick", b"~tick")
            producer.poll(0)

    ticking = Thread(target=tick)

    def look_while_ticking(self: LogReader, topic: str, within_s: float) -> bool:
        ticking.start()
        return looked(self, topic, DEADLINE_S)

    monkeypatch.setattr(LogReader, "arrives", look_while_ticking)
    try:
        with pytest.raises(ImportRefused, match="topic events is being written to"):
            import_log(broker, registry, tmp_path / "log", silent)
    finally:
        stop.set()
        ticking.join()
        producer.flush(DEADLINE_S)
