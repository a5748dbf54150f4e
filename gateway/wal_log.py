"""The log as ingest sees it: an event is acknowledged by this disk and goes to the broker at once.

While the broker is away events stay on the disk and follow in order; what is sent later is stamped
later, with the first stamp kept in `accepted_at_ms`.
"""

from __future__ import annotations

import logging
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

import msgspec
from msgspec.structs import replace

from gateway.log import LogFull, LogUnavailable, Stamp
from gateway.wal import FULL, Wal
from gateway.wal_aside import ASIDE
from gateway.wal_courier import Courier, Entry
from gateway.wal_metrics import WalMetrics
from gateway.wal_passed import PassedOver
from gateway.wal_reader import Reader
from gateway.wal_record import HEAD_BYTES, Damage
from gateway.wal_thread import Committer
from schemas.event import Event

logger = logging.getLogger(__name__)
PENDING_BYTES_MAX = 32 * 1024 * 1024
PUMP_RECORDS = 256
READY_BELOW = 0.9
FULL_S = 0.5
"""After a full disk nothing is tried for so long: each try costs a record sent in vain."""

payload_of = msgspec.msgpack.Encoder().encode
event_of = msgspec.msgpack.Decoder(Event).decode
Told = Callable[[str | None, bool], None]
"""What became of a produced record: an error or None, and whether the record itself is at fault."""


class Broker(Protocol):
    """What this needs of gateway/producer.py."""

    def produce(self, event: Event, told: Told) -> bool:
        """Hand a stamped event over; False when the queue takes no more."""

    def tick(self) -> None:
        """One tick to every partition."""

    def stop(self, timeout_s: float) -> int:
        """Deliver what is queued; how many records stayed behind."""


