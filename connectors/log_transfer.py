"""A log out of one stack and into another: the same records under the other registry's ids."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from connectors import log_files
from connectors.avro import BadFrame, Registry, codec, decode_frame, encode_frame, schema_text
from connectors.log_files import LogRecord, Manifest, TopicSpan
from connectors.log_topics import LogReader, LogUnavailable, LogWriter, Span, keep_for_ever
from connectors.memory import MemoryRegistry
from connectors.registry import RegistryRefused, UnknownSchemaId
from schemas.chain import Chain
from schemas.model import UNSIGNED
from schemas.topics import CONTROL_TOPICS, DECISIONS, EVENTS, SCHEMA_FILES, TRIGGERS

EXPORTED = (*CONTROL_TOPICS, EVENTS, DECISIONS, TRIGGERS)
IMPORTED = (*CONTROL_TOPICS, EVENTS)
"""In this order: a decision must find the context it was taken in."""

QUIET_S = 0.5
"""A ticking gateway writes to `events` each 100 ms."""

Progress = Callable[[str], None]


class ImportRefused(Exception):
    """The target cannot take this log as it is; the message names the topic and the fix."""


@dataclass(slots=True)
class Transfer:
    """What was moved. `offsets_kept`: each record lies at its old offset, as savepoints need."""

    records: dict[str, int] = field(default_factory=dict)
    chain: Chain = field(default_factory=Chain)
    unreadable: int = 0
    offsets_kept: bool = True


def export_log(
    brokers: str,
    registry: Registry,
    folder: Path,
    progress: Progress,
    model_keys: tuple[str, ...] = (UNSIGNED,),
) -> Transfer:
    """Write the log as it is now into `folder`; `model_keys` are what its job trusts."""
    reader, done = LogReader(brokers), Transfer()
    # Ends are taken in this order, so each decision's events and context are in the export.
    ends = {topic: reader.spans(topic) for topic in reversed(EXPORTED)}
    log_files.create(folder)
    ids: set[int] = set()
    topics = {}
    for topic in EXPORTED:
        seen = _seen(reader.read(topic, ends[topic]), ids)
        if topic == DECISIONS:
            seen = _chained(seen, registry, done)
        counted = _counted(seen, topic, done)
        log_files.write_records(folder, topic, counted)
        topics[topic] = _span(ends[topic], done.records[topic])
        progress(f"{topic}: {done.records[topic]} records")
    log_files.write_manifest(
        folder, Manifest(topics, _schemas(registry, ids), model_keys=model_keys)
    )
    return done


def import_log(brokers: str, registry: Registry, folder: Path, progress: Progress) -> Transfer:
    """Write an exported log's control topics, then its events, into empty topics."""
    manifest, done = log_files.read_manifest(folder), Transfer()
    require_empty(LogReader(brokers), manifest)
    new_ids = _registered(registry, manifest)
    keep_for_ever(brokers, (EVENTS,), CONTROL_TOPICS)
    writer = LogWriter(brokers)
    for topic in IMPORTED:
        records = log_files.read_records(folder, topic)
        for record in _counted(records, topic, done):
            writer.write(topic, record._replace(value=_renumbered(record.value, new_ids)))
        # All context is in the log before the first event.
        writer.flush(topic)
        span = manifest.topics[topic]
        sizes = {number: span.end[number] - first for number, first in span.first.items()}
        gapless = sum(sizes.values()) == done.records[topic] and not any(span.first.values())
        done.offsets_kept = done.offsets_kept and gapless
        progress(f"{topic}: {done.records[topic]} records")
    _exported_chain(folder, manifest, done)
    return done


