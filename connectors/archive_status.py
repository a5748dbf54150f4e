"""What an archive holds and how far it is behind the log."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from connectors.archive_files import TABLES, Reaches, Segment, locked
from connectors.archive_segments import count_rows
from connectors.log_archive import Archive, opened
from connectors.log_files import LogFilesError
from connectors.log_topics import LogReader, LogUnavailable

WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Held:
    """What one table holds; days are UTC, empty where there is nothing."""

    table: str
    rows: int
    files: int
    bytes: int
    first_day: str
    last_day: str


@dataclass(frozen=True, slots=True)
class Status:
    """The whole; `lag` is records by topic, None where no broker of its cluster answers."""

    tables: tuple[Held, ...]
    running: bool
    lag: dict[str, int] | None
    gaps: tuple[tuple[str, int, int, int], ...]

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints; `poison` counts records kept as they were."""
        poison = next(each.rows for each in self.tables if each.table == "poison")
        return {**asdict(self), "poison": poison, "bytes": sum(each.bytes for each in self.tables)}


def status_of(folder: Path, brokers: str) -> Status:
    """Look at the files, and at the broker where there is one. Raises LogFilesError."""
    with opened(folder) as archive:
        held = tuple(_held(table, archive) for table in TABLES)
        lag = _lag(archive.reaches, brokers)
        return Status(held, _running(folder), lag, archive.about.gaps)


def _held(table: str, archive: Archive) -> Held:
    own = [each for each in archive.segments if each.table == table]
    days = sorted(each.folder.name.removeprefix("day=") for each in own) or ["", ""]
    sizes = sum(_bytes(each) for each in own)
    return Held(table, sum(map(count_rows, own)), len(own), sizes, days[0], days[-1])


def _bytes(segment: Segment) -> int:
    beside = segment.index.stat().st_size if segment.index.exists() else 0
    return segment.path.stat().st_size + beside


def _lag(reaches: Reaches, brokers: str) -> dict[str, int] | None:
    if not brokers:
        return None
    reader, out = LogReader(brokers, wait_s=WAIT_S), {}
    try:
        for topic, partitions in reaches.items():
            ends = {number: end for number, (_, end) in reader.spans(topic).items()}
            out[topic] = sum(
                max(end - (partitions[number].end if number in partitions else 0), 0)
                for number, end in ends.items()
            )
    except LogUnavailable:
        return None
    return out


def _running(folder: Path) -> bool:
    try:
        with locked(folder, "run", wait=False):
            return False
    except LogFilesError:
        return True
