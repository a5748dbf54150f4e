"""Copies of records that can never be delivered, for a person: one file of bounded size.

Each line is JSON with `why`, `seq` and the record's bytes in base64. A record may be in it twice.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from gateway.wal_files import File, Folder

ASIDE = "aside.jsonl"
ASIDE_BYTES_MAX = 16 * 1024 * 1024
SHARE = 8


def aside_bytes_max(bytes_max: int) -> int:
    """The bound of the file under a log's cap in bytes: 16 MiB, and at most an eighth of the cap"""
    return min(ASIDE_BYTES_MAX, bytes_max // SHARE)


class Copy(Struct, frozen=True):
    """One record; `why` is `refused` or `unreadable`."""

    why: str
    seq: int
    payload: bytes


class Aside:
    """The file of one log; used from one thread."""

    def __init__(self, folder: Folder, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._folder = folder
        data = folder.read(ASIDE, 0, folder.size(ASIDE)) if ASIDE in folder.names() else b""
        self._size = len(data)
        self._torn = not data.endswith(b"\n") and bool(data)

    def add(self, copies: list[Copy]) -> int:
        """Append and sync; how many of them, from the first on, fit under the bound.

        Raises OSError; on a full disk nothing was added.
        """
        lines, size = [b"\n"] if self._torn else [], self._size + self._torn
        taken = 0
        for each in copies:
            line = msgspec.json.encode(each) + b"\n"
            if size + len(line) > self.bytes_max:
                break
            lines.append(line)
            size += len(line)
            taken += 1
        if taken:
            file = self._folder.append(ASIDE)
            try:
                self._write(file, b"".join(lines))
            finally:
                file.close()
        return taken

    def _write(self, file: File, data: bytes) -> None:
        try:
            file.write(data)
        except OSError:
            file.truncate(self._size)
            raise
        file.sync()
        self._size += len(data)
        self._torn = False


def copies_of(folder: Folder) -> Iterator[Copy]:
    """The copies of a folder; a line that a crash tore is passed over."""
    if ASIDE in folder.names():
        for line in folder.read(ASIDE, 0, folder.size(ASIDE)).splitlines():
            try:
                yield msgspec.json.decode(line, type=Copy)
            except msgspec.DecodeError:
                continue
