"""The wire frame, and bytes <-> schemas types; one error type for any bad frame.

A frame is 0x00, a 4-byte big-endian registry id, and an Avro body. Bodies written under an older
or newer schema are resolved to the reader's own (schemas/avro/*.avsc).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import fastavro
from fastavro.schema import to_parsing_canonical_form

from connectors.avro_compiled import BadValue, Reader, Writer, compile_reader, compile_writer
from connectors.avro_native import native_codec
from connectors.avro_safety import SCHEMA_CHARS_MAX, check_safe, value_check
from connectors.registry import RegistryClient, RegistryUnavailable, UnknownSchemaId
from schemas import topics

__all__ = [
    "BadFrame",
    "Codec",
    "Registry",
    "RegistryClient",
    "codec",
    "decode_frame",
    "encode_frame",
    "fingerprint",
    "register_all",
    "schema_text",
]

MAGIC = b"\x00"
HEADER_BYTES = 5
SCHEMA_DIR = Path(topics.__file__).parent / "avro"
T = TypeVar("T")


class BadFrame(Exception):
    """Bytes that are no record. `reason` is a stable code, `schema_id` -1 if unreadable.

    Reasons: no_value, bad_magic, truncated, trailing_bytes, bad_utf8, bad_value, bad_body,
    unknown_schema_id, registry_unavailable, unsupported_schema, wrong_schema.
    """

    def __init__(self, reason: str, detail: str, schema_id: int = -1) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail, self.schema_id = reason, detail, schema_id


class Registry(Protocol):
    """What codecs need of a registry: RegistryClient, or memory.MemoryRegistry in tests."""

    def register(self, subject: str, schema: str) -> int:
        """Id of a schema under a subject, the same each time."""

    def get(self, schema_id: int) -> str:
        """Schema text of an id; raises UnknownSchemaId or RegistryUnavailable."""

    def set_compatibility(self, subject: str, level: str) -> None:
        """Set a subject's rule for later versions."""


def encode_frame(schema_id: int, body: bytes) -> bytes:
    """Frame an Avro body."""
    return MAGIC + schema_id.to_bytes(4, "big") + body


def decode_frame(data: bytes | None) -> tuple[int, bytes]:
    """(registry id, Avro body) of a frame. Raises BadFrame."""
    schema_id = frame_id(data)
    assert data is not None
    return schema_id, data[HEADER_BYTES:]


def frame_id(data: bytes | None) -> int:
    """Registry id of a frame. Raises BadFrame."""
    if data is None:
        raise BadFrame("no_value", "the record has no value")
    if data[:1] != MAGIC:
        raise BadFrame("bad_magic", "the first byte is not 0" if data else "the value is empty")
    if len(data) < HEADER_BYTES:
        raise BadFrame("truncated", f"{len(data)} bytes are shorter than a frame's header")
    return int.from_bytes(data[1:HEADER_BYTES], "big")


def schema_text(topic: str) -> str:
    """This release's schema of a topic, as JSON on one line."""
    path = SCHEMA_DIR / f"{topics.SCHEMA_FILES[topic]}.avsc"
    return json.dumps(json.loads(path.read_text("utf-8")), ensure_ascii=False)


def fingerprint(topic: str) -> str:
    """First 16 hex digits of SHA-256 over the schema's canonical form; no registry id."""
    return fingerprint_of(schema_text(topic))


def fingerprint_of(schema: str) -> str:
    """As `fingerprint`, of any schema text; docs, defaults and layout do not count."""
    canonical = to_parsing_canonical_form(json.loads(schema))
    return sha256(canonical.encode()).hexdigest()[:16]


def subject(topic: str) -> str:
    """Registry subject of a topic's values."""
    return f"{topic}-value"


def register_all(registry: Registry) -> dict[str, int]:
    """Register every topic's schema, each held to FULL_TRANSITIVE; topic -> id."""
    ids = {}
    for topic in topics.SCHEMA_FILES:
        registry.set_compatibility(subject(topic), "FULL_TRANSITIVE")
        ids[topic] = registry.register(subject(topic), schema_text(topic))
    return ids


def codec(topic: str, registry: Registry) -> Codec[Any]:
    """The codec of a topic that has a Python type; others travel as dicts."""
    return Codec(topic, registry, topics.TYPES.get(topic))


