"""DeadLetter: a record that could not be applied, with its original bytes."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

VALUE_BYTES_MAX = 900 * 1024
"""A longer original is cut and carries its length and hash, so that no sink refuses it."""


class DeadLetter(Struct, frozen=True, kw_only=True, gc=False):
    """One record of topic `dead-letters`; fields as in schemas/avro/dead_letter.avsc."""

    reason: str = ""
    detail: str = ""
    origin_topic: str = ""
    origin_partition: int = 0
    origin_offset: int = 0
    origin_timestamp_ms: int = 0
    key: bytes | None = None
    value: bytes | None = None
    value_length: int = 0
    value_sha256: str = ""
    schema_id: int = -1
    build_id: str = ""

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> DeadLetter:
        """From a decoded Avro record."""
        return cls(**record)

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        return asdict(self)


def letter(
    *, reason: str, detail: str, topic: str, key: bytes | None, value: bytes | None, **origin: Any
) -> DeadLetter:
    """A dead letter for these original bytes, cut at VALUE_BYTES_MAX."""
    original = value or b""
    return DeadLetter(
        reason=reason,
        detail=detail[:500],
        origin_topic=topic,
        key=None if key is None else key[: 64 * 1024],
        value=None if value is None else original[:VALUE_BYTES_MAX],
        value_length=len(original),
        value_sha256=sha256(original).hexdigest(),
        **origin,
    )
