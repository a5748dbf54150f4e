"""The log in memory: partitions, offsets, stamps. Nothing once written ever changes."""

from __future__ import annotations

from zlib import crc32

from connectors.routes import Origin

PARTITIONS = 3


class MemoryLog:
    """Topic `events`. Fits connectors/ports.py: EventReader; each gateway appends to it."""

    def __init__(self) -> None:
        self.partitions: list[list[Origin]] = [[] for _ in range(PARTITIONS)]

    def write(self, key: bytes | None, value: bytes | None, at_ms: int) -> Origin:
        """Append one record to its key's partition."""
        return self.write_to(crc32(key or b"") % PARTITIONS, key, value, at_ms)

    def write_to(
        self, partition: int, key: bytes | None, value: bytes | None, at_ms: int
    ) -> Origin:
        """Append one record to a partition."""
        records = self.partitions[partition]
        made = Origin(partition, len(records), at_ms, key, value)
        records.append(made)
        return made

    def read(self, partition: int, offset: int, limit: int) -> list[Origin]:
        """At most `limit` records from `offset` on."""
        return self.partitions[partition][offset : offset + limit]

    def ends(self) -> list[int]:
        """The next offset of each partition."""
        return [len(records) for records in self.partitions]
