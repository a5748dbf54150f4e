"""Looking at a write-ahead log from outside, while its gateway runs or when nobody does."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from gateway.wal import read_cursor
from gateway.wal_aside import copies_of
from gateway.wal_files import LOCK, DiskFolder
from gateway.wal_log import event_of
from gateway.wal_record import Record
from gateway.wal_segment import Segment, Verdict, judged, segments_of
from schemas.event import Event


class Look(Struct, frozen=True):
    """What one directory holds. `damage` is empty unless all of it was verified."""

    directory: str
    in_use: bool
    segments: int
    bytes: int
    last: int
    delivered: int
    undelivered: int
    oldest_age_s: float
    set_aside: tuple[str, ...]
    verified: int = 0
    torn_bytes: int = 0
    damage: tuple[dict[str, Any], ...] = ()


def directories(root: Path) -> list[Path]:
    """The directories under a stack's `data/wal` that hold a log."""
    return sorted(each.parent for each in root.glob(f"*/{LOCK}"))


def in_use(path: Path) -> bool:
    """Whether a process writes to the directory."""
    try:
        with open(path / LOCK, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def look(path: Path, now_ms: int, *, verify: bool) -> Look:
    """State of a directory; `verify` reads every record. Raises OSError."""
    folder = DiskFolder(path)
    delivered = read_cursor(folder)
    segments = segments_of(folder)
    wanted = segments if verify else _undelivered(segments, delivered)
    last, verified, torn, oldest_ms = delivered, 0, 0, 0
    damage: list[dict[str, Any]] = []
    for segment, found in _judged(folder, wanted):
        verified += len(found.records)
        for record in found.records:
            if record.seq > delivered and not oldest_ms:
                oldest_ms = _accepted_ms(record) or 0
            last = max(last, record.seq)
        damage += [{"segment": segment.name, **each._asdict()} for each in found.damage]
        torn += found.torn.size if found.torn else 0
    return Look(
        *(str(path), in_use(path), len(segments), sum(each.size for each in segments)),
        *(last, delivered, last - delivered),
        max(0.0, (now_ms - oldest_ms) / 1000) if oldest_ms else 0.0,
        _set_aside(folder),
        *((verified, torn, tuple(damage)) if verify else ()),
    )


class Skipped(Struct):
    """Acknowledged records that a replay could not send."""

    damaged: int = 0
    unreadable: int = 0


def since(path: Path, since_ms: int, skipped: Skipped) -> Iterator[Event]:
    """Readable events accepted at or after a time, in order; `skipped` counts those that are not
    readable in the segments of that time. Raises OSError.
    """
    folder = DiskFolder(path)
    segments = segments_of(folder)
    # The one before is read too: its end tells whether a segment behind it is missing.
    begins = [n for n, each in enumerate(segments) if _changed_ms(path / each.name) >= since_ms]
    for _, found in _judged(folder, segments[max(0, begins[0] - 1) :] if begins else []):
        skipped.damaged += sum(each.lost for each in found.damage)
        for record in found.records:
            accepted_ms = _accepted_ms(record)
            if accepted_ms is None:
                skipped.unreadable += 1
            elif accepted_ms >= since_ms:
                yield event_of(record.payload)


def _undelivered(segments: list[Segment], delivered: int) -> list[Segment]:
    """Those that may hold more than the delivered part: from the one that holds the cursor on."""
    before = [number for number, each in enumerate(segments) if each.first <= delivered + 1]
    return segments[before[-1] :] if before else segments


def _judged(folder: DiskFolder, segments: list[Segment]) -> Iterator[tuple[Segment, Verdict]]:
    """The verdict on each, as its gateway would give it; without those it has deleted meanwhile."""
    for number, segment in enumerate(segments):
        data = folder.read(segment.name, 0, segment.size)
        if not data and segment.name not in folder.names():
            continue
        following = segments[number + 1].first if number + 1 < len(segments) else None
        yield segment, judged(data, segment.first, following)


def _set_aside(folder: DiskFolder) -> tuple[str, ...]:
    """Names of copies of damage, and each record that was passed over."""
    damaged = [name for name in folder.names() if name.startswith("damage-")]
    return (*damaged, *(f"{each.why} record {each.seq}" for each in copies_of(folder)))


def _changed_ms(path: Path) -> float:
    """0 where its gateway deleted it just now, since it was old enough."""
    try:
        return path.stat().st_mtime * 1000
    except FileNotFoundError:
        return 0.0


def _accepted_ms(record: Record) -> int | None:
    """None where this version cannot read the event."""
    try:
        return event_of(record.payload).accepted_at_ms
    except msgspec.DecodeError:
        return None
