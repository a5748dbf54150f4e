"""Ports that one command of this user is about to use, so that no other takes them meanwhile.

A port is probed long before its server binds it: a broker takes seconds to start. Until then the
command holds a lock on a file named by the port, in one folder for all stacks of the user. The
kernel lets go of it when the command ends, whatever ends it.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.ports import is_free


def folder() -> Path:
    """Where all stacks of this user meet."""
    return Path(tempfile.gettempdir()) / f"kairos-ports-{os.getuid()}"


class Claims:
    """The ports that this command holds."""

    def __init__(self, where: Path, free: Callable[[int], bool]) -> None:
        self._where, self._free = where, free
        self._held: dict[int, int] = {}

    def claim(self, port: int) -> bool:
        """Hold the port if it is free and no other command holds it; True when it is ours."""
        if port in self._held:
            return True
        file = os.open(self._where / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        # Probed under the lock: who held it before may have started its server since.
        if not self._free(port):
            os.close(file)
            return False
        self._held[port] = file
        return True

    def release(self) -> None:
        """Let others have them; the servers have bound theirs by now."""
        while self._held:
            os.close(self._held.popitem()[1])


@contextmanager
def claims(where: Path | None = None, free: Callable[[int], bool] = is_free) -> Iterator[Claims]:
    """Claims that end with the block."""
    where = where or folder()
    where.mkdir(mode=0o700, exist_ok=True)
    held = Claims(where, free)
    try:
        yield held
    finally:
        held.release()
