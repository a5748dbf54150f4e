"""Persona visitors through the gateway, open loop: they act when it is time, not when answered.

Each visitor is one tab of connectors/sdk_client.py. Decision points leave at once and telemetry in
batches, as the SDK does it; a pushed action is shown to the persona, whose answer comes back as
impression, click, dismissal or conversion.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.openloop import Run, Sent
from connectors.sdk_client import Http, Message, Tab, wall_ms
from infra.demo.goods import Item
from infra.demo.persona import Persona, Truth
from infra.demo.personas import choose
from infra.demo.tastes import turned
from infra.demo.visit import Visitor
from schemas.event import DECISION_POINTS, OUTCOMES

EVENTS_A_VISIT = 42
"""Mean over the personas; turns a rate of events into a rate of visitors."""

BATCH_MS = 2_000
BATCH_EVENTS = 10
LAST_ANSWER_S = 1.0
ANNOUNCED = DECISION_POINTS | OUTCOMES
"""Events that never wait for a batch."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who comes, how fast, and for how long. `speed` shortens the visitors' own time.

    Who lands after `turn_s` answers actions otherwise (infra/demo/tastes.py); 0 means never.
    """

    gateway: str
    site: str
    seed: str
    rate: float
    seconds: float
    visitors: int = 0
    speed: float = 1.0
    turn_s: float = 0.0

    def arrivals_s(self) -> Iterator[float]:
        """When each visitor lands, ascending seconds."""
        rng = random.Random(f"arrivals:{self.seed}")
        if self.visitors:
            span_s = self.seconds or self.visitors * EVENTS_A_VISIT / self.rate
            yield from sorted(rng.uniform(0, span_s) for _ in range(self.visitors))
            return
        at_s = 0.0
        while at_s < self.seconds:
            yield at_s
            at_s += rng.expovariate(self.rate / EVENTS_A_VISIT)


@dataclass(slots=True)
class Seen:
    """What came of one visitor; `truth` is what only the simulation knows."""

    truth: Truth
    bought: bool = False
    shown: dict[str, str] = field(default_factory=dict)
    outcomes: list[tuple[str, str]] = field(default_factory=list)


class Simulation:
    """One crowd against a running gateway; `run` is what the replay report reads.

    With `remember` false nothing is kept of what was sent and seen, so that a demo may run for
    weeks; the counters stay.
    """

    def __init__(
        self, crowd: Crowd, catalogue: Sequence[Item], *, remember: bool, run: Run | None = None
    ) -> None:
        self.crowd, self.catalogue, self.remember = crowd, catalogue, remember
        self.run = run or Run()
        self.seen: list[Seen] = []
        self.landed = 0
        self._rng = random.Random(f"personas:{crowd.seed}")
        self._tasks: set[asyncio.Task[None]] = set()

    async def play(self) -> None:
        """Let the crowd come and go; ends when the last visit is over."""
        self.run.started_ms = wall_ms()
        async with Http(self.crowd.gateway) as http:
            for at_s in self.crowd.arrivals_s():
                await _until(self.run.started_ms + at_s * 1000)
                self._land(http)
            await asyncio.gather(*self._tasks)
        self.run.ended_ms = wall_ms()

    def _land(self, http: Http) -> None:
        name = f"{self.crowd.seed}:{self.landed}"
        visitor = Visitor(self._persona(), self.catalogue, name, int(wall_ms()))
        seen = Seen(visitor.truth)
        number = self.landed if self.remember else 0
        self.landed += 1
        if self.remember:
            self.seen.append(seen)
        if number == len(self.run.users):
            self.run.users.append(None)
        task = asyncio.create_task(self._visit(http, number, visitor, seen))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _persona(self) -> Persona:
        since_s, persona = (wall_ms() - self.run.started_ms) / 1000, choose(self._rng)
        return turned(persona) if 0 < self.crowd.turn_s <= since_s else persona

    async def _visit(self, http: Http, number: int, visitor: Visitor, seen: Seen) -> None:
        crowd, begun_ms = self.crowd, wall_ms()
        woken = asyncio.Event()

        def virtual_ms() -> int:
            return int(begun_ms + (wall_ms() - begun_ms) * crowd.speed)

        def heard(message: Message, arrived_ms: float) -> None:
            self._heard(seen, visitor, message, arrived_ms, virtual_ms())
            woken.set()

        tab = Tab(
            http, crowd.site, seed=visitor.visitor_seed,
            session_id=visitor.session_id, tab_id=visitor.tab_id, on_message=heard,
        )  # fmt: skip
        outbox = Outbox(self.run, tab, number, crowd.site, remember=self.remember)
        while (next_ms := _earliest(visitor.next_ts_ms(), outbox.flush_at_ms)) is not None:
            await _woken(woken, (next_ms - virtual_ms()) / 1000 / crowd.speed)
            for event in visitor.due(virtual_ms()):
                _note(seen, event)
                outbox.add(event)
            await outbox.send(virtual_ms())
        await asyncio.sleep(LAST_ANSWER_S)
        tab.close()

    def _heard(
        self, seen: Seen, visitor: Visitor, message: Message, arrived_ms: float, now_ms: int
    ) -> None:
        run = self.run
        run.socket_messages += 1
        if message.get("type") != "decision":
            return
        if self.remember:
            run.socket_repeats += message["slot_id"] in run.socket_ms
            run.socket_ms.setdefault(message["slot_id"], arrived_ms)
        if message["action_type"] != "none":
            seen.shown[message["slot_id"]] = message["action_type"]
            visitor.show(message, now_ms)


class Outbox:
    """Telemetry waits up to two seconds; a decision point or an outcome takes it along at once."""

    def __init__(self, run: Run, tab: Tab, number: int, site: str, *, remember: bool) -> None:
        self._run, self._tab, self._number, self._site = run, tab, number, site
        self._remember = remember
        self._waiting: list[tuple[Message, Sent]] = []
        self._urgent = False

    @property
    def flush_at_ms(self) -> int | None:
        """When the oldest waiting event has to leave, by the visitor's clock."""
        return int(self._waiting[0][0]["ts"]) + BATCH_MS if self._waiting else None

    def add(self, event: Message) -> None:
        """Take one event."""
        sent = Sent(event["event_id"], event["type"], wall_ms(), self._number)
        if self._remember:
            self._run.sent.append(sent)
        self._waiting.append((event, sent))
        self._urgent = self._urgent or event["type"] in ANNOUNCED

    async def send(self, now_ms: int) -> None:
        """Post what has to leave, then hold the socket that the answer's token opens."""
        due = self.flush_at_ms
        full = len(self._waiting) >= BATCH_EVENTS
        if due is None or not (self._urgent or full or now_ms >= due):
            return
        batch, self._waiting, self._urgent = self._waiting, [], False
        answer = await self._tab.post([event for event, _ in batch], now_ms)
        status = 0 if answer is None else answer["status"]
        self._run.statuses[status] = self._run.statuses.get(status, 0) + 1
        if answer is None:
            return
        for _, sent in batch:
            sent.answered = True
        self._run.accepted += answer.get("accepted", 0)
        self._run.gateway_duplicates += answer.get("duplicates", 0)
        self._run.rejected += len(answer.get("rejected") or [])
        if self._tab.visitor_id and self._run.users[self._number] is None:
            self._run.users[self._number] = f"{self._site}:v:{self._tab.visitor_id}"
        try:
            await self._tab.listen()
        except aiohttp.ClientError:
            return  # The next post tries again; a shop visitor without a socket still shops.


def _note(seen: Seen, event: dict[str, Any]) -> None:
    if event["type"] == "purchase":
        seen.bought = True
    if event["type"] in OUTCOMES:
        seen.outcomes.append((event["type"], seen.shown.get(event["slot_id"], "")))


def _earliest(*times_ms: int | None) -> int | None:
    known = [each for each in times_ms if each is not None]
    return min(known) if known else None


async def _woken(event: asyncio.Event, wait_s: float) -> None:
    """Wait, but no longer than until something was heard."""
    event.clear()
    try:
        await asyncio.wait_for(event.wait(), max(wait_s, 0.0))
    except TimeoutError:
        return


async def _until(at_ms: float) -> None:
    await asyncio.sleep(max((at_ms - wall_ms()) / 1000, 0))
