"""Records that can never be delivered: each is copied aside once it is durable, and only then
counts as delivered, so that those behind it can go. When no more copies fit, delivery stops.
"""

from __future__ import annotations

import logging
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

from gateway.wal_aside import ASIDE, Aside, Copy
from gateway.wal_courier import Courier, Entry

logger = logging.getLogger(__name__)


class PassedOver:
    """Used from the event loop's thread; the disk is written by `keeper`, one thread."""

    def __init__(
        self,
        aside: Aside,
        courier: Courier,
        loop: AbstractEventLoop,
        keeper: Executor,
        failed: Callable[[Exception], None],
    ) -> None:
        self.full = False
        self._aside, self._courier, self._loop = aside, courier, loop
        self._keeper, self._failed = keeper, failed
        self._waiting: dict[Entry, tuple[str, str]] = {}
        self._copying, self._stopped = False, False

    def stop(self) -> None:
        """Copy no more; what was not copied stays undelivered, and comes again."""
        self._stopped = True

    def add(self, entry: Entry, why: str, error: str) -> None:
        """This record cannot go; `why` is `refused` or `unreadable`."""
        self._waiting[entry] = (why, error)
        self.copy()

    def settled(self, group: list[Entry], *, durable: bool) -> None:
        """What is not durable was not acknowledged either, and needs no copy."""
        if not self._waiting:
            return
        for entry in group:
            if not durable and entry in self._waiting:
                del self._waiting[entry]
                self._courier.confirmed(entry, good=True)
        self.copy()

    def copy(self) -> None:
        """Begin to copy what is durable, unless that goes on or there is no room for it."""
        entries = [each for each in self._waiting if each.settled]
        if not entries or self._copying or self._stopped or self.full:
            return
        self._copying = True
        copies = [Copy(self._waiting[each][0], each.seq, each.payload) for each in entries]
        copying = self._loop.run_in_executor(self._keeper, self._aside.add, copies)
        copying.add_done_callback(partial(self._copied, entries))

    def _copied(self, entries: list[Entry], done: Future[int]) -> None:
        self._copying = False
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or error is not None:
            if isinstance(error, Exception):
                self._failed(error)
            return
        taken = done.result()
        for entry in entries[:taken]:
            why, error_text = self._waiting.pop(entry)
            logger.error("record %d is %s (%s) and was set aside", entry.seq, why, error_text)
            self._courier.confirmed(entry, good=True)
        if taken < len(entries):
            self.full = True
            text = "%s is full at %d bytes: nothing is delivered from record %d on; read it, move"
            text += " it away and start again"
            logger.error(text, ASIDE, self._aside.bytes_max, entries[taken].seq)
        else:
            self.copy()
