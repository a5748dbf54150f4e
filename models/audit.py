"""10 Audit: what a catalogue would have done on recorded traffic, added up user by user.

Nobody was shown anything: the log is what visitors did without us. So what they bought they bought
anyway, and whatever a discount would have given to them is given away; what an action would have
added cannot be read from such a log at all (models/audit_size.py says what a test would take).

Tallies merge in any order, so that shares of the users can be counted by several processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct, field

from models.coverage import Coverage
from schemas.campaign import Campaign
from schemas.decision import Decision
from schemas.event import PURCHASE, Event, order_of

WINDOW_MS = 24 * 3600 * 1000
"""A purchase belongs to what would have been shown within so long before it."""

FIRED = frozenset(("won", "withheld", "explored"))
DISCOUNT = "discount_popup"


class Effect(Struct):
    """One campaign's moments. `buyers` are reached visitors who bought within the window.

    `order_micros` is what these bought for in that window. `prior_ppm` is the campaign's own
    expectation, an assumption, summed over those visitors whose very first moment was its own.
    """

    fired: int = 0
    visitors: int = 0
    buyers: int = 0
    orders: int = 0
    order_micros: int = 0
    prior_ppm: int = 0

    def merge(self, other: Effect) -> None:
        """Add another share's."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Audit(Struct):
    """The whole of a log; money in micros of the site's currency, times in epoch ms."""

    coverage: Coverage
    events: int = 0
    bad: int = 0
    visitors: int = 0
    sessions: int = 0
    orders: int = 0
    order_micros: int = 0
    first_ms: int = 0
    last_ms: int = 0
    any: Effect = field(default_factory=Effect)
    campaigns: dict[str, Effect] = field(default_factory=dict)
    moments: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add_user(self, events: Sequence[Event], decisions: Sequence[Decision]) -> None:
        """Count one user: all events in log order, and what would have been decided."""
        if not events:
            return
        bought = _orders(events)
        self.events += len(events)
        self.visitors += 1
        self.sessions += len({each.session_id for each in events})
        self.orders += len(bought)
        self.order_micros += sum(worth for _, worth in bought)
        self._span(events[0].received_at_ms, events[-1].received_at_ms)
        fired = [each for each in decisions if each.reason in FIRED and each.campaign_id]
        for each in decisions:
            self.coverage.add(each)
        self.moments.update((each.stage, each.trigger.kind) for each in fired)
        _count(self.any, fired, bought)
        for name in {each.campaign_id for each in fired}:
            own = [each for each in fired if each.campaign_id == name]
            _count(self.campaigns.setdefault(name, Effect()), own, bought)
        if fired:
            first = min(fired, key=lambda each: each.decided_at_ms)
            quality_ppm = first.candidates[0].quality_ppm if first.candidates else 0
            self.campaigns[first.campaign_id].prior_ppm += quality_ppm

    def _span(self, first_ms: int, last_ms: int) -> None:
        self.first_ms = min(self.first_ms, first_ms) if self.first_ms else first_ms
        self.last_ms = max(self.last_ms, last_ms)

    def merge(self, other: Audit) -> None:
        """Add another share's users."""
        self.coverage.merge(other.coverage)
        for name in ("events", "bad", "visitors", "sessions", "orders", "order_micros"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.events:
            self._span(other.first_ms, other.last_ms)
        self.any.merge(other.any)
        for name, effect in other.campaigns.items():
            self.campaigns.setdefault(name, Effect()).merge(effect)
        self.moments.update(other.moments)


def _orders(events: Sequence[Event]) -> list[tuple[int, int]]:
    """(engine time, worth in micros) of each order; the first telling of it counts."""
    orders: dict[str, tuple[int, int]] = {}
    for each in events:
        if each.type == PURCHASE:
            worth = each.received_at_ms, each.value_micros or 0
            orders.setdefault(order_of(each) or each.event_id, worth)
    return list(orders.values())


def _count(effect: Effect, fired: Sequence[Decision], bought: Sequence[tuple[int, int]]) -> None:
    """Add one user's moments; intention to treat: from the first moment on, whatever came."""
    if not fired:
        return
    shown = [each.decided_at_ms for each in fired]
    after = [
        worth
        for at_ms, worth in bought
        if any(moment < at_ms <= moment + WINDOW_MS for moment in shown)
    ]
    effect.fired += len(fired)
    effect.visitors += 1
    effect.buyers += bool(after)
    effect.orders += len(after)
    effect.order_micros += sum(after)


def gives_discount(campaign: Campaign) -> bool:
    """Whether a campaign gives money away: a discount popup, or whatever carries a code."""
    offers = any(each.render.code for each in campaign.offers)
    return campaign.action_type == DISCOUNT or bool(campaign.render.code) or offers


def stake_micros(effect: Effect, discount_ppm: int) -> int:
    """What a discount of this share would have given to people who bought without it."""
    return effect.order_micros * discount_ppm // 1_000_000
