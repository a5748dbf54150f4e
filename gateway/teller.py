"""What a client may see of a decision at the moment of its push; nothing past its expiry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from gateway import present
from gateway.arrived import Arrived
from gateway.outbox import Frame, frame_of
from schemas.decision import Decision
from schemas.site import FULL, Site

PROBE = "probe"
Observe = Callable[[Decision, dict[str, Any], float], None]


class Teller:
    """Decisions as messages; `observe` hears of each action that is told."""

    def __init__(
        self,
        site_of: Callable[[str, int], Site | None],
        clock: Callable[[], float],
        observe: Observe,
        counts: Counter[str],
    ) -> None:
        self._site_of, self._clock, self._observe = site_of, clock, observe
        self._counts = counts

    def frame(self, arrived: Arrived) -> Frame | None:
        """An action that is still good, or for a full site why there is none."""
        told = self.told(arrived)
        return None if told is None else frame_of(told)

    def told(self, arrived: Arrived) -> dict[str, Any] | None:
        """The same before it is encoded."""
        decision, ledger = arrived.decision, arrived.ledger
        now_ms = self._clock() * 1000
        site = self._site_of(decision.site, int(now_ms))
        if site is None or decision.reason == PROBE:
            return None
        if decision.render is not None:
            if decision.expires_at_ms <= now_ms:
                self._counts["expired"] += 1
                return None
            self._observe(decision, ledger, now_ms)
            return present.decision_frame(decision, site, ledger, now_ms=now_ms)
        if site.push == FULL:
            return present.none_frame(decision, ledger, now_ms=now_ms)
        return None

    def is_full(self, site_id: str) -> bool:
        """Whether this site is told why nothing shows; an unknown one may come to be."""
        site = self._site_of(site_id, int(self._clock() * 1000))
        return site is None or site.push == FULL
