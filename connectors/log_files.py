"""An exported log as files: one Avro container a topic and a manifest, readable by any Avro tool.

manifest.json names the topics with their partitions, offsets and counts, and holds the schemas by
the ids that the values' frames carry. Records keep partition, offset, timestamp, key, value and
headers; they lie in the order of partition, then offset.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import fastavro

from schemas.model import UNSIGNED

VERSION = 1
MANIFEST = "manifest.json"
BLOCK_BYTES = 1 << 20
CODEC = "xz"
RECORD = fastavro.parse_schema(
    {
        "type": "record",
        "name": "LogRecord",
        "namespace": "io.kairos",
        "doc": "One record of a Kafka topic as it lay in the log.",
        "fields": [
            {"name": "partition", "type": "int", "doc": "Partition."},
            {"name": "offset", "type": "long", "doc": "Offset in the partition."},
            {"name": "timestamp_ms", "type": "long", "doc": "Record timestamp, epoch ms."},
            {"name": "key", "type": ["null", "bytes"], "doc": "Key bytes."},
            {"name": "value", "type": ["null", "bytes"], "doc": "Value bytes, framed."},
            {
                "name": "headers",
                "doc": "Headers in order; a name may come twice.",
                "type": {
                    "type": "array",
                    "items": {
                        "type": "record",
                        "name": "Header",
                        "fields": [
                            {"name": "name", "type": "string", "doc": "Name."},
                            {"name": "value", "type": ["null", "bytes"], "doc": "Value."},
                        ],
                    },
                },
            },
        ],
    }
)


class LogFilesError(Exception):
    """An exported log cannot be read or written; the message names the file and the fix."""


class LogRecord(NamedTuple):
    """One record as it lay in the log."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True, slots=True)
class TopicSpan:
    """What was exported of a topic; `first` and `end` (exclusive) are offsets by partition."""

    partitions: int
    records: int
    first: dict[str, int]
    end: dict[str, int]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export holds. `schemas`: registry id in the frames -> schema text.

    `model_keys` are what the job trusted; an export of before there were signatures has none.
    """

    topics: dict[str, TopicSpan]
    schemas: dict[str, str] = field(default_factory=dict)
    version: int = VERSION
    model_keys: tuple[str, ...] = (UNSIGNED,)


def topic_file(folder: Path, topic: str) -> Path:
    """Where a topic's records are."""
    return folder / f"{topic}.avro"


def create(folder: Path) -> None:
    """Make an empty folder that only its owner can read: sites carry secrets."""
    if (folder / MANIFEST).exists():
        raise LogFilesError(f"{folder} holds an export already; name another folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_records(folder: Path, topic: str, records: Iterable[LogRecord]) -> None:
    """Write a topic's records, block by block."""
    rows = (_row(record) for record in records)
    handle = os.open(topic_file(folder, topic), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        # A fixed marker instead of a random one: the same log gives the same file.
        marker = b"kairos-log-block"
        fastavro.writer(out, RECORD, rows, CODEC, BLOCK_BYTES, sync_marker=marker)


def read_records(folder: Path, topic: str) -> Iterator[LogRecord]:
    """A topic's records. Raises LogFilesError when the file is none of ours."""
    path = topic_file(folder, topic)
    try:
        with open(path, "rb") as source:
            reader = fastavro.reader(source)
            if _plain(reader.writer_schema) != _plain(RECORD):
                raise LogFilesError(f"{path} was not written by `kairos log export`")
            for row in reader:
                yield _record(row)
    except LogFilesError:
        raise
    except Exception as failure:
        # A cut or damaged file fails in many ways inside the reader.
        raise LogFilesError(f"{path} cannot be read: {failure}; export again") from failure


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest last: a folder without one is no finished export."""
    part = folder / f"{MANIFEST}.part"
    part.write_text(json.dumps(asdict(manifest), indent=1, ensure_ascii=False) + "\n", "utf-8")
    part.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest:
    """What a folder holds. Raises LogFilesError."""
    path = folder / MANIFEST
    try:
        fields: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if fields["version"] != VERSION:
            raise LogFilesError(
                f"{path}: version is {fields['version']}, this release reads {VERSION}; "
                "import it with the release that exported it"
            )
        topics = {name: TopicSpan(**span) for name, span in fields["topics"].items()}
    except FileNotFoundError as failure:
        raise LogFilesError(f"{path} is missing: no finished export is in {folder}") from failure
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise LogFilesError(f"{path} is not a manifest: {failure}; export again") from failure
    keys = tuple(fields.get("model_keys", (UNSIGNED,)))
    return Manifest(topics, fields["schemas"], model_keys=keys)


def _row(record: LogRecord) -> dict[str, Any]:
    headers = [{"name": name, "value": value} for name, value in record.headers]
    return {**record._asdict(), "headers": headers}


def _record(row: Any) -> LogRecord:
    headers = tuple((each["name"], each["value"]) for each in row["headers"])
    return LogRecord(**{**row, "headers": headers})


def _plain(schema: Any) -> str:
    return str(fastavro.schema.to_parsing_canonical_form(schema))
