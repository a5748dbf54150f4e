"""Where the write-ahead log lies: a port of few verbs, and a directory of a disk behind it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

LOCK, TEMPORARY = "lock", ".new"


class DirectoryTaken(Exception):
    """Another process writes to this directory."""


class File(Protocol):
    """A file that grows at its end."""

    def write(self, data: bytes) -> None:
        """Append all of it. Raises OSError; part of it may have been written then."""

    def sync(self) -> None:
        """Return once the disk has it. Raises OSError: then nobody knows what the disk has."""

    def truncate(self, size: int) -> None:
        """Cut it to this size. Raises OSError."""

    def close(self) -> None:
        """No more of it."""


class Folder(Protocol):
    """The directory of one log."""

    def names(self) -> list[str]:
        """Names of its files, sorted."""

    def size(self, name: str) -> int:
        """Bytes of a file; 0 where there is no such file."""

    def read(self, name: str, offset: int, limit: int) -> bytes:
        """At most `limit` bytes from `offset` on; none where there is no such file."""

    def append(self, name: str) -> File:
        """Open or make a file for appending; a new one is in the directory once this returns."""

    def replace(self, name: str, data: bytes) -> None:
        """Write a file in one step: after a crash there is the old one or the new one."""

    def truncate(self, name: str, size: int) -> None:
        """Cut a file to this size, for good."""

    def remove(self, name: str) -> None:
        """Delete a file; after a crash it may be back."""


class DiskFile:
    """A file of a real disk."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def close(self) -> None:
        os.close(self._descriptor)


class DiskFolder:
    """A directory of a real disk, readable by its owner alone: the log holds what visitors did."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._locked: int | None = None

    def make(self) -> None:
        """Create the directory. Raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def lock(self) -> None:
        """Claim it for this process, until the process ends. Raises DirectoryTaken, OSError."""
        descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            text = f"{self.path} is another process's write-ahead log; give each gateway its own"
            raise DirectoryTaken(text) from None
        self._locked = descriptor

    def unlock(self) -> None:
        """Let another process have it."""
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None

    def names(self) -> list[str]:
        return sorted(os.listdir(self.path))

    def size(self, name: str) -> int:
        try:
            return (self.path / name).stat().st_size
        except FileNotFoundError:
            # Its gateway deleted it a moment ago; whoever looks from outside may meet that.
            return 0

    def read(self, name: str, offset: int, limit: int) -> bytes:
        try:
            with open(self.path / name, "rb", buffering=0) as file:
                return os.pread(file.fileno(), limit, offset)
        except FileNotFoundError:
            return b""

    def append(self, name: str) -> DiskFile:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        file = DiskFile(os.open(self.path / name, flags, 0o600))
        try:
            self._sync()
        except OSError:
            file.close()
            raise
        return file

    def replace(self, name: str, data: bytes) -> None:
        new = self.path / (name + TEMPORARY)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        file = DiskFile(os.open(new, flags, 0o600))
        try:
            file.write(data)
            file.sync()
        finally:
            file.close()
        os.replace(new, self.path / name)
        self._sync()

    def truncate(self, name: str, size: int) -> None:
        descriptor = os.open(self.path / name, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)
        self._sync()

    def _sync(self) -> None:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
