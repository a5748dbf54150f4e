"""One thread that makes records durable: what came while it synced is its next group.

The event loop hears once of each group.
"""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

from gateway.wal import DiskFull, Wal
from gateway.wal_courier import Entry

GROUP_MAX = 4_096
PACE_S = 0.002
"""Groups begin at least so far apart. After a pause the first one begins at once; under load each
group costs 100 us of both cores whatever is in it, so that a fast disk must not make small ones."""
Settled = Callable[[list[Entry], int], None]
"""A group and its first seq; 0 when the disk was full and nothing of it is durable."""
ROLL = Entry(b"")
"""Not a record: it wakes the thread to close an old segment."""


class Committer:
    """Entries in, groups out; `settled` and `failed` run in the event loop."""

    def __init__(
        self,
        wal: Wal,
        loop: AbstractEventLoop,
        settled: Settled,
        failed: Callable[[Exception], None],
        timed: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._wal, self._loop = wal, loop
        self._settled, self._failed, self._timed = settled, failed, timed
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="wal", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def add(self, entry: Entry) -> None:
        """One more; the thread is woken only when it has nothing to do."""
        self._queue.put(entry)

    def roll_old(self) -> None:
        """Close the open segment if it is old; a group that comes meanwhile does it too."""
        self._queue.put(ROLL)

    def stop(self, timeout_s: float) -> None:
        """Finish what was added."""
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        more = True
        while more:
            group, more = self._group()
            began_s = time.perf_counter()
            try:
                first = self._wal.commit([each.payload for each in group]) if group else 0
                if not group and more:
                    self._wal.roll_old()
            except DiskFull:
                first = 0
            except Exception as error:
                # After a failed sync nobody knows what the disk has: nothing is tried again. And a
                # thread that ended by a bug must not leave a gateway that looks well.
                self._loop.call_soon_threadsafe(self._failed, error)
                return
            if not group:
                continue
            self._loop.call_soon_threadsafe(self._settled, group, first)
            took_s = time.perf_counter() - began_s
            self._timed(took_s)
            # Asleep before it looks, not after it was woken: so nobody has to wake it under load.
            time.sleep(max(0.0, PACE_S - took_s))

    def _group(self) -> tuple[list[Entry], bool]:
        """What waits, none when only a roll was asked for; and whether to go on afterwards."""
        queue, group = self._queue, list[Entry]()
        entry = queue.get()
        while entry is not None:
            if entry is not ROLL:
                group.append(entry)
            if queue.empty() or len(group) == GROUP_MAX:
                return group, True
            entry = queue.get()
        return group, False
