"""The events of a log user by user: what a fold of one user at a time wants.

Two forms of log: JSON Lines (connectors/event_lines.py), kept as places in the file, and the
folder of an export, kept as frames. A share is what one of several workers reads: keys are dealt
out by a hash, so that workers meet no user twice.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol
from zlib import crc32

import msgspec

from connectors.avro import BadFrame, codec
from connectors.event_lines import line_event
from connectors.log_decide import registry_of
from connectors.log_folder import read_manifest, read_records
from jobs.settings import GRACE_MS
from schemas.event import Event
from schemas.ids import TICK_KEY, USER_KEY
from schemas.site import Site
from schemas.topics import EVENTS

Sites = Callable[[str], Site | None]


class BadRecord(msgspec.Struct, frozen=True):
    """A record of a user key that is no event of it; `at_ms` is its timestamp."""

    at_ms: int


class UserLog(Protocol):
    """The events of the users of one share."""

    def users(self) -> Iterator[tuple[str, Iterator[Event | BadRecord]]]:
        """(user key, its records in log order), keys in the order of their first record."""

    def end_ms(self) -> int:
        """Engine time up to which deadlines run, 0 for none."""


def open_log(path: Path, share: int, shares: int, sites: Sites) -> UserLog:
    """The log at a path, one share of it. Raises LogFilesError, BadLine, OSError."""
    if path.is_dir():
        return _Export(path, share, shares)
    return _Lines(path, share, shares, sites)


def records_in(path: Path) -> int:
    """How many records the log holds, ticks included. Raises LogFilesError, OSError."""
    if path.is_dir():
        return read_manifest(path).topics[EVENTS].records
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


class _Key(msgspec.Struct, frozen=True, gc=False):
    site: str = ""
    user_key: str = ""
    visitor_id: str = ""


class _Lines:
    """Places of lines by user key; the lines themselves stay in the file."""

    def __init__(self, path: Path, share: int, shares: int, sites: Sites) -> None:
        self._path, self._sites = path, sites
        self._places: dict[str, list[tuple[int, int, int]]] = {}
        decode = msgspec.json.Decoder(_Key).decode
        at = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        key = decode(line)
                    except msgspec.DecodeError:
                        key = _Key()  # Its whole decoding names the field that is wrong.
                    name = key.user_key or f"{key.site}:v:{key.visitor_id}"
                    if crc32(name.encode()) % shares == share:
                        self._places.setdefault(name, []).append((at, len(line), number))
                at += len(line)

    def users(self) -> Iterator[tuple[str, Iterator[Event | BadRecord]]]:
        """(user key, its events). Raises BadLine while they are read."""
        if not self._places:
            return
        with self._path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            for key, places in self._places.items():
                yield key, (self._event(data, *place) for place in places)
            data.close()

    def _event(self, data: mmap.mmap, at: int, size: int, number: int) -> Event:
        return line_event(data[at : at + size], f"{self._path}:{number}", self._sites)

    def end_ms(self) -> int:
        """None: a file of lines does not say when its log ended."""
        return 0


class _Export:
    """Frames by user key out of an export's events."""

    def __init__(self, folder: Path, share: int, shares: int) -> None:
        manifest = read_manifest(folder)
        self._decode = codec(EVENTS, registry_of(manifest)).decode
        self._frames: dict[str, list[tuple[int, bytes | None]]] = {}
        newest = dict.fromkeys(range(manifest.topics[EVENTS].partitions), -1)
        tick = TICK_KEY.encode()
        for record in read_records(folder, EVENTS):
            newest[record.partition] = max(newest[record.partition], record.timestamp_ms)
            raw = record.key or b""
            if raw != tick and crc32(raw) % shares == share:
                key = raw.decode("utf-8", "replace")
                self._frames.setdefault(key, []).append((record.timestamp_ms, record.value))
        self._end_ms = max(min(newest.values()) - GRACE_MS - 1, 0)

    def users(self) -> Iterator[tuple[str, Iterator[Event | BadRecord]]]:
        """(user key, its records); what is under no user's key is left out."""
        for key, frames in self._frames.items():
            if USER_KEY.fullmatch(key) is not None:
                yield key, (self._event(key, *frame) for frame in frames)

    def _event(self, key: str, timestamp_ms: int, value: bytes | None) -> Event | BadRecord:
        try:
            event: Event = self._decode(value)
        except BadFrame:
            return BadRecord(max(timestamp_ms, 0))
        if (event.user_key, event.received_at_ms) != (key, timestamp_ms):
            return BadRecord(max(timestamp_ms, 0))
        return event

    def end_ms(self) -> int:
        """The smallest of the partitions' newest stamps less the grace: a job's last watermark."""
        return self._end_ms
