"""What the broker has of the write-ahead log, and what it gets next. No thread and no disk of its
own: the gateway and the simulator run the same code.

1. Live: a record goes to the broker in the same step in which it goes to the disk.
2. Once the broker has not confirmed the oldest record for STALL_S, or too many are on their way,
   new records go to the disk alone, so that they are stamped when they are sent, not before.
3. When the broker confirms again, the disk is read in order until nothing is left to send but
   what is not durable yet; that follows from memory, and the courier is live again.
4. A record the broker refuses takes the whole rest with it: all is read again from the first one
   it does not have. Order per key stays, and de-duplication drops what arrives twice.
"""

from __future__ import annotations

from asyncio import Future
from collections import deque
from collections.abc import Callable
from typing import Protocol

from gateway.wal_record import Record
from schemas.event import Event

STALL_S = 0.5
WINDOW_MAX = 10_000
RETRY_S = 1.0


class Entry:
    """One record on its way. `event` is None where only the disk has it; `seq` 0 until durable."""

    __slots__ = "delivered event future payload refused sent sent_s seq settled".split()

    def __init__(
        self,
        payload: bytes,
        event: Event | None = None,
        future: Future[None] | None = None,
        seq: int = 0,
    ) -> None:
        self.payload, self.event, self.future, self.seq = payload, event, future, seq
        self.settled = seq > 0
        self.sent = self.delivered = self.refused = False
        self.sent_s = 0.0


class Source(Protocol):
    """Where records are read again; gateway/wal_reader.py."""

    def next(self, until: int) -> list[Record]:
        """Some records up to this seq."""


class Courier:
    """Used from one thread; `now_s` is any clock that does not go back."""

    def __init__(
        self,
        delivered: int,
        read_after: Callable[[int], Source],
        produce: Callable[[Entry], bool],
        now_s: Callable[[], float],
    ) -> None:
        self.delivered = self._settled = delivered
        self.live = False
        self.drained = 0
        self._read_after, self._produce, self._now_s = read_after, produce, now_s
        self._source: Source | None = read_after(delivered)
        self._unsettled: deque[Entry] = deque()
        self._flying: deque[Entry] = deque()
        self._ready: deque[Entry] = deque()
        self._rewinding, self._waits_until_s = False, 0.0

    # Records come

    def opened(self, last: int) -> None:
        """The log holds records up to this seq from before."""
        self._settled = last

    def offer(self, entry: Entry) -> None:
        """A new record, on its way to the disk in this order."""
        self._unsettled.append(entry)
        if self.live:
            self.live = not self.stalled and self._send(entry)

    def settled(self, group: list[Entry], first: int) -> None:
        """The oldest unsettled records are durable from this seq on; 0: they are not, and gone."""
        for number, entry in enumerate(group, first):
            assert self._unsettled.popleft() is entry, "settled in another order"
            entry.settled = True
            if first:
                entry.seq = self._settled = number
                if self._source is None and not entry.sent:
                    self._source = self._read_after(number - 1)
        self._advance()

    def confirmed(self, entry: Entry, *, good: bool) -> None:
        """The broker has this record, or will not take it now."""
        entry.delivered, entry.refused = good, not good
        if not good:
            self._rewinding, self.live = True, False
            self._waits_until_s = self._now_s() + RETRY_S
        self._advance()

    def given_up(self) -> list[Entry]:
        """Records that will never be durable, as the disk failed."""
        gone = [*self._unsettled]
        self._unsettled.clear()
        return gone

    def _advance(self) -> None:
        flying = self._flying
        while flying and flying[0].delivered and flying[0].settled:
            self.delivered = max(self.delivered, flying.popleft().seq)

    # Records go

    @property
    def stalled(self) -> bool:
        """Whether the broker confirms nothing, or has enough to do."""
        flying = self._flying
        if not flying or self._rewinding:
            return self._rewinding
        return len(flying) >= WINDOW_MAX or self._now_s() - flying[0].sent_s > STALL_S

    @property
    def left(self) -> int:
        """Durable records that the broker has not confirmed."""
        return self._settled - self.delivered

    def pump(self, most: int) -> bool:
        """Send up to so many records that wait; whether more could go at once. Raises OSError."""
        if self._rewinding and not self._rewound():
            return False
        while not self.live and most > 0 and not self.stalled:
            if not self._ready:
                self._ready.extend(self._read())
            if not self._ready:
                self._catch_up()
                return False
            if not self._send(self._ready[0]):
                return False
            self._ready.popleft()
            self.drained += 1
            most -= 1
        return not self.live and not self.stalled

    def _read(self) -> list[Entry]:
        if self._source is None:
            return []
        return [Entry(each.payload, seq=each.seq) for each in self._source.next(self._settled)]

    def _catch_up(self) -> None:
        """All that is durable was sent; what is not yet follows from memory.

        Should one of those not go, it and those behind it are read once they are durable.
        """
        self._source = None
        self.live = all(entry.sent or self._send(entry) for entry in self._unsettled)

    def _send(self, entry: Entry) -> bool:
        if not self._produce(entry):
            return False
        entry.sent, entry.sent_s = True, self._now_s()
        self._flying.append(entry)
        return True

    def _rewound(self) -> bool:
        """Back to the first record the broker lacks, once it has said what became of the rest."""
        known = all((each.delivered or each.refused) and each.settled for each in self._flying)
        if not known or self._now_s() < self._waits_until_s:
            return False
        self._flying.clear()
        self._ready.clear()
        self._source = self._read_after(self.delivered)
        self._rewinding = False
        return True
