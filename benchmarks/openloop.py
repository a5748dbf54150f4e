"""Recorded visitors through the gateway, open loop: sent when due, not when the last one came back.

Every event has its time from a schedule made beforehand. Latency counts from that time to the
arrival of the action at the visitor's socket, or of the decision record when it is a "none", and
an answer that never comes is infinite.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import merge

from confluent_kafka import Producer

from benchmarks.resend import Resender, producer_of
from connectors.avro import HEADER_BYTES, BadFrame, Codec, RegistryClient, codec
from connectors.datasets import Visit
from connectors.sdk_client import Http, Message, Tab, wall_ms
from connectors.topic_tail import Tailed, TopicTail
from schemas.decision import Counts
from schemas.event import DECISION_POINTS, PROBE, Event
from schemas.ids import event_slot
from schemas.topics import DECISIONS, EVENTS

SETTLE_S = 60.0
LAST_ANSWER_S = 20.0
"""A visitor stays at most this long after the last event for its answer to arrive."""

RESEND_WAIT_MS = 50
"""A re-send need not come at once."""

SLOT_AT = slice(HEADER_BYTES + 1, HEADER_BYTES + 35)
"""Where a decision's frame holds its slot_id: the first field, behind one byte of length."""

SESSIONS_PER_S = 4.0
"""At recorded spacing, visits begin this often (virtual time)."""

MEAN_VISITS = 4
"""At a fixed rate, visits begin evenly over this many mean lengths of a visit: visitors come and go
all along, as in a shop, instead of coming all at the beginning."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One replay. `rate` (events a second) and `speed` (x recorded time) exclude each other."""

    gateway: str
    brokers: str
    registry: str
    site: str
    rate: float | None
    speed: float | None
    resend: float
    shuffle: int
    seed: int
    run: str = ""
    """Part of every visitor and event id, so that two replays on one stack are two crowds."""


@dataclass(slots=True)
class Sent:
    """One event on its way; `due_ms` is when it should leave, by this machine's clock."""

    event_id: str
    type: str
    due_ms: float
    visit: int
    answered: bool = False


@dataclass(slots=True)
class Run:
    """All that was seen of one replay."""

    sent: list[Sent] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    accepted: int = 0
    gateway_duplicates: int = 0
    rejected: int = 0
    resent: int = 0
    users: list[str | None] = field(default_factory=list)
    socket_ms: dict[str, float] = field(default_factory=dict)
    socket_messages: int = 0
    socket_repeats: int = 0
    decisions: list[Tailed] = field(default_factory=list)
    slots: set[str] = field(default_factory=set)
    probes: dict[str, str] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)
    started_ms: float = 0.0
    ended_ms: float = 0.0


def schedule(visits: list[Visit], settings: Settings) -> list[list[tuple[float, int, Message]]]:
    """Per visit its events as (seconds after the start, client ts offset in ms, wire event)."""
    apart_ms = _apart_ms(visits, settings)
    starts_ms = [visit.starts_ms or int(number * apart_ms) for number, visit in enumerate(visits)]
    timed = [
        [(start + event.at_ms, number, index) for index, event in enumerate(visit.events)]
        for number, (visit, start) in enumerate(zip(visits, starts_ms, strict=True))
    ]
    out: list[list[tuple[float, int, Message]]] = [[] for _ in visits]
    rng = random.Random(f"{settings.seed}-{settings.run}")
    for rank, (at_ms, number, index) in enumerate(merge(*timed)):
        due_s = rank / settings.rate if settings.rate else at_ms / 1000 / (settings.speed or 1.0)
        fields = visits[number].events[index].fields
        event_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        out[number].append((due_s, at_ms, {"event_id": event_id, "session_index": index, **fields}))
    return [_shuffled(events, settings.shuffle, rng) for events in out]


def _apart_ms(visits: list[Visit], settings: Settings) -> float:
    """Virtual time between the beginnings of two visits."""
    if not settings.rate:
        return 1000 / SESSIONS_PER_S
    lengths_ms = [visit.events[-1].at_ms for visit in visits if visit.events]
    return MEAN_VISITS * sum(lengths_ms) / max(len(lengths_ms), 1) / len(visits)


def _shuffled(
    events: list[tuple[float, int, Message]], window: int, rng: random.Random
) -> list[tuple[float, int, Message]]:
    """Events reordered within windows of `window`; times of leaving keep their places."""
    if window < 2:
        return events
    out = []
    for at in range(0, len(events), window):
        part = events[at : at + window]
        mixed = rng.sample(part, len(part))
        out += [(due[0], *event[1:]) for due, event in zip(part, mixed, strict=True)]
    return out


