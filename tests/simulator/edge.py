"""A gateway process: the real ingest, de-duplication, write-ahead log, stamp and push hub, around a
disk and a broker in memory.

Fits connectors/ports.py: Front and EventLog. What is modelled here and not the real code: the
thread that groups records, since here each POST is a group.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from connectors.avro import codec
from gateway.connections import Connection
from gateway.dedup import Recent, Verdict
from gateway.held import Held
from gateway.ingest import Accepted, Asked, ingest
from gateway.log import Stamp
from gateway.push import Hub, Welcome
from gateway.wal import DiskFull, Wal
from gateway.wal_courier import Courier, Entry
from gateway.wal_log import event_of, payload_of
from gateway.wal_reader import Reader
from schemas.event import TICK, Event
from schemas.ids import TICK_KEY
from schemas.site import Site
from schemas.topics import DECISIONS
from tests.simulator.disk import MemoryFolder, PowerCut
from tests.simulator.log import PARTITIONS
from tests.simulator.shop import SITE, hop_codecs, registry

if TYPE_CHECKING:
    from tests.simulator.world import World

SKEW_MS_MAX = 15
"""Gateways' clocks agree this well; the job's grace is more than twice as long."""

FIVE_MINUTES_MS = 300_000
FROZEN_MS = 20
"""How long a clock that went back stays so. Stamps stand still then, and with the skew that has to
stay within the grace: beyond it records are disordered, and equal replays are not claimed.
"""

WAL_BYTES_MAX, SEGMENT_BYTES, KEEP_S = 400_000, 8_000, 5.0
PUMP_RECORDS, CONFIRMED_MS_MAX = 64, 6
NO_ANSWER, ACCEPTED, UNAVAILABLE = 0, 202, 503
ASKED = Asked(content_type="application/json", origin="https://shop.example")
DECISION_CODEC = codec(DECISIONS, registry())


@dataclass
class Timer:
    """What a hub cancels."""

    cancelled: bool = False

    def cancel(self) -> None:
        """Do not ring."""
        self.cancelled = True


class Gateway:
    """One process; `restart` is another process at the same address, which knows nothing."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.name = f"g{number}"
        self._skew_ms = world.scheduler.between(0, SKEW_MS_MAX)
        self.life = 0
        hit = world.faults.hit
        self.disk = MemoryFolder(
            full=lambda: hit("disk.full"), cut=lambda: hit("power.cut_in_sync")
        )
        self._begin()

    def _begin(self) -> None:
        self.life += 1
        self._step_ms = 0
        self._stamp = Stamp(self.clock_s)
        self._recent = Recent()
        self.connections: list[Connection] = []
        self.read_to = len(self.world.job.decisions) if self.life > 1 else 0
        self.hub = self._hub()
        self._open()

    def _open(self) -> None:
        """The write-ahead log, and what the broker lacks of it."""
        self.wal = Wal(self.disk, bytes_max=WAL_BYTES_MAX, segment_bytes=SEGMENT_BYTES)
        self.courier = Courier(self.wal.delivered, self._read_after, self._produce, self._now_s)
        self.courier.opened(self.wal.last)
        self.pump()

    def _now_s(self) -> float:
        return self.world.scheduler.now_ms / 1000

    def _read_after(self, seq: int) -> Reader:
        return Reader(self.disk, lambda: self.wal.segments[:], seq)

    def _hub(self) -> Hub:
        return Hub(DECISION_CODEC, self.site_of, self.clock_s, note=self._note, later=self._later)

    def _note(self, event: Event) -> None:
        noted = replace(event, gateway_id=self.name, accepted_at_ms=self._stamp.now_ms())
        durable: Any = Future()
        entry = Entry(payload_of(noted), noted, durable)
        self.courier.offer(entry)
        self._commit([entry])

    def _later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """A timer of this process, which dies with it; at times it runs before any decision."""
        timer, life = Timer(), self.life
        early = self.world.faults.hit("edge.time_out")

        def ring() -> None:
            if life == self.life and not timer.cancelled:
                call()

        self.world.scheduler.later(0 if early else round(delay_s * 1000), ring)
        return timer

    def clock_s(self) -> float:
        """This process's wall clock in seconds."""
        return (self.world.scheduler.now_ms + self._skew_ms + self._step_ms) / 1000

    def clock_back(self) -> None:
        """The wall clock steps back; stamps must not, as the last tick was a moment ago."""
        self._stamp.now_ms()
        self._step_ms = -FIVE_MINUTES_MS
        self.world.scheduler.later(FROZEN_MS, self._clock_right)

    def _clock_right(self) -> None:
        self._step_ms = 0

    def site_of(self, name: str, now_ms: int = 0) -> Site | None:
        """The site's record, which every gateway has read."""
        return self.world.site if name == SITE else None

    def restart(self) -> None:
        """End: sockets break, memory is gone."""
        self.world.scheduler.say(f"{self.name} restarts")
        gone = list(self.connections)
        self._begin()
        for connection in gone:
            self.world.broken(connection)

    def power_cut(self) -> None:
        """The machine is off for a moment: what was not synced is gone, or half there."""
        self.world.scheduler.say(f"{self.name} has no power")
        self.disk.power_cut(lambda loose: self.world.scheduler.between(0, loose))
        self.restart()

    def forget_held(self) -> None:
        """The cache of decisions for those who resume is flushed; sockets stay."""
        self.world.scheduler.say(f"{self.name} forgets what it held")
        self.hub._held, self.hub._held_silent = Held(), Held()

    # Front

    def post(self, body: bytes) -> int:
        """HTTP status of a batch; see Front."""
        now_ms = int(self.clock_s() * 1000)
        result = ingest(body, ASKED, self.site_of, now_ms=now_ms)
        if not isinstance(result, Accepted):
            raise AssertionError(f"an honest client was refused: {result}")
        group = []
        for taken in result.taken:
            key = (result.subject.user_key, taken.event.event_id)
            if self._recent.look(key, taken.digest)[0] is Verdict.NEW:
                durable: Any = Future()
                self._recent.start(key, taken.digest, durable)
                event = replace(taken.event, accepted_at_ms=self._stamp.now_ms())
                entry = Entry(payload_of(event), event, durable)
                self.courier.offer(entry)
                group.append(entry)
        return self._commit(group) if group else ACCEPTED

    def _commit(self, group: list[Entry]) -> int:
        """Make a group durable, as gateway/wal_log.py does; the status of its POST."""
        try:
            first = self.wal.commit([each.payload for each in group])
        except DiskFull:
            first = 0
        except PowerCut:
            self.power_cut()
            return NO_ANSWER
        self.courier.settled(group, first)
        for each in group:
            assert each.future is not None and each.event is not None
            if first:
                each.future.set_result(None)
                self.hub.arm(each.event, self.world.site)
            else:
                each.future.set_exception(OSError("no room"))
        return ACCEPTED if first else UNAVAILABLE

    # To the broker

    def _produce(self, entry: Entry) -> bool:
        if self.world.broker_away:
            return False
        self.append(entry.event or event_of(entry.payload))
        life = self.life
        delay_ms = self.world.scheduler.between(0, CONFIRMED_MS_MAX)
        self.world.scheduler.later(delay_ms, lambda: self._confirmed(entry, life))
        return True

    def _confirmed(self, entry: Entry, life: int) -> None:
        if life == self.life:
            self.courier.confirmed(entry, good=True)

    def pump(self) -> None:
        """Send what waits on the disk."""
        while self.courier.pump(PUMP_RECORDS):
            continue

    @property
    def owes(self) -> bool:
        """Whether the broker lacks something that is durable here."""
        return self.courier.left > 0

    def _keep(self) -> None:
        """The cursor to the disk, and old segments from it."""
        self.wal.delivered = self.courier.delivered
        self.wal.save_cursor()
        self.wal.expire(self._now_s(), KEEP_S)

    # EventLog

    def append(self, event: Event) -> None:
        """Stamp, encode, append; see EventLog."""
        at_ms = self._stamp.now_ms()
        stamped = replace(
            event,
            received_at_ms=at_ms,
            accepted_at_ms=event.accepted_at_ms or at_ms,
            gateway_id=self.name,
        )
        self.world.append(stamped, at_ms)
        if self.world.faults.hit("log.appended_twice"):
            self.world.append(stamped, at_ms)

    def tick(self) -> None:
        """One tick a partition, and what a gateway does now and then; see EventLog."""
        self._keep()
        if self.world.broker_away:
            return
        self.pump()
        at_ms = self._stamp.now_ms()
        tick = Event(internal=TICK, user_key=TICK_KEY, received_at_ms=at_ms, gateway_id=self.name)
        frame = hop_codecs().events.encode(tick)
        for partition in range(PARTITIONS):
            self.world.log.write_to(partition, TICK_KEY.encode(), frame, at_ms)
        self.world.job.wake()

    def stamp_ms(self) -> int:
        """A stamp for a record that is written past the gateway."""
        return self._stamp.now_ms()

    # Pushes

    def follow(self) -> None:
        """Read topic `decisions` to its end."""
        records = self.world.job.decisions
        if self.world.faults.hit("gateway.read_again"):
            self.read_to = max(self.read_to - 3, 0)
        fresh = records[self.read_to :]
        self.read_to = len(records)
        self.hub.take(fresh)

    def attach(self, connection: Connection, last_seq: int, epoch: int | str | None) -> Welcome:
        """A socket says hello."""
        self.connections.append(connection)
        return self.hub.attach(connection, last_seq, epoch)

    def detach(self, connection: Connection) -> None:
        """A socket is gone."""
        self.connections = [each for each in self.connections if each is not connection]
        self.hub.detach(connection)
