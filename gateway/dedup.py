"""Layer 1 of de-duplication: what this process saw a moment ago, in memory.

A duplicate never gets an earlier answer than its original: it waits for the same durability.
The authority is the keyed state behind the log; this layer only spares it the usual re-sends.
"""

from __future__ import annotations

from asyncio import Future
from collections import OrderedDict
from enum import Enum
from typing import Any

REMEMBERED_MAX = 200_000
Key = tuple[str, str]
"""(user key, event id); the user key begins with the site."""


class Verdict(Enum):
    """What an event is to this process."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


class Recent:
    """Events in flight and the last REMEMBERED_MAX durable ones, by key with a payload hash."""

    def __init__(self, remembered_max: int = REMEMBERED_MAX) -> None:
        self._in_flight: dict[Key, tuple[bytes, Future[Any]]] = {}
        self._durable: OrderedDict[Key, bytes] = OrderedDict()
        self._remembered_max = remembered_max

    def look(self, key: Key, digest: bytes) -> tuple[Verdict, Future[Any] | None]:
        """The verdict, and the future to wait for while the first of that id is in flight."""
        flying = self._in_flight.get(key)
        known = flying[0] if flying else self._durable.get(key)
        if known is None:
            return Verdict.NEW, None
        if known != digest:
            return Verdict.CONFLICT, flying[1] if flying else None
        return Verdict.DUPLICATE, flying[1] if flying else None

    def start(self, key: Key, digest: bytes, future: Future[Any]) -> None:
        """A new event is on its way; its future decides whether it is remembered."""
        self._in_flight[key] = (digest, future)
        future.add_done_callback(lambda done: self._settle(key, digest, done))

    def _settle(self, key: Key, digest: bytes, done: Future[Any]) -> None:
        self._in_flight.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        self._durable[key] = digest
        if len(self._durable) > self._remembered_max:
            self._durable.popitem(last=False)
