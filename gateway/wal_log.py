"""The log as ingest sees it: an event is acknowledged by this disk and goes to the broker at once.

While the broker is away events stay on the disk and follow in order; what is sent later is stamped
later, with the first stamp kept in `accepted_at_ms`.
"""

from __future__ import annotations

import logging
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from functools import partial
from typing import Protocol

import msgspec
from msgspec.structs import replace

from gateway.log import LogFull, LogUnavailable, Stamp
from gateway.wal import FULL, Wal
from gateway.wal_metrics import WalMetrics
from gateway.wal_outbox import Entry, Outbox
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
        self.outbox = Outbox(wal.delivered, self._read_after, self._produce, loop.time)
        self.outbox.opened(wal.last)
        self._committer = Committer(wal, loop, self._settled, self._failed, metrics.sync_s.observe)
        self._pending_bytes, self._drained = 0, 0
        self._broken, self._full_until_s = False, 0.0
        self._pumping, self._tidying = False, False
        self._watched(wal)

    def _watched(self, wal: Wal) -> None:
        gauge = self._metrics.gauge
        gauge("undelivered", "durable records the broker lacks", lambda: self.outbox.left)
        gauge("oldest_age_seconds", "age of the oldest of them", self.oldest_age_s)
        gauge("bytes", "bytes of all segments", lambda: wal.size)
        gauge("live", "1 while events go to the broker at once", lambda: self.outbox.live)
        self._metrics.count("torn_bytes", wal.opened.torn_bytes)
        for name, damage in wal.opened.damage:
            self._damaged(name, damage)
        if wal.opened.torn_bytes:
            logger.warning("the log's end was cut: %d bytes set aside", wal.opened.torn_bytes)

    def start(self) -> None:
        """Begin, with what the broker lacks from before."""
        self._committer.start()
        if self.outbox.left:
            logger.info("%d records from before are sent first", self.outbox.left)
        self._pump()

    # Log

    @property
    def healthy(self) -> bool:
        """Whether more events can become durable here, broker or not."""
        return not self._broken and not self._is_full() and self._wal.pressing < READY_BELOW

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
        self.outbox.offer(entry)
        self._committer.add(entry)
        return future

    def tick(self) -> None:
        """Time for the log, and for all that is done now and then."""
        if not self.outbox.stalled:
            self._broker.tick()
        self._pump()
        if not self._tidying and not self._broken:
            self._tidying = True
            self._wal.delivered = self.outbox.delivered
            tidy = partial(self._tidy, self._loop.time())
            self._loop.run_in_executor(None, tidy).add_done_callback(self._tidied)

    def stop(self, timeout_s: float) -> int:
        """Make durable and deliver what was taken; how many records the broker still lacks."""
        self._committer.stop(timeout_s)
        self._broker.stop(timeout_s)
        self._wal.delivered = self.outbox.delivered
        if not self._broken:
            self._tidy(self._loop.time())
        self._wal.close()
        return self.outbox.left

    # Room

    def _is_full(self) -> bool:
        return self._loop.time() < self._full_until_s

    def _make_room(self, size: int) -> None:
        if self._is_full():
            raise LogFull("the disk is full")
        if self._pending_bytes > PENDING_BYTES_MAX:
            raise LogUnavailable("the disk does not keep up")
        while not self._wal.fits(size):
            self._wal.delivered = self.outbox.delivered
            if not self._wal.free_early():
                raise LogFull("the write-ahead log is at its cap")
            self._metrics.count("kept_short")

    def _tidy(self, now_s: float) -> None:
        """In a thread of its own, since each step waits for the disk."""
        try:
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

    # From the committer

    def _settled(self, group: list[Entry], first: int) -> None:
        self._pending_bytes -= sum([len(each.payload) for each in group])
        self.outbox.settled(group, first)
        for each in group:
            if each.future is not None and not each.future.done():
                if first:
                    each.future.set_result(None)
                else:
                    each.future.set_exception(LogFull("the disk is full"))
        if not first:
            self._metrics.count("disk_full")
            self._full_until_s = self._loop.time() + FULL_S
            self._wal.delivered = self.outbox.delivered
            if self._wal.free_early():
                self._metrics.count("kept_short")

    def _failed(self, error: Exception) -> None:
        """The disk cannot be trusted any more: acknowledge nothing, and end."""
        if self._broken:
            return
        self._broken = True
        for each in self.outbox.given_up():
            if each.future is not None and not each.future.done():
                each.future.set_exception(LogUnavailable("the disk failed"))
        self._on_fatal(f"the write-ahead log failed: {error}")

    # To the broker

    def _produce(self, entry: Entry) -> bool:
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
        self.outbox.confirmed(entry, good=error is None)
        if not self.outbox.live:
            self._soon()

    def _passed_over(self, entry: Entry, why: str, error: str) -> bool:
        """A record that can never go is set aside, so that those behind it can."""
        self._metrics.count(why)
        logger.error("record %d is %s (%s) and was set aside", entry.seq, why, error)
        self._wal.set_aside(why, entry.seq, entry.payload)
        self._loop.call_soon(partial(self.outbox.confirmed, entry, good=True))
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
            more = self.outbox.pump(PUMP_RECORDS)
        except OSError as error:
            self._failed(error)
            return
        self._metrics.count("drained", self.outbox.drained - self._drained)
        self._drained = self.outbox.drained
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
        if not self.outbox.left:
            return 0.0
        found = self._read_after(self.outbox.delivered).next(self.outbox.delivered + 1)
        if not found:
            return 0.0
        return max(0.0, (self._stamp.now_ms() - event_of(found[0].payload).accepted_at_ms) / 1000)