class DurableLog:
    """Fits gateway/log.py: Log. Used from the event loop's thread only."""

    def __init__(
        self,
        wal: Wal,
        broker: Broker,
        loop: AbstractEventLoop,
        gateway_id: str,
        metrics: WalMetrics,
        *,
        stamp: Stamp,
        keep_s: float = 600.0,
        on_fatal: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self._wal, self._broker, self._loop = wal, broker, loop
        self._gateway_id, self._metrics, self._stamp = gateway_id, metrics, stamp
        self._keep_s, self._on_fatal = keep_s, on_fatal
        self.courier = Courier(wal.delivered, self._read_after, self._produce, loop.time)
        self.courier.opened(wal.last)
        self._committer = Committer(wal, loop, self._settled, self._failed, metrics.sync_s.observe)
        self._pending_bytes, self._drained = 0, 0
        self._broken, self._full_until_s = False, 0.0
        self._pumping, self._tidying, self._pressed = False, False, False
        self._keeper = ThreadPoolExecutor(1, "wal-keeper")
        self._passed = PassedOver(wal.aside, self.courier, loop, self._keeper, self._disk_error)
        self._watched(wal)

    def _watched(self, wal: Wal) -> None:
        gauge = self._metrics.gauge
        gauge("undelivered", "durable records the broker lacks", lambda: self.courier.left)
        gauge("oldest_age_seconds", "age of the oldest of them", self.oldest_age_s)
        gauge("bytes", "bytes of all segments", lambda: wal.size)
        gauge("live", "1 while events go to the broker at once", lambda: self.courier.live)
        self._metrics.count("torn_bytes", wal.opened.torn_bytes)
        for name, damage in wal.opened.damage:
            self._damaged(name, damage)
        if wal.opened.torn_bytes:
            logger.warning("the log's end was cut: %d bytes set aside", wal.opened.torn_bytes)

    def start(self) -> None:
        """Begin, with what the broker lacks from before."""
        self._committer.start()
        if self.courier.left:
            logger.info("%d records from before are sent first", self.courier.left)
        self._pump()

    # Log

    @property
    def healthy(self) -> bool:
        """Whether more events can become durable here, and can leave once the broker is there."""
        sound = not self._broken and not self._is_full() and not self._passed.full
        return sound and self._wal.pressing < READY_BELOW

    @property
    def blocked(self) -> str:
        """See Log.blocked."""
        return ASIDE if self._passed.full else ""

    def send(self, event: Event) -> Future[None]:
        """Stamp; to the disk, and if it is live to the broker; see Log.send."""
        if self._broken:
            raise LogUnavailable("the disk failed")
        now_ms = self._stamp.now_ms()
        event = replace(
            event, received_at_ms=now_ms, accepted_at_ms=now_ms, gateway_id=self._gateway_id
        )
        payload = payload_of(event)
        self._make_room(len(payload) + HEAD_BYTES)
        future: Future[None] = self._loop.create_future()
        entry = Entry(payload, event, future)
        self._pending_bytes += len(payload)
        self.courier.offer(entry)
        self._committer.add(entry)
        return future

    def tick(self) -> None:
        """Time for the log, and for all that is done now and then."""
        if not self.courier.stalled:
            self._broker.tick()
        self._pump()
        self._passed.copy()
        if not self._tidying and not self._broken:
            self._tidying = True
            self._wal.delivered = self.courier.delivered
            pressed, self._pressed = self._pressed, False
            tidy = partial(self._tidy, self._loop.time(), pressed=pressed)
            self._loop.run_in_executor(self._keeper, tidy).add_done_callback(self._tidied)

    def stop(self, timeout_s: float) -> int:
        """Make durable and deliver what was taken; how many records the broker still lacks."""
        self._committer.stop(timeout_s)
        self._broker.stop(timeout_s)
        self._passed.stop()
        self._keeper.shutdown()
        self._wal.delivered = self.courier.delivered
        if not self._broken:
            self._tidy(self._loop.time())
        self._wal.close()
        return self.courier.left

    # Room

    def _is_full(self) -> bool:
        return self._loop.time() < self._full_until_s

    def _make_room(self, size: int) -> None:
        if self._is_full():
            raise LogFull("the disk is full")
        if self._pending_bytes > PENDING_BYTES_MAX:
            raise LogUnavailable("the disk does not keep up")
        if not self._wal.fits(size):
            self._pressed = True
            raise LogFull("the write-ahead log is at its cap")

    def _tidy(self, now_s: float, *, pressed: bool = False) -> None:
        """In a thread of its own, since each step waits for the disk; `pressed` when an event was
        refused for want of room.
        """
        try:
            while (pressed or self._wal.crowded) and self._wal.free_early():
                self._metrics.count("kept_short")
                pressed = False
            self._wal.save_cursor()
            self._wal.expire(now_s, self._keep_s)
        except OSError as error:
            if error.errno not in FULL:
                raise

    def _tidied(self, done: Future[None]) -> None:
        self._tidying = False
        error = None if done.cancelled() else done.exception()
        if isinstance(error, Exception):
            self._failed(error)
        elif self._wal.rolls_idle:
            self._committer.roll_old()

    def _disk_error(self, error: Exception) -> None:
        """Of a copy set aside: a full disk passes, and it is tried again."""
        if not isinstance(error, OSError) or error.errno not in FULL:
            self._failed(error)

    # From the committer

    def _settled(self, group: list[Entry], first: int) -> None:
        self._pending_bytes -= sum([len(each.payload) for each in group])
        self.courier.settled(group, first)
        self._passed.settled(group, durable=first > 0)
        for each in group:
            if each.future is not None and not each.future.done():
                if first:
                    each.future.set_result(None)
                else:
                    each.future.set_exception(LogFull("the disk is full"))
        if not first:
            self._metrics.count("disk_full")
            self._full_until_s = self._loop.time() + FULL_S
            self._pressed = True

    def _failed(self, error: Exception) -> None:
        """The disk cannot be trusted any more: acknowledge nothing, and end."""
        if self._broken:
            return
        self._broken = True
        for each in self.courier.given_up():
            if each.future is not None and not each.future.done():
                each.future.set_exception(LogUnavailable("the disk failed"))
        self._on_fatal(f"the write-ahead log failed: {error}")

    # To the broker

    def _produce(self, entry: Entry) -> bool:
        if self._passed.full:
            return False
        event = entry.event
        if event is None:
            try:
                event = event_of(entry.payload)
            except msgspec.DecodeError as error:
                return self._passed_over(entry, "unreadable", str(error))
            event = replace(event, received_at_ms=self._stamp.now_ms())
        elif event.received_at_ms != self._stamp.last_ms:
            event = replace(event, received_at_ms=self._stamp.now_ms())
        return self._broker.produce(event, partial(self._told, entry))

    def _told(self, entry: Entry, error: str | None, at_fault: bool) -> None:
        if error is not None and at_fault:
            self._passed_over(entry, "refused", error)
            return
        self.courier.confirmed(entry, good=error is None)
        if not self.courier.live:
            self._soon()

    def _passed_over(self, entry: Entry, why: str, error: str) -> bool:
        """A record that can never go is set aside, so that those behind it can."""
        self._metrics.count(why)
        self._passed.add(entry, why, error)
        return True

    def _soon(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        if self._broken:
            return
        try:
            more = self.courier.pump(PUMP_RECORDS)
        except OSError as error:
            self._failed(error)
            return
        self._metrics.count("drained", self.courier.drained - self._drained)
        self._drained = self.courier.drained
        if more:
            self._soon()

    # From the disk

    def _read_after(self, seq: int) -> Reader:
        return Reader(self._wal.folder, lambda: self._wal.segments[:], seq)

    def _damaged(self, name: str, damage: Damage) -> None:
        self._metrics.count("damaged", damage.lost)
        logger.error(
            "%s: %d acknowledged records from %d on cannot be read; %d bytes at %d are set aside",
            *(name, damage.lost, damage.seq, damage.size, damage.offset),
        )

    def oldest_age_s(self) -> float:
        """Age of the oldest record that the broker lacks, 0 when it has all."""
        if not self.courier.left:
            return 0.0
        found = self._read_after(self.courier.delivered).next(self.courier.delivered + 1)
        if not found:
            return 0.0
        return max(0.0, (self._stamp.now_ms() - event_of(found[0].payload).accepted_at_ms) / 1000)
