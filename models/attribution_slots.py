"""9 Slots: a decision as its outcome is waited for, and the reward and charges that it yields."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from models.catalogue import Catalogue
from schemas.campaign import EMAIL
from schemas.decision import Decision
from schemas.exposure import LAPSE_MS
from schemas.ids import MILLION
from schemas.ledger import NAMES_MAX, NEGATIVE, Ledger, Slot
from schemas.lesson import Bill
from schemas.reward import Reward


class Terms(Struct, frozen=True):
    """A site's settings when a decision was taken: durations in ms, the kind of reward."""

    window_ms: int
    horizon_ms: int
    kind: str
    margin_ppm: int


class Told(Struct):
    """What a step yields, in order: rewards, what slots charge or take back, and what was decided.

    An opening is a decision as a reward of nothing, until its own reward says otherwise.
    `crowded_out` counts decisions that SLOTS_MAX dropped before their horizon: an order that comes
    later finds them no more.
    """

    rewards: list[Reward]
    bills: list[Bill]
    openings: list[Reward]
    crowded_out: int = 0


def slot_of(ledger: Ledger, decision: Decision, terms: Terms) -> Slot:
    """The slot of a decision; names of its context that are new join the ledger's."""
    at_ms, stand_in = decision.decided_at_ms, decision.fallback
    pushed = bool(decision.campaign_id) and not decision.withheld
    mail = decision.placement == EMAIL
    return Slot(
        slot_id=decision.slot_id,
        decision_id=decision.decision_id,
        decided_ms=at_ms,
        closes_ms=at_ms + terms.window_ms,
        ends_ms=at_ms + max(terms.horizon_ms, terms.window_ms),
        campaign_id=decision.campaign_id,
        placement=decision.placement,
        withheld=decision.withheld,
        source=decision.source,
        explored=decision.explored,
        propensity_ppm=decision.propensity_ppm or decision.nothing.propensity_ppm,
        policy_version=decision.versions.policy,
        values=_values(ledger, {**decision.concepts, **decision.scores}),
        kind=terms.kind,
        margin_ppm=terms.margin_ppm,
        lapses_ms=0 if mail else decision.expires_at_ms + LAPSE_MS,
        charge_micros=decision.charge_micros if pushed else 0,
        charged=pushed,
        stand_in="" if stand_in is None else stand_in.campaign_id,
        stand_in_placement="" if stand_in is None else stand_in.placement,
        silent=not decision.candidates,
        counted=bool(decision.candidates),
    )


def _values(ledger: Ledger, context: dict[str, int]) -> list[int]:
    for name in context:
        if name not in ledger.names and len(ledger.names) < NAMES_MAX:
            ledger.names = [*ledger.names, name]
    return [context.get(name, -1) for name in ledger.names]


def reward_of(
    ledger: Ledger, slot: Slot, user_key: str, at_ms: int, converted: bool, micros: int
) -> Reward:
    """The reward of a slot at engine time `at_ms`, with what the visitor saw until then."""
    pairs = zip(ledger.names, slot.values, strict=False)
    return Reward(
        site=user_key.split(":", 1)[0],
        slot_id=slot.slot_id,
        decision_id=slot.decision_id,
        user_key=user_key,
        decided_at_ms=slot.decided_ms,
        closed_at_ms=at_ms,
        campaign_id=slot.campaign_id,
        placement=slot.placement,
        withheld=slot.withheld,
        source=slot.source,
        explored=slot.explored,
        propensity_ppm=slot.propensity_ppm,
        context={name: value for name, value in pairs if value >= 0},
        converted=converted,
        reward_micros=micros,
        impression=0 < slot.shown_ms <= at_ms,
        click=0 < slot.clicked_ms <= at_ms,
        dismiss=0 < slot.dismissed_ms <= at_ms,
        correction=slot.told == NEGATIVE,
        policy_version=slot.policy_version,
        counted=slot.counted,
    )


def opening_of(ledger: Ledger, slot: Slot, user_key: str) -> Reward:
    """The decision as it was taken: so far it has brought nothing."""
    made = reward_of(ledger, slot, user_key, slot.decided_ms, False, 0)
    return replace(made, counted=False)


def bills_of_slot(decision: Decision, catalogue: Catalogue) -> list[Bill]:
    """What the slot was worth to each candidate with a bound on its spend, had it bid in full."""
    out = []
    for each in decision.candidates:
        entry = catalogue.by_id.get(each.campaign_id)
        if entry is None or not each.pacing_ppm:
            continue
        campaign = entry.campaign
        if campaign.budget_micros_day or campaign.budget_micros_total:
            full = each.bid_micros * MILLION // each.pacing_ppm
            worth = -(-full * each.quality_ppm // MILLION)
            at_ms = decision.decided_at_ms
            out.append(Bill(each.campaign_id, at_ms, worth_micros=worth))
    return out
