"""Records of the log into an archive, each exactly once: files first, then one commit.

1. Records wait in memory, bounded by the caller, under the offsets they came from.
2. `commit` writes one file a table, site, day and partition, syncs them, and replaces offsets.json.
   A crash before that leaves files that do not count; the next start clears them and reads on from
   the offsets of the last commit. A crash after it has lost nothing.
3. Eight files of like size of one place become one, which replaces them by covering their offsets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.archive_columns import Row, is_tick, row_of
from connectors.archive_erase import erase, erased_hash
from connectors.archive_files import (
    EVENTS_TABLE,
    About,
    Reach,
    Segment,
    clear_leftovers,
    locked,
    read_about,
    read_reaches,
    segments,
    write_about,
    write_reaches,
)
from connectors.archive_segments import merged, write_rows
from connectors.avro import BadFrame, Codec, frame_id
from connectors.log_files import LogFilesError, LogRecord
from schemas.event import ERASE

MERGED_AT = 8
SEGMENT_BYTES_MAX = 64 * 1024 * 1024
TIER_BYTES = 64 * 1024


class ArchiveWriter:
    """The one writer of an archive. `schema_of` gives the text of a registry id."""

    def __init__(
        self, folder: Path, codecs: Mapping[str, Codec[Any]], schema_of: Callable[[int], str]
    ) -> None:
        self.folder, self._codecs, self._schema_of = folder, codecs, schema_of
        with locked(folder, "write"):
            self.cleared = clear_leftovers(folder)
            self.reaches = read_reaches(folder)
        self.rows: list[tuple[str, Row]] = []
        self.bytes = 0
        self.written: dict[str, int] = {}
        self._ahead = {topic: dict(each) for topic, each in self.reaches.items()}
        self._ids: set[int] = set()
        self._erasures: list[tuple[str, int]] = []
        self._doomed: list[Segment] = []
        self._half_done = False

    def end(self, topic: str, partition: int) -> int:
        """The next offset wanted of a partition, 0 at the very first."""
        reach = self._ahead.get(topic, {}).get(partition)
        return reach.end if reach else 0

    def begin(self, topic: str, partition: int, first: int) -> bool:
        """Where reading really starts; a first offset past what is wanted is a gap: True."""
        partitions = self._ahead.setdefault(topic, {})
        known = partitions.get(partition)
        if known is None:
            partitions[partition] = Reach(first, first)
            return False
        if first <= known.end:
            return False
        about = read_about(self.folder)
        gap = (topic, partition, known.end, first)
        if gap not in about.gaps:
            write_about(self.folder, replace(about, gaps=(*about.gaps, gap)))
        partitions[partition] = replace(known, end=first)
        return True

    def add(self, topic: str, raw: LogRecord) -> None:
        """Take a record in log order; one below what is archived already counts for nothing."""
        reach = self._ahead[topic][raw.partition]
        if raw.offset < reach.end:
            return
        newest_ms = max(reach.newest_ms, raw.timestamp_ms)
        made = replace(reach, end=raw.offset + 1, newest_ms=newest_ms)
        if is_tick(raw):
            tick = (raw.offset, raw.timestamp_ms, (raw.value or b"").hex())
            self._ahead[topic][raw.partition] = replace(made, tick=tick)
            self._note_schema(raw.value)
            return
        self._ahead[topic][raw.partition] = made
        row = row_of(topic, raw, self._codecs[topic])
        self._note_schema(raw.value)
        self.rows.append((topic, row))
        self.bytes += len(raw.value or b"") + len(raw.key or b"")
        if row.table == EVENTS_TABLE and row.record.internal == ERASE:
            self._erasures.append((row.record.user_key, raw.timestamp_ms))

    def _note_schema(self, value: bytes | None) -> None:
        with suppress(BadFrame):
            self._ids.add(frame_id(value))

    def commit(self) -> None:
        """Make all that was taken durable, as one step. Raises OSError, RegistryUnavailable."""
        with locked(self.folder, "write"):
            if self._half_done:
                # What a failed attempt left must not count once its offsets are committed.
                clear_leftovers(self.folder)
            about, self._half_done = self._about(), True
            groups: dict[Segment, list[Row]] = {}
            for topic, row in self.rows:
                if not _is_erased(about, row):
                    groups.setdefault(self._segment(topic, row), []).append(row)
            for segment, rows in groups.items():
                write_rows(segment, rows)
            write_reaches(self.folder, self._ahead)
            self._half_done = False
            self.reaches = {topic: dict(each) for topic, each in self._ahead.items()}
            for segment, rows in groups.items():
                self.written[segment.table] = self.written.get(segment.table, 0) + len(rows)
            self.rows, self.bytes = [], 0
            self._compact({segment.place for segment in groups})
            self._unlink_doomed()
        for user_key, upto_ms in self._erasures:
            erase(self.folder, user_key, upto_ms)
        self._erasures.clear()

    def _about(self) -> About:
        """With the schemas of what was taken; ids of poison that the registry never gave stay out.

        Read again each time: a command may have erased somebody.
        """
        about = read_about(self.folder)
        new = {}
        for number in self._ids - {int(each) for each in about.schemas}:
            try:
                new[str(number)] = self._schema_of(number)
            except LookupError:
                continue
        self._ids.clear()
        if new:
            about = replace(about, schemas={**about.schemas, **new})
            write_about(self.folder, about)
        return about

    def _segment(self, topic: str, row: Row) -> Segment:
        folder = self.folder / row.table / f"site={row.site}" / f"day={row.day}"
        partition = row.raw.partition
        before = self.reaches.get(topic, {}).get(partition)
        first = before.end if before else self._ahead[topic][partition].first
        return Segment(
            row.table, folder, topic, partition, first, self._ahead[topic][partition].end
        )

    def _compact(self, places: set[tuple[Path, str, int]]) -> None:
        own: dict[tuple[Path, str, int], list[Segment]] = {}
        for each in segments(self.folder):
            if each.place in places:
                own.setdefault(each.place, []).append(each)
        for counting in own.values():
            run = mergeable(counting)
            if run:
                into = replace(run[0], end=run[-1].end, generation=0)
                merged(run, into)
                self._doomed += run

    def _unlink_doomed(self) -> None:
        """Files that others cover, as soon as no reader is under way."""
        if not self._doomed:
            return
        try:
            with locked(self.folder, "read", wait=False):
                for each in self._doomed:
                    each.path.unlink(missing_ok=True)
                    each.index.unlink(missing_ok=True)
                self._doomed.clear()
        except LogFilesError:
            return  # Readers are at work; the next commit tries again.


def mergeable(counting: Sequence[Segment]) -> list[Segment]:
    """The run of files of one place that should become one: eight of like size, none in between.

    Files that would make more than SEGMENT_BYTES_MAX stay as they are.
    """
    sizes = [each.path.stat().st_size for each in counting]
    tiers = [max(size // TIER_BYTES, 1).bit_length() // 3 for size in sizes]
    for tier in sorted(set(tiers)):
        at = [index for index, each in enumerate(tiers) if each == tier]
        low, high = at[0], at[-1] + 1
        if len(at) >= MERGED_AT and sum(sizes[low:high]) <= SEGMENT_BYTES_MAX:
            return list(counting[low:high])
    return []


def _is_erased(about: About, row: Row) -> bool:
    if not about.erased:
        return False
    upto_ms = about.erased.get(erased_hash((row.raw.key or b"").decode("utf-8", "replace")), -1)
    return row.raw.timestamp_ms <= upto_ms
