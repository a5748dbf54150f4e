"""A disk in memory that forgets: what was not synced is gone, or half there, after a power cut.

Fits gateway/wal_files.py: Folder. A process that merely dies leaves all it wrote.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field


class PowerCut(Exception):
    """The machine is off; raised out of whatever was at work."""


@dataclass
class Content:
    """Bytes of one file: those the disk has, and all of them."""

    synced: int = 0
    data: bytearray = field(default_factory=bytearray)


class MemoryFile:
    """A file open for appending."""

    def __init__(self, folder: MemoryFolder, content: Content) -> None:
        self._folder, self._content = folder, content

    def write(self, data: bytes) -> None:
        """Append; on a full disk half of it, then ENOSPC."""
        room = self._folder.room - self._folder.used
        if len(data) > room or self._folder.full():
            self._content.data += data[: max(0, min(room, len(data) // 2))]
            raise OSError(errno.ENOSPC, "no space left")
        self._content.data += data

    def sync(self) -> None:
        """Everything so far is safe; or the power is cut just before."""
        if self._folder.cut():
            raise PowerCut
        if self._folder.broken:
            raise OSError(errno.EIO, "input/output error")
        self._folder.syncs += 1
        self._content.synced = len(self._content.data)

    def truncate(self, size: int) -> None:
        """Cut to this size."""
        del self._content.data[size:]
        self._content.synced = min(self._content.synced, size)

    def close(self) -> None:
        """Nothing to give back."""


class MemoryFolder:
    """Files by name. `full` and `cut` are asked at each write and each sync."""

    def __init__(
        self, full: Callable[[], bool] = lambda: False, cut: Callable[[], bool] = lambda: False
    ) -> None:
        self.files: dict[str, Content] = {}
        self.full, self.cut = full, cut
        self.room = 1 << 40
        self.broken = False
        self.syncs = 0

    @property
    def used(self) -> int:
        """Bytes of all files."""
        return sum(len(each.data) for each in self.files.values())

    def power_cut(self, kept: Callable[[int], int]) -> None:
        """What was not synced is torn: `kept` says how many of so many bytes are left."""
        for content in self.files.values():
            loose = len(content.data) - content.synced
            del content.data[content.synced + kept(loose) :]
            content.synced = len(content.data)

    def names(self) -> list[str]:
        """Names, sorted."""
        return sorted(self.files)

    def size(self, name: str) -> int:
        """Bytes of a file."""
        return len(self.files[name].data)

    def read(self, name: str, offset: int, limit: int) -> bytes:
        """A piece of a file."""
        content = self.files.get(name)
        return bytes(content.data[offset : offset + limit]) if content else b""

    def append(self, name: str) -> MemoryFile:
        """A file to append to."""
        return MemoryFile(self, self.files.setdefault(name, Content()))

    def replace(self, name: str, data: bytes) -> None:
        """All of a file in one step."""
        if len(data) > self.room - self.used:
            raise OSError(errno.ENOSPC, "no space left")
        self.files[name] = Content(len(data), bytearray(data))

    def truncate(self, name: str, size: int) -> None:
        """Cut a file."""
        self.append(name).truncate(size)

    def remove(self, name: str) -> None:
        """Delete a file."""
        self.files.pop(name, None)