class Codec(Generic[T]):
    """Bytes <-> one record type. Not for use by several threads at once.

    The registry is asked once per writer id; known ids keep flowing while it is down. Bodies
    under this release's schema go through compiled code, other writers' through fastavro.
    """

    def __init__(self, topic: str, registry: Registry, kind: Any = None) -> None:
        """`kind` is the topic's Struct; without one the values are dicts."""
        self.topic = topic
        self.language = "Python"
        self._registry = registry
        self._text = schema_text(topic)
        self._fingerprint = fingerprint_of(self._text)
        schema = json.loads(self._text)
        self._reader = fastavro.parse_schema(schema)
        self._check = value_check(schema)
        self._from_record: Callable[[Any], Any] = kind.from_record if kind else dict
        self._own, self._write = self._made(schema, kind)
        self._readers: dict[bytes, Reader] = {}
        self._header: bytes | None = None

    @property
    def schema_id(self) -> int:
        """Id under which this codec writes; registers the schema at first use."""
        if self._header is None:
            self._header = encode_frame(
                self._registry.register(subject(self.topic), self._text), b""
            )
        return int.from_bytes(self._header[1:], "big")

    def decode(self, data: bytes | None) -> T:
        """The value in a frame. Raises BadFrame and nothing else."""
        header = b"" if data is None else data[:HEADER_BYTES]
        read = self._readers.get(header) or self._reader_of(data)
        assert data is not None
        return self._read(data, HEADER_BYTES, read)

    def decode_body(self, body: bytes) -> T:
        """The value in an unframed body written under this release's schema."""
        return self._read(body, 0, self._own)

    def encode(self, value: T) -> bytes:
        """The frame of a value."""
        if self._header is None:
            assert self.schema_id > 0
        out = bytearray(self._header or b"")
        self._write(value, out)
        return bytes(out)

    def body(self, value: T) -> bytes:
        """The Avro body of a value, without frame: what hashes are taken over."""
        out = bytearray()
        self._write(value, out)
        return bytes(out)

    def _read(self, data: bytes, start: int, read: Reader) -> T:
        try:
            value, after = read(data, start)
        except Exception as failure:
            # Hostile bytes fail in many ways inside a reader; the caller needs one.
            raise _bad_body(failure, _id(data, start)) from failure
        if after != len(data):
            extra = len(data) - after
            raise BadFrame("trailing_bytes", f"{extra} bytes follow the record", _id(data, start))
        return value  # type: ignore[no-any-return]

    def _made(self, schema: Any, kind: Any) -> tuple[Reader, Writer]:
        """Reader and writer of this release's schema: in C where built, else in Python."""
        if kind is None:
            return self._general(self._reader, None), self._general_write
        made = native_codec(schema, kind)
        self.language = "C" if made else "Python"
        return made or (compile_reader(schema, kind), compile_writer(schema, kind))

    def _general(self, writer: Any, reader: Any) -> Reader:
        """fastavro as a reader: resolves what another schema wrote."""

        def read(data: bytes, start: int) -> tuple[Any, int]:
            stream = BytesIO(data)
            stream.seek(start)
            record = fastavro.schemaless_reader(stream, writer, reader)
            problem = self._check(record)
            if problem:
                raise BadValue(problem)
            return self._from_record(record), stream.tell()

        return read

    def _general_write(self, value: Any, out: bytearray) -> None:
        stream = BytesIO()
        fastavro.schemaless_writer(stream, self._reader, value)
        out += stream.getvalue()

    def _reader_of(self, data: bytes | None) -> Reader:
        """The reader of a frame's writer id, kept per header bytes."""
        schema_id = frame_id(data)
        assert data is not None
        try:
            text = self._registry.get(schema_id)
        except UnknownSchemaId as unknown:
            raise BadFrame("unknown_schema_id", str(unknown), schema_id) from unknown
        except RegistryUnavailable as down:
            raise BadFrame("registry_unavailable", str(down), schema_id) from down
        read = self._readers[data[:HEADER_BYTES]] = self._resolved(text, schema_id)
        return read

    def _resolved(self, text: str, schema_id: int) -> Reader:
        try:
            if len(text) > SCHEMA_CHARS_MAX:
                raise ValueError(f"longer than {SCHEMA_CHARS_MAX} characters")
            raw = json.loads(text)
            check_safe(raw)
            if fingerprint_of(text) == self._fingerprint:
                return self._own
            writer: Any = fastavro.parse_schema(raw)
        except Exception as failure:
            detail = f"the schema cannot be used: {failure}"
            raise BadFrame("unsupported_schema", detail, schema_id) from failure
        mine = self._reader["name"]
        theirs = writer.get("name") if isinstance(writer, dict) else None
        if theirs != mine:
            detail = f"the id names {theirs or 'no record'}, this topic carries {mine}"
            raise BadFrame("wrong_schema", detail, schema_id)
        return self._general(writer, self._reader)


def _id(data: bytes, start: int) -> int:
    return int.from_bytes(data[1:start], "big") if start else -1


def _bad_body(failure: Exception, schema_id: int) -> BadFrame:
    if isinstance(failure, BadValue):
        return BadFrame("bad_value", str(failure), schema_id)
    reason = "bad_body"
    if isinstance(failure, UnicodeDecodeError):
        reason = "bad_utf8"
    elif isinstance(failure, EOFError) or (
        # Bytes that end early; an index into a list is a union branch that does not exist.
        isinstance(failure, IndexError) and "list" not in str(failure)
    ):
        reason = "truncated"
    # The message may quote the record, so only its kind travels on.
    detail = f"the body cannot be read: {type(failure).__name__}"
    return BadFrame(reason, detail, schema_id)
