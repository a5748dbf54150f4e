"""A world: one seed, one shop, some visitors, two gateways, one log, one job, and what goes wrong.

world = World(seed)
world.run()            # raises Violation
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from jobs.settings import GRACE_MS
from models.context import Context
from schemas.campaign import Campaigns
from schemas.event import Event
from schemas.ids import USER_KEY
from schemas.site import Site
from tests.simulator import poison, replays, shop
from tests.simulator.edge import Gateway
from tests.simulator.faults import Faults
from tests.simulator.invariants import Checks, Violation
from tests.simulator.job import Job
from tests.simulator.log import MemoryLog
from tests.simulator.scheduler import Scheduler
from tests.simulator.visitors import Visitor

TICK_MS = 250
"""Production ticks more often; each deadline is then late by as much more."""

EFFECTIVE_AFTER_MS = 1_000
STEPS_MAX = 60_000
FORGOTTEN_MS = 31 * 24 * 3600 * 1000
FRESH_MS_MAX = 3_500
"""After the last fault: the longest stall and the longest restart, and half a second; see I9."""

IDLE_MS = 1_000
AWAY_MS_MAX = 1_500


class World:
    """Everything of one seed; nothing outside it is read but the code and the shipped model."""

    def __init__(self, seed: int, *, trace: bool = False) -> None:
        self.seed = seed
        self.scheduler = Scheduler(seed, trace=trace)
        self.faults = Faults(self.scheduler.chance)
        self.log = MemoryLog()
        self.checks = Checks(self)
        self.control: list[tuple[str, Any]] = []
        self.catalogues: dict[int, Campaigns] = {}
        for topic, record in shop.first_records(self.scheduler):
            self._control(topic, record)
        self.site: Site = self.control[0][1]
        self.refused: set[tuple[int, int]] = set()
        self._ids = 0
        self._in_log: set[tuple[str, str]] = set()
        self._acknowledged: set[tuple[str, str]] = set()
        self.broker_away = False
        self._asked: dict[str, int] = {}
        self.job = Job(self)
        self.gateways = [Gateway(self, number) for number in range(2)]
        self.visitors = [Visitor(self, number) for number in range(self.scheduler.between(2, 3))]
        self._told = False
        self._over = False

    # Running

    def run(self) -> None:
        """Live through the seed, calm down, and check everything. Raises Violation."""
        for visitor in self.visitors:
            self.scheduler.later(self.scheduler.between(0, 3_000), visitor.arrive)
        self.scheduler.later(0, self._tick, idle=True)
        self.scheduler.later(500, self._nemesis, idle=True)
        for _ in range(self.scheduler.between(0, 3)):
            self.scheduler.later(self.scheduler.between(500, 12_000), self._publish)
        self._until(lambda: all(visitor.gone for visitor in self.visitors))
        self._calm()
        self._ended()

    def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            if self.scheduler.steps > STEPS_MAX:
                raise Violation("I9 live", f"not done after {STEPS_MAX} steps")
            if not self.scheduler.step():
                raise Violation("I9 live", "nothing is left to happen")

    def _calm(self) -> None:
        """I9: no fault from now on; every visitor asks once more and is answered in time."""
        scheduler = self.scheduler
        self.faults.quiet = True
        scheduler.say("faults stop")
        since_ms = scheduler.now_ms
        asked = []
        for visitor in self.visitors:
            for tab in visitor.tabs:
                tab.online()
            tab = visitor.tabs[0]
            tab.connect()
            asked.append(tab.track("page_view")["event_id"])
        self._until(lambda: self._answered(asked) or scheduler.now_ms > since_ms + FRESH_MS_MAX)
        if not self._answered(asked):
            raise Violation("I9 live", f"no fresh decision within {FRESH_MS_MAX} ms")
        self._until(lambda: not self._busy())
        self._over = True
        self._until(lambda: self.scheduler.next_ms() is None and not self._busy())

    def _answered(self, asked: list[str]) -> bool:
        found = {each.trigger.event_id for each in self.checks.decided.values()}
        return found.issuperset(asked)

    def _busy(self) -> bool:
        return (
            self.job.lag() > 0
            or not self.job.up
            or any(gateway.owes for gateway in self.gateways)
            or any(tab.queue for visitor in self.visitors for tab in visitor.tabs)
        )

    def _ended(self) -> None:
        """What is checked over the whole log, then what is left after everybody stayed away."""
        self.job.catch_up()
        self._check_durable()
        self.checks.poisoned(self.refused)
        replays.check_replay(self, self.seed)
        replays.check_fold(self)
        job = self.job.local
        # Equality of replays is claimed for such logs only.
        assert not job.meter.counts["disordered"], "a gateway stamped into the past"
        job.advance(self.scheduler.now_ms + FORGOTTEN_MS)
        if job.states or job.timers:
            raise Violation("I10 bounded", f"left behind: {list(job.states)} {job.timers}")

    # Time

    def _tick(self) -> None:
        """The gateways' ticks; long pauses in which nothing can happen are left out."""
        if self._over:
            return
        for gateway in self.gateways:
            gateway.tick()
        delay_ms = TICK_MS
        wakes = [self.scheduler.next_ms()]
        if self.job.local.timers:
            wakes.append(self.job.local.timers[0][0] + GRACE_MS)
        soonest = min((each for each in wakes if each is not None), default=0)
        if soonest - self.scheduler.now_ms > IDLE_MS:
            delay_ms = soonest - self.scheduler.now_ms - TICK_MS
        self.scheduler.later(delay_ms, self._tick, idle=True)

    def _nemesis(self) -> None:
        """What goes wrong by itself, twice a second."""
        if self.faults.quiet:
            return
        self._visit_gateways()
        if not self.broker_away and self.faults.hit("log.unavailable"):
            self._lose_broker()
        poison.spoil(self)
        waits = self.scheduler.next_ms()
        pause_ms = 500 if waits is None else max(500, waits - self.scheduler.now_ms)
        self.scheduler.later(pause_ms, self._nemesis, idle=True)

    def _lose_broker(self) -> None:
        self.scheduler.say("the broker is away")
        self.broker_away = True
        away_ms = self.scheduler.between(100, AWAY_MS_MAX)
        self.scheduler.later(away_ms, self._broker_is_back)
        for gateway in self.gateways:
            if self.faults.hit("power.cut"):
                self.scheduler.later(away_ms - 1, gateway.power_cut)

    def _broker_is_back(self) -> None:
        self.broker_away = False
        for gateway in self.gateways:
            gateway.pump()

    def _visit_gateways(self) -> None:
        for gateway in self.gateways:
            if self.faults.hit("gateway.restart"):
                gateway.restart()
            if self.faults.hit("gateway.clock_back"):
                gateway.clock_back()
            if self.faults.hit("cache.flushed"):
                gateway.forget_held()

    # Control topics

    def _control(self, topic: str, record: Any) -> Any:
        """Write a control record through its real codec; what readers get."""
        codec = shop.control_codec(topic)
        made = codec.decode(codec.encode(record))
        self.control.append((topic, made))
        if topic == "campaigns":
            self.catalogues.setdefault(made.version, made)
        return made

    def _publish(self) -> None:
        """A catalogue or a model as a new version, in force a second from now."""
        scheduler, faults = self.scheduler, self.faults
        if faults.quiet:
            return
        effective_at_ms = scheduler.now_ms + EFFECTIVE_AFTER_MS
        topic = scheduler.chance.choice(("campaigns", "campaigns", "models"))
        version = 1 + sum(
            1 for name in {(t, r.version) for t, r in self.control} if name[0] == topic
        )
        record: Any
        if topic == "models":
            record = replace(shop.shipped(), version=version, effective_at_ms=effective_at_ms)
        elif faults.hit("control.poison"):
            record = shop.refused_catalogue(version, effective_at_ms)
        else:
            which = 0 if faults.hit("control.rolled_back") else version
            record = shop.catalogue(which, version, effective_at_ms)
        scheduler.say(f"{topic} version {version} is published")
        self._send_control(topic, record)
        if faults.hit("control.published_twice"):
            self._send_control(topic, record)

    def _send_control(self, topic: str, record: Any) -> None:
        made = self._control(topic, record)
        late = self.faults.hit("control.slow")
        delay_ms = self.scheduler.between(1, EFFECTIVE_AFTER_MS - 50 if late else 20)
        self.scheduler.later(
            delay_ms, lambda: self.take_control(self.job.local.context, topic, made)
        )

    def take_control(self, context: Context, topic: str, record: Any) -> None:
        """What the job does with a control record: one that it refuses changes nothing."""
        try:
            context.add(topic, record)
        except Exception as failure:
            self.scheduler.say(f"refused: {failure}")

    def context(self) -> Context:
        """A context with every record of the control topics."""
        made = shop.empty_context()
        for topic, record in self.control:
            self.take_control(made, topic, record)
        return made

    # The log and who follows it

    def append(self, event: Event, at_ms: int) -> None:
        """A gateway appends an event."""
        self.log.write(event.user_key.encode(), shop.hop_codecs().events.encode(event), at_ms)
        if not event.internal:
            self._in_log.add((event.user_key, event.event_id))
        self.job.wake()

    def acknowledged(self, key: str, event_id: str) -> None:
        """A client was told that this is durable; I1 holds the world to it at the end."""
        self._acknowledged.add((key, event_id))

    def _check_durable(self) -> None:
        lost = sorted(self._acknowledged - self._in_log)
        if lost:
            key, event_id = lost[0]
            raise Violation("I1 durable", f"{event_id} of {key} was acknowledged and is nowhere")

    def tell_gateways(self) -> None:
        """There are decisions to read."""
        for gateway in self.gateways:
            self.scheduler.later(self.scheduler.between(1, 8), gateway.follow)

    def any_gateway(self) -> Gateway:
        """The one that a load balancer would choose."""
        return self.scheduler.chance.choice(self.gateways)

    def broken(self, connection: Any) -> None:
        """A socket broke: its tab comes back a little later, with what it has seen."""
        tab = connection.tab
        if tab.socket is connection:
            tab.socket = None
            self.scheduler.later(self.scheduler.between(10, 500), tab.connect)

    def new_id(self) -> str:
        """An event id, which no chance may repeat."""
        self._ids += 1
        return f"e{self.seed}-{self._ids}"

    def is_user(self, key: str) -> bool:
        """Whether state is kept under this key."""
        return USER_KEY.fullmatch(key) is not None
