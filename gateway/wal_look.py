"""Looking at a write-ahead log from outside, while its gateway runs or when nobody does."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from gateway.wal import Segment, read_cursor, segments_of
from gateway.wal_files import LOCK, DiskFolder
from gateway.wal_log import event_of
from gateway.wal_record import Damage, Record, scan
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
    for segment in wanted:
        for found in _found(folder, segment):
            if isinstance(found, Record):
                verified += 1
                if found.seq > delivered and not oldest_ms:
                    oldest_ms = _accepted_ms(found)
                last = max(last, found.seq)
            elif found.lost == 0 and segment is segments[-1]:
                torn = found.size
            else:
                damage.append({"segment": segment.name, **found._asdict()})
    return Look(
        *(str(path), in_use(path), len(segments), sum(each.size for each in segments)),
        *(last, delivered, last - delivered),
        max(0.0, (now_ms - oldest_ms) / 1000) if oldest_ms else 0.0,
        tuple(n for n in folder.names() if n.startswith(("damage-", "refused-", "unreadable-"))),
        *((verified, torn, tuple(damage)) if verify else ()),
    )


def since(path: Path, since_ms: int) -> Iterator[Event]:
    """Readable events accepted at or after a time, in order. Raises OSError."""
    folder = DiskFolder(path)
    for segment in segments_of(folder):
        try:
            if (path / segment.name).stat().st_mtime * 1000 < since_ms:
                continue
            found = _found(folder, segment)
        except FileNotFoundError:
            # Its gateway deleted it just now, since it was old enough.
            continue
        for each in found:
            if isinstance(each, Record) and _accepted_ms(each) >= since_ms:
                yield event_of(each.payload)


def _undelivered(segments: list[Segment], delivered: int) -> list[Segment]:
    """Those that may hold more than the delivered part: from the one that holds the cursor on."""
    before = [number for number, each in enumerate(segments) if each.first <= delivered + 1]
    return segments[before[-1] :] if before else segments


def _found(folder: DiskFolder, segment: Segment) -> list[Record | Damage]:
    return scan(folder.read(segment.name, 0, segment.size), segment.first)[0]


def _accepted_ms(record: Record) -> int:
    try:
        return event_of(record.payload).accepted_at_ms
    except msgspec.DecodeError:
        return 0
