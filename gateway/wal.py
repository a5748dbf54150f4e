"""The write-ahead log of one gateway: what is in it is acknowledged, and goes to the broker once.

Segments are files of records, named by their first seq. One cursor says up to which seq the broker
has everything; losing it only means sending again. Nobody writes into a segment of an earlier
process: an opened log begins a new one.

Two threads may use it without a lock: one calls `commit` and `roll_old` and alone adds segments,
another one tidies and alone removes them; whoever looks takes a copy of the list.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

from google_crc32c import value

from gateway.wal_aside import Aside, aside_bytes_max
from gateway.wal_files import File, Folder
from gateway.wal_record import Damage, encode_all
from gateway.wal_segment import Segment, judged, segments_of

CURSOR, CLUSTER = "cursor", "cluster"
SEGMENT_BYTES_MAX = 64 * 1024 * 1024
COPIES_MAX = 100
SEGMENTS_MIN = 8
"""A cap on all bytes is cut into at least so many segments, since only whole ones are deleted."""
ROLL_S_MIN = 10.0
"""No segment is closed for its age sooner, however short events are kept: each is a file."""

FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


class OtherCluster(Exception):
    """The log owes records to another broker than the one at hand."""


class DiskFull(Exception):
    """Nothing was written; trying again later is safe."""


@dataclass(slots=True)
class Opened:
    """What was found at the start: damage by segment, and what was cut off behind the last."""

    damage: list[tuple[str, Damage]] = field(default_factory=list)
    torn_bytes: int = 0

    @property
    def lost(self) -> int:
        """Acknowledged records that cannot be read any more."""
        return sum(each.lost for _, each in self.damage)


class Wal:
    """Opens a folder, verifies what is not delivered yet, and appends to it. Raises OSError."""

    def __init__(
        self, folder: Folder, *, bytes_max: int, segment_bytes: int = SEGMENT_BYTES_MAX
    ) -> None:
        self.folder = folder
        self.opened = Opened()
        self.delivered = read_cursor(folder)
        self.aside = Aside(folder, aside_bytes_max(bytes_max))
        self._bytes_max = bytes_max - self.aside.bytes_max
        self._segment_bytes = max(1, min(segment_bytes, bytes_max // SEGMENTS_MIN))
        self._saved = self.delivered
        self.segments = self._verified(segments_of(folder))
        self._written = sum(each.size for each in self.segments)
        self._removed = 0
        last = self.segments[-1].end if self.segments else 1
        self._next = max(last, self.delivered + 1)
        self._file: File | None = None
        self._open: Segment | None = None
        self._full = False

    # Opening

    def _verified(self, segments: list[Segment]) -> list[Segment]:
        """Delivered segments are believed; `kairos wal verify` reads those too."""
        for number, segment in enumerate(segments):
            following = segments[number + 1] if number + 1 < len(segments) else None
            if following is None or following.first > self.delivered + 1:
                self._verify(segment, following)
            else:
                segment.end = following.first
        empty = [each for each in segments if each.size == 0]
        for segment in empty:
            self.folder.remove(segment.name)
        return [each for each in segments if each.size]

    def _verify(self, segment: Segment, following: Segment | None) -> None:
        data = self.folder.read(segment.name, 0, segment.size)
        records, damage, torn = judged(data, segment.first, following.first if following else None)
        segment.end = records[-1].seq + 1 if records else segment.first
        for each in damage:
            self._quarantine(segment, each, data)
        if torn is not None:
            self._cut(segment, torn, data)

    def _cut(self, segment: Segment, torn: Damage, data: bytes) -> None:
        """What a crash left of a write that was not acknowledged; a copy is kept all the same."""
        self._keep_copy(f"torn-{segment.first:020d}-{torn.offset}", data[torn.offset :])
        self.folder.truncate(segment.name, torn.offset)
        self.opened.torn_bytes += segment.size - torn.offset
        segment.size = torn.offset

    def _quarantine(self, segment: Segment, damage: Damage, data: bytes) -> None:
        name = f"damage-{segment.first:020d}-{damage.offset}"
        self._keep_copy(name, data[damage.offset : damage.offset + damage.size])
        self.opened.damage.append((segment.name, damage))

    def _keep_copy(self, name: str, data: bytes) -> None:
        """For a person to look at; the newest COPIES_MAX of a kind, and none on a full disk."""
        kind = name.partition("-")[0] + "-"
        copies = [each for each in self.folder.names() if each.startswith(kind) and each != name]
        for each in copies[: max(0, len(copies) + 1 - COPIES_MAX)]:
            self.folder.remove(each)
        try:
            self.folder.replace(name, data)
        except OSError as error:
            if error.errno not in FULL:
                raise

    def bind(self, cluster_id: str) -> None:
        """Belong to this cluster from now on. Raises OtherCluster while it owes records to another:
        sent here, they would be missing there.
        """
        known = self.folder.read(CLUSTER, 0, 256).decode("utf-8", "replace")
        owed = self.last - self.delivered
        if cluster_id and known not in ("", cluster_id) and owed:
            text = (
                f"the log holds {owed} records for the Kafka cluster {known}, this is {cluster_id}"
            )
            raise OtherCluster(f"{text}; name another KAIROS_WAL_DIR, or the other broker")
        if cluster_id and known != cluster_id:
            self.folder.replace(CLUSTER, cluster_id.encode())

    # Writing

    @property
    def last(self) -> int:
        """The newest seq that is durable."""
        return self._next - 1

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        return self._written - self._removed

    def commit(self, payloads: list[bytes]) -> int:
        """Write and sync; the first payload's seq, those after it count on.

        Raises DiskFull when nothing was taken, and OSError when the disk cannot be trusted.
        """
        data = encode_all(self._next, payloads)
        if self._wants_roll(len(data)):
            self._roll()
        segment, file = self.segments[-1], self._file
        assert file is not None, "rolled above"
        try:
            file.write(data)
        except OSError as error:
            if error.errno not in FULL:
                raise
            file.truncate(segment.size)
            self._full = True
            raise DiskFull(str(error)) from error
        file.sync()
        first, self._next = self._next, self._next + len(payloads)
        self._written += len(data)
        segment.size += len(data)
        segment.end = self._next
        return first

    def _wants_roll(self, size: int) -> bool:
        """After a full disk too: a segment that takes no more can be deleted once delivered."""
        if self._file is None:
            return True
        written = self.segments[-1].size
        crowded = self._full or self.segments[-1].old or written + size > self._segment_bytes
        return written > 0 and crowded

    @property
    def rolls_idle(self) -> bool:
        """Whether `roll_old` has something to do: all of an old segment is delivered."""
        segment = self._open
        return segment is not None and segment.old and segment.end - 1 <= self._saved

    def roll_old(self) -> None:
        """Close a segment that is old, so that it can expire though no event comes any more.

        Raises DiskFull and OSError as `commit` does.
        """
        if self._open is not None and self._open.old:
            self._roll()

    def _roll(self) -> None:
        segment = Segment(self._next, self._next, 0)
        try:
            file = self.folder.append(segment.name)
        except OSError as error:
            if error.errno not in FULL:
                raise
            raise DiskFull(str(error)) from error
        if self._file is not None:
            self._file.close()
        # First, so that nobody who sees the new segment takes it for a closed one.
        self._open = segment
        self.segments.append(segment)
        self._file, self._full = file, False

    def close(self) -> None:
        """No more of it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    # Delivery

    def save_cursor(self) -> None:
        """Remember on disk what is delivered. Raises OSError."""
        seq = self.delivered
        if seq != self._saved:
            write_cursor(self.folder, seq)
            self._saved = seq

    def expire(self, now_s: float, keep_s: float) -> None:
        """Delete segments that have been delivered for so long. Raises OSError.

        The open segment only grows old here; it is closed where it is written.
        """
        closed = self._closed()
        newest = self._open
        if newest is not None and newest.size:
            newest.opened_s = now_s if newest.opened_s is None else newest.opened_s
            newest.old = now_s - newest.opened_s >= max(keep_s, ROLL_S_MIN)
        for segment in closed:
            if segment.end - 1 > self._saved:
                return
            if segment.since_s is None:
                segment.since_s = now_s
            if now_s - segment.since_s >= keep_s:
                self._remove(segment)

    def free_early(self) -> bool:
        """Delete the oldest delivered segment before its time; whether there was one.

        The cursor on disk may be behind: then the segment is simply not there to be sent again.
        Raises OSError.
        """
        closed = self._closed()
        if not closed or closed[0].end - 1 > self.delivered:
            return False
        self._remove(closed[0])
        return True

    def _closed(self) -> list[Segment]:
        """Those that are not written any more; all of them where nothing was committed yet."""
        segments = self.segments[:]
        return [each for each in segments if each is not self._open]

    def _remove(self, segment: Segment) -> None:
        self.folder.remove(segment.name)
        self.segments.remove(segment)
        self._removed += segment.size

    @property
    def crowded(self) -> bool:
        """Whether less than a segment's room is left under the cap."""
        return not self.fits(self._segment_bytes)

    def fits(self, size: int) -> bool:
        """Whether so many bytes more stay under the cap, with room for all copies set aside."""
        return self.size + size <= self._bytes_max

    @property
    def pressing(self) -> float:
        """The share of the cap that only delivery can free, 0 to 1."""
        held = sum(each.size for each in self.segments[:] if each.end - 1 > self.delivered)
        return held / self._bytes_max


def read_cursor(folder: Folder) -> int:
    """The delivered seq that a folder remembers; 0, so everything again, where it is unreadable."""
    seq, _, crc = folder.read(CURSOR, 0, 64).decode("ascii", "replace").strip().partition(" ")
    return int(seq) if seq.isdecimal() and crc == _checked(seq) else 0


def write_cursor(folder: Folder, seq: int) -> None:
    """Remember a delivered seq. Raises OSError."""
    folder.replace(CURSOR, f"{seq} {_checked(str(seq))}\n".encode())


def _checked(seq: str) -> str:
    return f"{value(seq.encode()):08x}"
