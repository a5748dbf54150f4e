"""What answered each slot first, and which fallbacks were used: bounded memories of this process.

| answered by   | a decision that comes later                                             |
| the decision  | is counted `superseded`                                                 |
| a fallback    | is counted `late` and logged, never rendered on top                     |
| no_fallback   | is still shown, counted `late_shown`: there is nothing to put it on top of |
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict

from gateway.present import FALLBACK, NO_FALLBACK

logger = logging.getLogger(__name__)
SLOTS_MAX, CARRIERS_MAX = 50_000, 10_000
DECISION = "decision"


class Answers:
    """The first answer of a slot wins."""

    def __init__(self, counts: Counter[str]) -> None:
        self._slots: OrderedDict[str, str] = OrderedDict()
        self._carriers: OrderedDict[str, None] = OrderedDict()
        self._counts = counts

    def by(self, slot_id: str) -> str:
        """Who answered this slot; empty while nobody did."""
        return self._slots.get(slot_id, "")

    def decided(self, slot_id: str, *, shows: bool) -> bool:
        """A decision is here: whether it is the slot's answer."""
        before = self.by(slot_id)
        if before == FALLBACK:
            self._counts["late"] += 1
            logger.info("late: slot %s was answered by a fallback", slot_id)
            return False
        if before == DECISION:
            self._counts["superseded"] += 1
            return False
        if before == NO_FALLBACK:
            self._counts["late_shown" if shows else "late"] += 1
        self.note(slot_id, DECISION)
        return True

    def note(self, slot_id: str, by: str) -> None:
        """This slot has its answer."""
        self._slots[slot_id] = by
        while len(self._slots) > SLOTS_MAX:
            self._slots.popitem(last=False)

    @property
    def carriers(self) -> OrderedDict[str, None]:
        """The decisions whose fallbacks were used."""
        return self._carriers

    def use(self, decision_id: str) -> None:
        """The fallback of this decision is used up."""
        self._carriers[decision_id] = None
        while len(self._carriers) > CARRIERS_MAX:
            self._carriers.popitem(last=False)
