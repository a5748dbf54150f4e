"""An append-only file of JSON lines: synced before anybody is told, readable after kill -9."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any
from zlib import crc32

Record = dict[str, Any]


class JournalCorrupt(Exception):
    """A line before the last cannot be trusted; a person must look."""


class Journal:
    """Records in order. One process at a time owns the directory.

    A line is {"crc": CRC-32 of the record's JSON, "record": ...}. A last line that is cut off
    was never acknowledged and is dropped at opening.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "registry.jsonl"
        self._lock = os.open(directory / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as taken:
            os.close(self._lock)
            raise RuntimeError("another registry runs on this data directory") from taken
        self._file = _open(self.path)
        _sync_directory(directory)

    def read(self) -> list[Record]:
        """All records; drops a torn last line. Raises JournalCorrupt."""
        data = self.path.read_bytes()
        records: list[Record] = []
        good = 0
        while good < len(data):
            end = data.find(b"\n", good)
            record = None if end < 0 else _record(data[good:end])
            if record is None:
                if 0 <= end < len(data) - 1:
                    raise JournalCorrupt(
                        f"{self.path.name} line {len(records) + 1} is damaged; restore the file "
                        "from a copy or remove the line by hand"
                    )
                os.ftruncate(self._file, good)
                os.fsync(self._file)
                break
            records.append(record)
            good = end + 1
        return records

    def append(self, record: Record) -> None:
        """Write and sync; on failure the file is as before and OSError is raised."""
        before = os.fstat(self._file).st_size
        line = _line(record)
        try:
            if os.write(self._file, line) != len(line):
                raise OSError("the disk took only a part of the line")
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, before)
            raise

    def replace(self, records: list[Record]) -> None:
        """Rewrite the file to these records; a crash leaves the old or the new file."""
        fresh = self.path.with_suffix(".tmp")
        with open(fresh, "wb") as out:
            out.writelines(_line(record) for record in records)
            out.flush()
            os.fsync(out.fileno())
        os.replace(fresh, self.path)
        _sync_directory(self.path.parent)
        os.close(self._file)
        self._file = _open(self.path)

    def close(self) -> None:
        """Release the file and the directory."""
        os.close(self._file)
        os.close(self._lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _line(record: Record) -> bytes:
    body = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    return f'{{"crc":{crc32(body.encode())},"record":{body}}}\n'.encode()


def _record(line: bytes) -> Record | None:
    try:
        outer = json.loads(line)
        record = outer["record"]
    except (ValueError, KeyError, TypeError):
        return None
    return record if isinstance(record, dict) and _line(record) == line + b"\n" else None


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
