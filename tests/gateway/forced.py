"""Visitors whose decisions come too late: the real core and the real hub, timers by hand.

A visitor's events reach the job only some events later, as when it has stalled; until then every
deadline runs out. What is shown comes back as an impression, behind the events that wait.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connectors.avro import codec
from connectors.memory import MemoryRegistry
from gateway.outbox import Frame
from gateway.push import Hub
from gateway.tail import Record
from models.effects import Decide
from models.user import step
from models.why_time_out import TimeOuts, answered_by, time_outs_of
from models.withholding import drawn, withheld
from schemas.decision import Decision
from schemas.event import Event
from schemas.profile import Profile
from schemas.site import Site
from tests.builders import BEGINNING, campaign, context, event, lamp

CAMPAIGNS = (
    campaign("exit", on=("exit_intent",), cap_session=1, holdout_ppm=200_000),
    campaign("cart", on=("add_to_cart",), cap_session=2, cap_day=2, base_ppm=30_000),
    campaign("never", fallback=False, on=("exit_intent",), base_ppm=40_000),
)
STRIP = campaign("strip", placement="bar", fallback=False, on=("product_view",))
CAPS = {each.id: each.cap_session for each in (*CAMPAIGNS, STRIP)}
TYPES = ("page_view", "product_view", "add_to_cart", "exit_intent", "page_view", "ask")
STEP_MS = 4_000


@dataclass
class Timer:
    """A deadline that rings when the test says so."""

    ring: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(eq=False)
class Shown:
    """One visitor: its tab, its state in the job, and what it was shown."""

    user_key: str
    forced: Forced
    session_id: str = "s1"
    tab_id: str = "t1"
    conn_id: str = "c"
    frames: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[Event] = field(default_factory=list)
    log: list[Event] = field(default_factory=list)
    decided: list[Decision] = field(default_factory=list)
    profile: Profile | None = None
    index: int = 0

    def offer(self, frame: Frame) -> None:
        told = msgspec.json.decode(frame.text)
        if told["type"] == "decision":
            self.frames.append(told)
            named = {"slot_id": told["slot_id"], "decision_id": told["decision_id"]}
            self.waiting.append(self.make("impression", source_shown=told["source"], **named))

    def make(self, type_: str, **fields: Any) -> Event:
        at_ms = round(self.forced.now_s * 1000) - BEGINNING
        self.index += 1
        named = {"event_id": f"{self.user_key[-6:]}-{self.index}", "user_key": self.user_key}
        return event(type_, at_ms, self.index, **named, **fields)

    def job(self) -> None:
        """The job catches up with this visitor, and the gateway hears of it."""
        for each in self.waiting:
            self.log.append(each)
            self.profile, effects, _ = step(self.profile, each, self.user_key, self.forced.context)
            made = [effect.decision for effect in effects if isinstance(effect, Decide)]
            self.decided += made
            for decision in made:
                self.forced.put(decision)
        self.waiting.clear()


class Forced:
    """A hub whose clock and timers are held, and its visitors; placement `bar` has no fallback."""

    def __init__(self, seed: int, placements: tuple[str, ...] = ("page",)) -> None:
        self.chance = random.Random(seed)
        self.campaigns = tuple(c for c in (*CAMPAIGNS, STRIP) if c.placement in placements)
        settings = {"holdout_ppm": 150_000, "reserve_micros": 1, "placements": placements}
        self.context = context(*self.campaigns, site=settings)
        self.site: Site = self.context.at("demo", BEGINNING).site  # type: ignore[assignment]
        self.now_s = BEGINNING / 1000
        self.timers: list[Timer] = []
        self.notes: list[Event] = []
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        registry = MemoryRegistry()
        self._writer = codec("decisions", registry)
        self.hub = Hub(
            codec("decisions", registry),
            lambda _name, _now: self.site,
            lambda: self.now_s,
            note=self.notes.append,
            later=self._later,
        )

    def _later(self, _delay_s: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(call))
        return self.timers[-1]

    def put(self, decision: Decision) -> None:
        """One record on topic `decisions`."""
        key = decision.user_key.encode()
        self.hub.take([Record(key, self._writer.encode(decision), {})])

    def run(self, time_outs: int) -> Counter[str]:
        """Visitors come until so many deadlines have run out; what became of them."""
        number = 0
        while len(self.notes) < time_outs:
            self._visit(Shown(f"demo:v:{number:032x}", self))
            number += 1
        self.counts += self.hub.counts
        return self.counts

    def _visit(self, visitor: Shown) -> None:
        self.hub.attach(visitor, 0, None)
        first = len(self.notes)
        for type_ in TYPES:
            self.now_s += STEP_MS / 1000
            asked = visitor.make(type_, product=lamp() if type_ == "add_to_cart" else None)
            visitor.waiting.append(asked)
            self.hub.arm(asked, self.site)
            if self.chance.random() < 0.25:
                visitor.job()
            self.now_s += 0.2
            self.ring()
            if self.chance.random() < 0.6:
                visitor.job()
        visitor.job()
        visitor.job()
        self.hub.detach(visitor)
        self._judge(visitor, self.notes[first:])

    def ring(self) -> None:
        """Every deadline that still runs is over."""
        for timer in self.timers:
            if not timer.cancelled:
                timer.ring()
        self.timers.clear()

    def _judge(self, visitor: Shown, notes: list[Event]) -> None:
        shown = Counter(told["campaign_id"] for told in visitor.frames)
        for name, times in shown.items():
            if times > CAPS[name] > 0:
                self.wrong.append(f"{name} was shown {times} times")
        slots = Counter(told["slot_id"] for told in visitor.frames)
        self.wrong += [f"{slot} was pushed twice" for slot, times in slots.items() if times > 1]
        actions = {each.slot_id for each in visitor.decided if each.render is not None}
        self.wrong += [f"{slot} showed nothing at all" for slot in actions - slots.keys()]
        by_id = {each.id: each for each in self.campaigns}
        for told in visitor.frames:
            self.counts[f"shown {told['source']}"] += 1
            draws = drawn(self.site, visitor.user_key, by_id[told["campaign_id"]])
            if withheld(self.site.mode, draws):
                self.wrong.append(f"{told['campaign_id']} was shown to a holdout")
        for note in notes:
            self._explain(visitor, note)

    def _explain(self, visitor: Shown, note: Event) -> None:
        """Every time-out is found from its event, and from the decision that lent the fallback."""
        log = [*visitor.log, *self.notes[-len(TYPES) :]]
        found = [d for d in visitor.decided if d.trigger.event_id == note.event_id]
        told: TimeOuts = time_outs_of(found[0], log) if found else TimeOuts()
        kind = "showed the fallback" if note.decision_id else "no_fallback"
        if [kind in answered_by(each) for each in told.answered] != [True]:
            self.wrong.append(f"the time-out of {note.event_id} cannot be explained")
        carriers = [d for d in visitor.decided if d.decision_id == note.decision_id]
        if note.decision_id and not any(time_outs_of(d, log).lent for d in carriers):
            self.wrong.append(f"{note.decision_id} does not say whom its fallback stood in for")
