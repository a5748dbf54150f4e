"""One simulated visit: a hidden-state process that emits the events an SDK would send.

The hidden state is (will buy, frustration, fatigue, where the visitor is). Each step draws a move
by the persona's weights, bent by that state; the move puts its events on an agenda with their
client times. Answers to shown actions go on the same agenda, so that indexes grow with time.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from random import Random
from typing import Any
from uuid import UUID

from infra.demo.goods import Item
from infra.demo.moves import Shopping
from infra.demo.persona import MOVES, Persona, Truth

WireEvent = dict[str, Any]

MOVES_MAX = 60
"""A visit ends after this many moves, whoever it is."""

_EXIT_INTENT = 0.4
"""Share of leaving visitors whose pointer goes for the window's edge first."""

_GOES = 0.65
"""Share of those who then really leave, if nothing holds them."""

_SOURCES = {
    "search": {"referrer": "https://www.google.com/search"},
    "social": {"referrer": "https://www.instagram.com/"},
    "referral": {"referrer": "https://deals.example/list"},
    "campaign": {"utm_source": "ads", "utm_medium": "cpc", "utm_campaign": "spring"},
    "email": {"utm_source": "letter", "utm_medium": "email", "utm_campaign": "weekly"},
    "direct": {},
}


class Visitor:
    """A visitor of one persona; pop events in time order, show it decisions in between.

    Deterministic: the same persona, catalogue and seed give the same events, as long as the same
    decisions are shown at the same times. `due` follows a clock, `pop` runs ahead of it.
    """

    def __init__(
        self, persona: Persona, catalogue: Sequence[Item], seed: str, start_ts_ms: int
    ) -> None:
        self._rng = Random(f"visit:{seed}")
        self.persona = persona
        self.visitor_seed = f"{self._rng.getrandbits(128):032x}"
        self.session_id = f"s-{self._rng.getrandbits(64):016x}"
        self.tab_id = "t1"
        self._luck = self._rng.random()
        self.truth = Truth(persona.name, self._luck < persona.will_buy)
        self._lift = 0.0
        self._clicked: dict[str, str] | None = None
        self._shown: set[str] = set()
        self._agenda: list[tuple[int, int, WireEvent | None]] = []
        self._ready: list[WireEvent] = []
        self._order = 0
        self._index = 0
        self._moves = 0
        self._over = self._at_the_door = False
        self.shopping = Shopping(persona, catalogue, self._rng, start_ts_ms)
        source = self._rng.choice(persona.sources)
        self._schedule(self.shopping.land(_SOURCES[source]))

    @property
    def buys(self) -> bool:
        """Whether this visit ends in a purchase, given the actions answered so far."""
        return self._luck < self.persona.will_buy + self._lift

    def next_ts_ms(self) -> int | None:
        """When something is due by the visitor's clock; None when the visit is over."""
        return self._agenda[0][0] if self._agenda else None

    def due(self, now_ms: int) -> list[WireEvent]:
        """The events up to `now_ms`, in the public form.

        What the visitor does next is drawn only when its time has come, so that an action shown
        meanwhile can still change it.
        """
        out = []
        while self._agenda and self._agenda[0][0] <= now_ms:
            ts_ms, _, event = heappop(self._agenda)
            if event is None:
                self._step()
                continue
            self._index += 1
            event_id = str(UUID(int=self._rng.getrandbits(128), version=4))
            named = {"event_id": event_id, "session_index": self._index, "ts": ts_ms}
            out.append({**named, **event})
        return out

    def pop(self) -> WireEvent | None:
        """The next event of a visitor who is shown nothing more; None when the visit is over."""
        while not self._ready and self._agenda:
            self._ready = self.due(self._agenda[0][0])[::-1]
        return self._ready.pop() if self._ready else None

    def show(self, decision: dict[str, Any], now_ms: int) -> None:
        """A pushed decision was rendered at `now_ms`: impression now, an answer a little later."""
        slot_id = decision["slot_id"]
        if slot_id in self._shown or self._over or not decision.get("render"):
            return
        self._shown.add(slot_id)
        outcome = {
            "slot_id": slot_id,
            "decision_id": decision["decision_id"],
            "source_shown": decision["source"],
        }
        painted_ms = now_ms + self._rng.randint(12, 40)
        self._put(painted_ms, {"type": "impression", "painted_at_ms": painted_ms, **outcome})
        response = self.persona.response(decision["action_type"])
        draw = self._rng.random()
        if draw < response.click:
            self._lift = max(self._lift + response.lift, -1.0)
            self._clicked = outcome
            self.shopping.patience += 4
            self._at_the_door = False
            clicked_ms = painted_ms + self._rng.randint(900, 4000)
            self._put(clicked_ms, {"type": "action_click", **outcome})
        elif draw < response.click + response.dismiss:
            self.shopping.annoy(0.15)
            self._put(painted_ms + self._rng.randint(600, 2500), {"type": "dismiss", **outcome})

    def _put(self, ts_ms: int, event: WireEvent | None) -> None:
        self._order += 1
        heappush(self._agenda, (ts_ms, self._order, event))

    def _schedule(self, events: Sequence[tuple[int, WireEvent]]) -> None:
        """Put a move's events on the agenda, and the next move after them (None)."""
        for ts_ms, event in events:
            self._put(ts_ms, event)
        if not self._over:
            self._put(self.shopping.clock_ms, None)

    def _step(self) -> None:
        self._moves += 1
        shopping = self.shopping
        move = self._choose() if self._moves < MOVES_MAX else "leave"
        if move == "leave" and self.buys and not shopping.bought:
            move = "checkout" if shopping.cart else "add" if shopping.product else "product"
        at_the_door, self._at_the_door = self._at_the_door, False
        if at_the_door and self._rng.random() < _GOES:
            move = "leave"
        elif move == "leave" and self._rng.random() < _EXIT_INTENT and self._moves < MOVES_MAX:
            self._at_the_door = True
            self._schedule(shopping.go_to_the_door())
            return
        if move == "leave":
            self._over = True
            self._schedule(shopping.leave())
            return
        events = shopping.perform(move, buys=self.buys)
        if shopping.bought and self._clicked is not None:
            events.append((shopping.clock_ms, {"type": "convert", **self._clicked}))
            self._clicked = None
        self._schedule(events)

    def _choose(self) -> str:
        weights = [self._weight(move) for move in MOVES]
        return self._rng.choices(MOVES, weights)[0] if any(weights) else "leave"

    def _weight(self, move: str) -> float:
        shopping = self.shopping
        weight = self.persona.weights.get(move, 0.0) * 0.8 + _COMMON[move] * 0.2
        if not shopping.possible(move):
            return 0.0
        weight *= 1 + _FRUSTRATED.get(move, 0.0) * shopping.frustration
        if move == "leave":
            weight *= 0.2 + (2.2 * self._moves / shopping.patience) ** 2
            return weight * (8.0 if shopping.bought else 1.0)
        if move in ("add", "cart", "checkout"):
            return 0.0 if shopping.bought else weight * (1.6 if self.buys else 0.7)
        return weight


_COMMON = {
    "category": 2.0, "product": 4.0, "similar": 2.0, "back": 0.8, "search": 1.0, "reword": 0.3,
    "rage": 0.05, "sort": 0.4, "compare": 0.3, "wishlist": 0.2, "add": 0.8, "cart": 0.8,
    "checkout": 0.6, "remove": 0.2, "coupon": 0.2, "leave": 1.0,
}  # fmt: skip
"""What everybody does a little, so that no single move gives a persona away."""

_FRUSTRATED = {"rage": 12.0, "reword": 4.0, "back": 3.0, "leave": 4.0}
"""How many times likelier a move gets at full frustration, minus one."""
