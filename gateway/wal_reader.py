"""Reading the write-ahead log in order, from any seq on, while it grows."""

from __future__ import annotations

from collections.abc import Callable

from gateway.wal_files import Folder
from gateway.wal_record import RECORD_BYTES_MAX, Damage, Record, scan
from gateway.wal_segment import Segment

CHUNK_BYTES = RECORD_BYTES_MAX


class Reader:
    """A place in the segments; each `next` gives some records behind it."""

    def __init__(
        self,
        folder: Folder,
        segments: Callable[[], list[Segment]],
        after: int,
        on_damage: Callable[[str, Damage], None] = lambda _name, _damage: None,
    ) -> None:
        self.seq = after + 1
        self._folder, self._segments, self._on_damage = folder, segments, on_damage
        self._segment: Segment | None = None
        self._offset, self._expected, self._limit = 0, 0, CHUNK_BYTES

    def next(self, until: int) -> list[Record]:
        """Some records up to seq `until`; none when all of them were read. Raises OSError."""
        while self.seq <= until:
            segment = self._find()
            if segment is None:
                return []
            # In this order, as a writer moves the size before the end.
            end, size = segment.end, segment.size
            records = self._read(segment, size, until)
            if records:
                self.seq = records[-1].seq + 1
                return records
            if self._offset >= size:
                # The rest of this segment's seqs are lost, and were reported just now.
                self.seq = max(self.seq, end)
        return []

    def _find(self) -> Segment | None:
        """The segment that holds the place, or the first one behind it."""
        for segment in self._segments():
            if segment.end > self.seq:
                if segment is not self._segment:
                    self._segment, self._offset = segment, 0
                    self._expected = segment.first
                    self.seq = max(self.seq, segment.first)
                return segment
        return None

    def _read(self, segment: Segment, size: int, until: int) -> list[Record]:
        left = size - self._offset
        data = self._folder.read(segment.name, self._offset, min(self._limit, left))
        found, used = scan(data, self._expected, whole=len(data) >= left)
        # What is cut off at its first byte needs a longer piece.
        self._limit = CHUNK_BYTES if used else self._limit * 2
        records: list[Record] = []
        read = 0
        for each in found:
            if isinstance(each, Damage):
                if each.lost == 0 or each.seq + each.lost > self.seq:
                    self._on_damage(segment.name, each)
                continue
            if each.seq > until:
                self._offset += read
                return records
            read, self._expected = each.end, each.seq + 1
            if each.seq >= self.seq:
                records.append(each)
        self._offset += used
        return records
