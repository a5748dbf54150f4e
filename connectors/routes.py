"""The bytes between the JVM's Kafka classes and Python: where a record came from, where it goes."""

from __future__ import annotations

import struct
from typing import NamedTuple

from schemas import topics
from schemas.event import Event

TOPICS = (
    *(topics.DECISIONS, topics.DEAD_LETTERS, topics.TRIGGERS, topics.PROFILES),
    *(topics.POLICY, topics.PRODUCTS),
)
"""Topic of each route code; append only."""

ROUTES = {topic: bytes((code,)) for code, topic in enumerate(TOPICS)}
_ORIGIN = struct.Struct(">iqqi")
_LENGTH = struct.Struct(">i")
_NAME = struct.Struct(">h")


class Origin(NamedTuple):
    """A record as Kafka held it. `key` and `value` may be absent; the timestamp is in ms."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None

    def text(self) -> str:
        """The key as text, empty where there is none."""
        return "" if self.key is None else self.key.decode("utf-8", "replace")

    def against(self, event: Event) -> tuple[str, str] | None:
        """(reason, detail) where the record around an event contradicts it."""
        if self.key != event.user_key.encode():
            return "key_mismatch", "user_key: differs from the record key"
        if event.received_at_ms != self.timestamp_ms:
            return "time_mismatch", "received_at_ms: differs from the record timestamp"
        return None


def read_origin(payload: bytes) -> Origin:
    """The origin in what KeyedBytesDeserializer.java wrote."""
    partition, offset, timestamp_ms, size = _ORIGIN.unpack_from(payload)
    at = _ORIGIN.size
    key = None
    if size >= 0:
        key = payload[at : at + size]
        at += size
    (size,) = _LENGTH.unpack_from(payload, at)
    value = None if size < 0 else payload[at + _LENGTH.size :]
    return Origin(partition, offset, timestamp_ms, key, value)


def write_origin(origin: Origin) -> bytes:
    """What KeyedBytesDeserializer.java writes for this record."""
    key, value = origin.key, origin.value
    size = -1 if key is None else len(key)
    head = _ORIGIN.pack(origin.partition, origin.offset, origin.timestamp_ms, size)
    return head + (key or b"") + _LENGTH.pack(-1 if value is None else len(value)) + (value or b"")


def routed(topic: str, headers: dict[str, bytes], value: bytes) -> bytes:
    """What RoutedBytesSerializer.java takes apart: topic, headers, value."""
    parts = [ROUTES[topic], _NAME.pack(len(headers))]
    for name, content in headers.items():
        text = name.encode()
        parts += (_NAME.pack(len(text)), text, _LENGTH.pack(len(content)), content)
    parts.append(value)
    return b"".join(parts)


def read_routed(payload: bytes) -> tuple[str, dict[str, bytes], bytes]:
    """(topic, headers, value) of a routed payload, as the JVM reads it."""
    (count,) = _NAME.unpack_from(payload, 1)
    at = 1 + _NAME.size
    headers = {}
    for _ in range(count):
        (size,) = _NAME.unpack_from(payload, at)
        at += _NAME.size
        name = payload[at : at + size].decode()
        at += size
        (size,) = _LENGTH.unpack_from(payload, at)
        at += _LENGTH.size
        headers[name] = payload[at : at + size]
        at += size
    return TOPICS[payload[0]], headers, payload[at:]
