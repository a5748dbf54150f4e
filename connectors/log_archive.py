"""An archive read as a log: the same records, in the same order, with the same bytes.

It answers what an exported log answers (connectors/log_files.py), and what a scan is too slow for:
the decisions of an id and the events of a user, by index and statistics. `groups_read` counts the
row groups that were really read.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from connectors import archive_index
from connectors.archive_columns import records_in
from connectors.archive_files import (
    CONTROL_TABLE,
    DECISIONS_TABLE,
    EVENTS_TABLE,
    OUTCOMES_TABLE,
    POISON_TABLE,
    TABLES,
    Segment,
    read_about,
    read_reaches,
    segments,
)
from connectors.archive_segments import (
    GROUP_ROWS,
    count_rows,
    read_table,
    rows_at,
    rows_of_key,
)
from connectors.log_files import LogRecord, Manifest, TopicSpan
from schemas.ids import TICK_KEY
from schemas.topics import CONTROL_TOPICS, DECISIONS, EVENTS

TABLES_OF = {
    EVENTS: (EVENTS_TABLE, OUTCOMES_TABLE, POISON_TABLE),
    DECISIONS: (DECISIONS_TABLE, POISON_TABLE),
    **dict.fromkeys(CONTROL_TOPICS, (CONTROL_TABLE,)),
}
_IDS = ("decision_id", "slot_id", "event_id")


class Archive:
    """One look at an archive: the files that count now. `found` keeps them in place meanwhile."""

    def __init__(self, folder: Path, tables: tuple[str, ...] = TABLES) -> None:
        self.folder = folder
        self.about = read_about(folder)
        self.reaches = read_reaches(folder)
        self.segments = segments(folder, tables)
        self.groups_read = 0

    def manifest(self) -> Manifest:
        """What the archive holds, as an export says it; every archived topic is in it."""
        spans = {topic: self._span(topic) for topic in TABLES_OF}
        return Manifest(spans, self.about.schemas, model_keys=self.about.model_keys)

    def _span(self, topic: str) -> TopicSpan:
        reaches = self.reaches.get(topic, {})
        first = {str(number): each.first for number, each in reaches.items()}
        end = {str(number): each.end for number, each in reaches.items()}
        rows = sum(count_rows(each) for each in self.of(topic))
        return TopicSpan(max(len(reaches), 1), rows, first, end)

    def of(self, topic: str, partition: int | None = None) -> list[Segment]:
        """The files of a topic, or of one of its partitions."""
        return [
            each
            for each in self.segments
            if each.topic == topic and partition in (None, each.partition)
        ]

    def records(self, topic: str) -> Iterator[LogRecord]:
        """The topic's records by partition, then offset; each partition ends with its last tick.

        Other ticks are not kept: they only say that time passed, which the last one says too.
        """
        for partition, reach in sorted(self.reaches.get(topic, {}).items()):
            yield from _in_order(self.of(topic, partition))
            if reach.tick is not None:
                offset, stamp, frame = reach.tick
                tick = TICK_KEY.encode()
                yield LogRecord(partition, offset, stamp, tick, bytes.fromhex(frame))

    def of_key(self, topic: str, key: bytes, partition: int | None = None) -> list[LogRecord]:
        """The records of one key by partition, then offset; of one partition where one is named."""
        out: list[LogRecord] = []
        for each in self.of(topic, partition):
            rows = rows_of_key(each, key)
            self.groups_read += -(-rows.num_rows // GROUP_ROWS)
            out += records_in(each.partition, rows)
        return sorted(out, key=lambda raw: (raw.partition, raw.offset))

    def like(self, topic: str, other: str, partition: int | None) -> int | None:
        """Where keys of a partition of `topic` lie in `other`; None where that is not known."""
        same = len(self.reaches.get(topic, {})) == len(self.reaches.get(other, {}))
        return partition if same else None

    def of_id(self, topic: str, wanted: str) -> list[LogRecord]:
        """The records that an index names for an id, by partition, then offset."""
        out: list[LogRecord] = []
        for each in self.of(topic):
            if each.table not in (EVENTS_TABLE, DECISIONS_TABLE):
                continue
            rows = _rows(each, wanted)
            if rows:
                self.groups_read += len({row // GROUP_ROWS for row in rows})
                out += records_in(each.partition, rows_at(each, rows))
        return sorted(out, key=lambda raw: (raw.partition, raw.offset))


@contextmanager
def opened(folder: Path, tables: tuple[str, ...] = TABLES) -> Iterator[Archive]:
    """An archive whose files no writer removes until this ends. Raises LogFilesError."""
    read_about(folder)
    with open(folder / ".read.lock", "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield Archive(folder, tables)


def _rows(segment: Segment, wanted: str) -> list[int]:
    """Rows that may hold the id; without its index a file is searched in full."""
    if segment.index.exists():
        return archive_index.rows_of(segment.index, wanted)
    table: Any = read_table(segment)
    names = [name for name in _IDS if name in table.schema.names]
    masks = [pc.fill_null(pc.equal(table.column(name), wanted), False) for name in names]
    held = masks[0]
    for mask in masks[1:]:
        held = pc.or_(held, mask)
    return [int(row) for row in pc.indices_nonzero(held).to_pylist()]


def _in_order(own: list[Segment]) -> Iterator[LogRecord]:
    """Records of a partition by offset: files are opened as their first offset comes."""
    heap: list[tuple[int, int, LogRecord, Iterator[LogRecord]]] = []
    waiting = sorted(own, key=lambda each: each.first, reverse=True)
    while heap or waiting:
        while waiting and (not heap or waiting[-1].first <= heap[0][0]):
            _push(heap, len(waiting), _sorted(waiting.pop()))
        if heap:
            _, number, raw, rest = heappop(heap)
            yield raw
            _push(heap, number, rest)


def _push(heap: list[Any], number: int, rest: Iterator[LogRecord]) -> None:
    raw = next(rest, None)
    if raw is not None:
        heappush(heap, (raw.offset, number, raw, rest))


def _sorted(segment: Segment) -> Iterator[LogRecord]:
    table = read_table(segment).sort_by("offset")
    for batch in table.to_batches(max_chunksize=GROUP_ROWS):
        yield from records_in(segment.partition, batch)