class Replay:
    """One open-loop run against a running stack.

    `on_settled` is called when all was sent and answered, before users are asked for counts.
    """

    def __init__(
        self,
        settings: Settings,
        visits: list[Visit],
        on_settled: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings, self.visits = settings, visits
        self._on_settled = on_settled
        registry = RegistryClient(settings.registry)
        self.events: Codec[Event] = codec(EVENTS, registry)
        self.decisions = codec(DECISIONS, registry)
        self.run = Run(users=[None] * len(visits))
        self._arrived = threading.Event()

    async def play(self) -> Run:
        """Send everything, wait for what is on its way, ask each user for the counts."""
        run, settings = self.run, self.settings
        tail = TopicTail(settings.brokers, DECISIONS, self._decided).start()
        resender = Resender(
            settings.brokers,
            settings.resend,
            settings.seed,
            codec(EVENTS, RegistryClient(settings.registry)),
        )
        events_tail = None
        if settings.resend:
            events_tail = TopicTail(settings.brokers, EVENTS, resender, RESEND_WAIT_MS).start()
        try:
            await self._send_all()
            await asyncio.sleep(0.5)
            run.ended_ms = wall_ms()
        finally:
            if events_tail is not None:
                await asyncio.to_thread(events_tail.stop)
        run.resent = await asyncio.to_thread(resender.flush)
        await asyncio.to_thread(self._on_settled)
        await asyncio.to_thread(self._probe)
        await asyncio.to_thread(tail.stop)
        return run

    def _decided(self, record: Tailed) -> None:
        """In the reading thread: keep the record; while probing, look for answers."""
        run = self.run
        run.decisions.append(record)
        run.slots.add((record.value or b"")[SLOT_AT].decode("ascii", "replace"))
        if not run.probes:
            return
        try:
            decision = self.decisions.decode(record.value)
        except BadFrame:
            return
        if decision.trigger.event_id in run.probes:
            run.counts[decision.user_key] = decision.counts
            self._arrived.set()

    def _heard(self, message: Message, arrived_ms: float) -> None:
        self.run.socket_messages += 1
        if message.get("type") == "decision":
            self.run.socket_repeats += message["slot_id"] in self.run.socket_ms
            self.run.socket_ms.setdefault(message["slot_id"], arrived_ms)

    async def _send_all(self) -> None:
        plan = schedule(self.visits, self.settings)
        # Next to nothing dies before the end, and a collection would hold the schedule up by
        # 60 to 100 ms: latency that is the generator's own.
        gc.disable()
        async with Http(self.settings.gateway) as http:
            self.run.started_ms = wall_ms() + 500
            await asyncio.gather(
                *(self._visit(http, number, events) for number, events in enumerate(plan))
            )
            await asyncio.sleep(1.0)
        gc.enable()

    async def _visit(
        self, http: Http, number: int, events: list[tuple[float, int, Message]]
    ) -> None:
        visit, settings = self.visits[number], self.settings
        tab = Tab(
            http,
            settings.site,
            seed=hashlib.sha256(f"{visit.seed}{settings.run}".encode()).hexdigest()[:32],
            session_id=f"{visit.session_id}{settings.run}",
            on_message=self._heard,
        )
        for due_s, ts_offset_ms, event in events:
            sent = Sent(
                event["event_id"], event["type"], self.run.started_ms + due_s * 1000, number
            )
            self.run.sent.append(sent)
            await asyncio.sleep(max((sent.due_ms - wall_ms()) / 1000, 0))
            ts_ms = int(self.run.started_ms) + ts_offset_ms
            self._note(sent, await tab.post([{**event, "ts": ts_ms}], ts_ms))
            if tab.visitor_id and self.run.users[number] is None:
                self.run.users[number] = f"{settings.site}:v:{tab.visitor_id}"
            await tab.listen()
        await self._last_answer(number, events[-1][2])
        tab.close()

    async def _last_answer(self, number: int, event: Message) -> None:
        """Stay until the last decision point was answered, and a moment for the socket."""
        slot = event_slot(
            self.settings.site, self.run.users[number] or "", "page", event["event_id"]
        )
        ends = wall_ms() + LAST_ANSWER_S * 1000
        while event["type"] in DECISION_POINTS and slot not in self.run.slots and wall_ms() < ends:
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)

    def _note(self, sent: Sent, answer: Message | None) -> None:
        run = self.run
        status = 0 if answer is None else answer["status"]
        run.statuses[status] = run.statuses.get(status, 0) + 1
        if answer is None:
            return
        sent.answered = True
        run.accepted += answer.get("accepted", 0)
        run.gateway_duplicates += answer.get("duplicates", 0)
        run.rejected += len(answer.get("rejected") or [])

    def _probe(self) -> None:
        """Ask every user for the counts; waits until all have answered or SETTLE_S is over."""
        producer = producer_of(self.settings.brokers)
        # A cold producer would hold the first probes back beyond the log's grace.
        producer.list_topics(EVENTS, timeout=10)
        for user in self.run.users:
            if user is not None:
                event_id = str(uuid.uuid4())
                self.run.probes[event_id] = user
                self._produce_probe(producer, user, event_id)
        producer.flush(30)
        deadline_ms = wall_ms() + SETTLE_S * 1000
        while wall_ms() < deadline_ms and len(self.run.counts) < len(self.run.probes):
            self._arrived.wait(0.2)
            self._arrived.clear()

    def _produce_probe(self, producer: Producer, user: str, event_id: str) -> None:
        now = int(wall_ms())
        probe = Event(
            event_id=event_id,
            internal=PROBE,
            site=self.settings.site,
            user_key=user,
            ts_ms=now,
            sent_at_ms=now,
            received_at_ms=now,
            accepted_at_ms=now,
        )
        producer.produce(EVENTS, self.events.encode(probe), user.encode(), timestamp=now)
        producer.poll(0)
