"""One command at a time changes a stack: `up`, `down`, `deploy` and the supervisor take turns."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT_S = 600.0
POLL_S = 0.1


class StackBusy(Exception):
    """Another command holds the stack; the message says which folder."""


@contextmanager
def stack_lock(run: Path, *, wait_s: float = WAIT_S) -> Iterator[None]:
    """Holds the stack; released by the kernel when the process dies. Raises StackBusy."""
    run.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_s
    with (run / "lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise StackBusy(
                        f"another kairos command works on {run.parent}: wait for it to end"
                    ) from None
                time.sleep(POLL_S)
        yield
