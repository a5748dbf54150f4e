"""What each tab was told to show, so that it can be taken off again: bounded, of this process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Set
from typing import Any

from msgspec import Struct

from gateway import present
from gateway.outbox import Frame, frame_of
from gateway.pauses import PAUSED
from schemas.decision import Decision
from schemas.event import Event

TABS_MAX, SLOTS_MAX = 20_000, 16
Tab = tuple[str, str, str]
"""Key of the visitor, session, tab."""


def site_in(user_key: str) -> str:
    """The site whose visitor this is."""
    return user_key.partition(":")[0]


class Told(Struct):
    """Slot -> campaign of a tab, oldest first, and the epoch of the newest."""

    epoch_ms: int = 0
    slots: dict[str, str] = {}


class Shown:
    """The last SLOTS_MAX actions of the TABS_MAX tabs that were told one lately.

    It outlives connections: a tab that comes back still shows what it was told before.
    """

    def __init__(self, tabs_max: int = TABS_MAX) -> None:
        self._tabs: OrderedDict[Tab, Told] = OrderedDict()
        self._tabs_max = tabs_max

    def note(self, decision: Decision) -> None:
        """Its tab is told of this decision; one that shows nothing is no matter."""
        if decision.render is not None or decision.reason == PAUSED:
            tab = (decision.user_key, decision.session_id, decision.tab_id)
            self._note(tab, decision.slot_id, decision.campaign_id, decision.epoch_ms)

    def note_fallback(self, event: Event, frame: dict[str, Any]) -> None:
        """The event's tab is told to show a stand-in."""
        tab = (event.user_key, event.session_id, event.tab_id)
        self._note(tab, frame["slot_id"], frame["campaign_id"], frame["epoch"])

    def _note(self, tab: Tab, slot_id: str, campaign_id: str, epoch_ms: int) -> None:
        told = self._tabs.setdefault(tab, Told())
        told.epoch_ms = epoch_ms
        told.slots[slot_id] = campaign_id
        if len(told.slots) > SLOTS_MAX:
            del told.slots[next(iter(told.slots))]
        self._tabs.move_to_end(tab)
        while len(self._tabs) > self._tabs_max:
            self._tabs.popitem(last=False)

    def of_site(self, site: str) -> list[Tab]:
        """The tabs of a site's visitors."""
        return [tab for tab in self._tabs if site_in(tab[0]) == site]

    def cancels(self, tab: Tab, campaigns: Set[str]) -> list[Frame]:
        """What takes the actions of these campaigns off a tab."""
        told = self._tabs.get(tab)
        if told is None or not campaigns:
            return []
        slots = [slot for slot, each in told.slots.items() if each in campaigns]
        return [frame_of(present.cancel_frames((slot,), 0, told.epoch_ms)[0]) for slot in slots]

    def __len__(self) -> int:
        return len(self._tabs)
