"""Which events are owed a decision, and until when.

80 ms after receipt in the instant class, 180 ms in the standard one. What has no answer by then
is handed over, once.
"""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from schemas.event import INSTANT, Event
from schemas.ids import SlotId, event_slot
from schemas.site import Site

ARMED = frozenset("page_view product_view add_to_cart remove_from_cart exit_intent ask".split())
"""What waits for its answer; a cart change is one that was seen to have an effect."""

PENDING_MAX = 20_000
EARLY_MS = 20
STALE_MS = 30_000


class Timer(Protocol):
    """What `later` returns."""

    def cancel(self) -> None:
        """Do not call."""


def on_loop(delay_s: float, call: Callable[[], None]) -> Timer:
    """A timer of the running event loop."""
    return get_running_loop().call_later(delay_s, call)


Later = Callable[[float, Callable[[], None]], Timer]


class Pending(Struct, eq=False):
    """One event that waits: its slot by placement, and the moment it is over (wall clock)."""

    event: Event
    slots: dict[str, SlotId]
    latency_class: str
    received_ms: float
    due_ms: float
    timer: Timer | None = None


class Deadlines:
    """All events that wait; `over` is called with one whose time is up."""

    def __init__(
        self,
        instant_ms: int,
        standard_ms: int,
        later: Later,
        over: Callable[[Pending], None],
    ) -> None:
        self._instant_ms, self._standard_ms = instant_ms, standard_ms
        self._later, self._over = later, over
        self._by_slot: dict[str, Pending] = {}

    def arm(self, event: Event, site: Site, received_ms: float) -> bool:
        """Begin to wait; False where nothing is owed to this event."""
        stale = event.sent_at_ms - event.ts_ms > STALE_MS
        if event.type not in ARMED or stale or event.bot or len(self._by_slot) >= PENDING_MAX:
            return False
        instant = event.type in INSTANT
        limit_ms = self._instant_ms if instant else self._standard_ms
        if not limit_ms:
            return False
        slots = {
            place: event_slot(site.site, event.user_key, place, event.event_id)
            for place in site.placements
        }
        kind = "instant" if instant else "standard"
        pending = Pending(event, slots, kind, received_ms, received_ms + limit_ms)
        for slot in slots.values():
            self._by_slot[slot] = pending
        pending.timer = self._later(limit_ms / 1000, lambda: self._end(pending))
        return True

    def settle(self, slot_id: str) -> None:
        """The event's answer is here: the records of all its slots are written at once."""
        pending = self._by_slot.get(slot_id)
        if pending is not None:
            self._forget(pending)

    def hurry(self, slot_id: str, now_ms: float) -> None:
        """End it now if its time is as good as up: whoever waited for it goes this moment."""
        pending = self._by_slot.get(slot_id)
        if pending is not None and pending.due_ms <= now_ms + EARLY_MS:
            self._end(pending)

    def _end(self, pending: Pending) -> None:
        if self._forget(pending):
            self._over(pending)

    def _forget(self, pending: Pending) -> bool:
        known = [self._by_slot.pop(slot, None) for slot in pending.slots.values()]
        if pending.timer is not None:
            pending.timer.cancel()
        return any(each is pending for each in known)

    def __len__(self) -> int:
        return len(self._by_slot)