def require_empty(reader: LogReader, manifest: Manifest) -> None:
    """Refuse a target whose topics hold records, differ in partitions, or are being written."""
    for topic in EXPORTED:
        spans, exported = reader.spans(topic), manifest.topics.get(topic)
        # What is not imported may be missing: older exports lack what was exported later.
        if topic in IMPORTED and exported is None:
            raise ImportRefused(f"the export lacks topic {topic}; export the log again")
        if topic in IMPORTED and exported and len(spans) != (want := exported.partitions):
            raise ImportRefused(
                f"topic {topic} has {len(spans)} partitions, the export has {want}; create it anew "
                f"with {want}, since a key's partition is part of the log"
            )
        held = sum(end - first for first, end in spans.values())
        if held:
            raise ImportRefused(
                f"topic {topic} holds {held} records; import wants empty topics: "
                "run `kairos clean`, then `kairos up` without traffic"
            )
    if reader.arrives(EVENTS, QUIET_S):
        raise ImportRefused(
            f"topic {EVENTS} is being written to; stop the gateways first (they tick each 100 ms)"
        )


def _span(spans: dict[int, Span], records: int) -> TopicSpan:
    first = {str(number): span[0] for number, span in spans.items()}
    end = {str(number): span[1] for number, span in spans.items()}
    return TopicSpan(len(spans), records, first, end)


def _counted(records: Iterator[LogRecord], topic: str, done: Transfer) -> Iterator[LogRecord]:
    done.records[topic] = 0
    for record in records:
        done.records[topic] += 1
        yield record


def _seen(records: Iterator[LogRecord], ids: set[int]) -> Iterator[LogRecord]:
    for record in records:
        schema_id = _frame_id(record.value)
        if schema_id is not None:
            ids.add(schema_id)
        yield record


def _chained(
    records: Iterator[LogRecord], registry: Registry, done: Transfer
) -> Iterator[LogRecord]:
    reader = codec(DECISIONS, registry)
    for record in records:
        try:
            decision = reader.decode(record.value)
        except BadFrame:
            done.unreadable += 1
        else:
            body = decode_frame(record.value)[1]
            key = record.key or b""
            done.chain.add(key, decision.slot_id, decision.decision_id, body)
        yield record


def _frame_id(value: bytes | None) -> int | None:
    try:
        return decode_frame(value)[0]
    except BadFrame:
        return None


def _schemas(registry: Registry, ids: set[int]) -> dict[str, str]:
    """Schema texts by id; ids of poison, which the registry never gave, are left out."""
    found = {}
    for schema_id in sorted(ids):
        try:
            found[str(schema_id)] = registry.get(schema_id)
        except UnknownSchemaId:
            continue
    return found


def _registered(registry: Registry, manifest: Manifest) -> dict[int, int]:
    """Old registry id -> the target's id of the same schema, oldest first."""
    topics = {_name(schema_text(topic)): topic for topic in SCHEMA_FILES}
    new_ids = {}
    for old, text in sorted(manifest.schemas.items(), key=lambda item: int(item[0])):
        topic = topics.get(_name(text))
        if topic is None:
            # A schema of nobody's topic was poison there and stays poison here.
            continue
        try:
            new_ids[int(old)] = registry.register(f"{topic}-value", text)
        except RegistryRefused as refusal:
            raise ImportRefused(
                f"subject {topic}-value does not take the export's schema {old}: {refusal}"
            ) from refusal
    return new_ids


def _name(text: str) -> str:
    schema = json.loads(text)
    if not isinstance(schema, dict):
        return ""
    return f"{schema.get('namespace', '')}.{schema.get('name', '')}"


def _renumbered(value: bytes | None, new_ids: dict[int, int]) -> bytes | None:
    schema_id = _frame_id(value)
    if schema_id is None or schema_id not in new_ids:
        return value
    return encode_frame(new_ids[schema_id], decode_frame(value)[1])


def _exported_chain(folder: Path, manifest: Manifest, done: Transfer) -> None:
    """The chain of the exported decisions, which are for comparison and not imported."""
    local = MemoryRegistry()
    local.schemas = {int(old): text for old, text in manifest.schemas.items()}
    for _ in _chained(log_files.read_records(folder, DECISIONS), local, done):
        pass


__all__ = ["ImportRefused", "LogUnavailable", "Transfer", "export_log", "import_log"]
