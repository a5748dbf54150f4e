"""Decisions of the last minute, kept undecoded, for sockets that open after their decision."""

from __future__ import annotations

from collections import deque

from gateway.tail import Record

PER_VISITOR_MAX = 8
RECORDS_MAX = 20_000
KEPT_S = 60.0


class Held:
    """The last PER_VISITOR_MAX records a key, for KEPT_S seconds, RECORDS_MAX in all."""

    def __init__(self, records_max: int = RECORDS_MAX) -> None:
        self._by_key: dict[str, deque[tuple[float, Record]]] = {}
        self._order: deque[tuple[float, str]] = deque()
        self._records_max = records_max

    def add(self, key: str, record: Record, now_s: float) -> None:
        """Keep one more record of a key; older ones make room."""
        kept = self._by_key.setdefault(key, deque(maxlen=PER_VISITOR_MAX))
        kept.append((now_s, record))
        self._order.append((now_s, key))
        order = self._order
        while order[0][0] < now_s - KEPT_S or len(order) > self._records_max:
            self._drop(*order.popleft())

    def _drop(self, added_s: float, key: str) -> None:
        # A record cut at PER_VISITOR_MAX is gone already; then nothing this old is left.
        kept = self._by_key.get(key)
        if kept and kept[0][0] <= added_s:
            kept.popleft()
        if kept is not None and not kept:
            del self._by_key[key]

    def of(self, key: str) -> tuple[Record, ...]:
        """What is held for a key, oldest first."""
        return tuple(record for _, record in self._by_key.get(key, ()))

    def __len__(self) -> int:
        return sum(len(each) for each in self._by_key.values())
