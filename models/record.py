"""7 Record: a slot and all that explains it as one record, a function of log and versions alone."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from models.choice import Choice, candidates, nothing, reasons
from models.facts import concepts, scores
from models.slots import Desk, Slot
from models.tally import digest
from models.vocabulary import STAGES
from models.withholding import CAMPAIGN_HOLDOUT, HOLDOUT
from schemas.decision import Counts, Decision, TriggerRef
from schemas.profile import Profile

WON, WITHHELD = "won", "withheld"
EXPLORED = "explored"
"""Reason of a none that was drawn although somebody had won the auction."""


class Said(Struct, frozen=True):
    """What every decision of one ask says alike."""

    trigger: TriggerRef
    source: str
    stage: str
    scores: dict[str, int]
    concepts: dict[str, int]
    counts: Counts
    digest: str


def said_of(desk: Desk) -> Said:
    """Work it out once."""
    ask, profile, view = desk.ask, desk.profile, desk.view
    return Said(
        TriggerRef(ask.kind, ask.event_id, ask.deadline_ms),
        "rule" if view.model is None else "model",
        STAGES[profile.session.stage],
        scores(profile, view),
        concepts(profile, view),
        _counts(profile),
        digest(profile),
    )


def _counts(profile: Profile) -> Counts:
    return Counts(
        profile.applied,
        profile.duplicate,
        profile.late,
        profile.dead_lettered,
        profile.conflict,
    )


def silent(desk: Desk, slot_id: str, decision_id: str, placement: str, reason: str) -> Decision:
    """The record where there is nothing to choose from."""
    found = {"reason": reason, "fallback_reason": reason}
    return _record(desk, said_of(desk), slot_id, decision_id, placement, found)


def decision_of(desk: Desk, slot: Slot, said: Said) -> Decision:
    """The record of a slot."""
    choice, campaign, view = slot.choice, slot.campaign, desk.view
    assert view.catalogue is not None and view.market is not None
    pick = choice.pick
    outcome = WITHHELD if slot.withheld else WON
    found: dict[str, Any] = {
        "reason": outcome if campaign is not None else _none_reason(choice),
        "candidates": candidates(choice, view.market.paced.pacing_ppm, outcome),
        "reasons": _bitmaps(reasons(choice), len(view.catalogue.ids)),
        "propensity_ppm": pick.propensity_ppm,
        "explored": pick.explored,
        "nothing": nothing(choice),
        "withholding": slot.withholding,
        "fallback": slot.fallback,
        "fallback_reason": slot.fallback_reason,
    }
    if campaign is not None and pick.winner is not None:
        offer = choice.lines.offers.get(pick.winner.index)
        found |= {
            "campaign_id": campaign.id,
            "action_type": campaign.action_type,
            "render": slot.render,
            "expires_at_ms": desk.now_ms + campaign.ttl_ms,
            "price_micros": pick.price_micros,
            "charge_micros": pick.charge_micros,
            "holdout": slot.withheld in (HOLDOUT, CAMPAIGN_HOLDOUT),
            "withheld": slot.withheld,
            "offer": offer.name if offer is not None else "",
        }
    return _record(desk, said, slot.slot_id, slot.decision_id, slot.placement, found)


def _none_reason(choice: Choice) -> str:
    if choice.pick.explored:
        return EXPLORED
    return "below_reserve" if choice.result.below else "no_eligible"


def _bitmaps(masks: dict[str, int], size: int) -> dict[str, bytes]:
    length = (size + 7) // 8
    return {code: masks[code].to_bytes(length, "little") for code in sorted(masks)}


def _record(
    desk: Desk, said: Said, slot_id: str, decision_id: str, placement: str, found: dict[str, Any]
) -> Decision:
    """Everything a decision says whoever wins; what is pushed is numbered, all else has seq 0."""
    ask, profile = desk.ask, desk.profile
    if found.get("render") is not None or ask.cancels:
        profile.seq += 1
        found["seq"] = profile.seq
    return Decision(
        slot_id=slot_id,
        decision_id=decision_id,
        epoch_ms=profile.epoch_ms,
        site=desk.site,
        user_key=desk.user_key,
        session_id=ask.tab.session_id,
        tab_id=ask.tab.tab_id,
        trigger=said.trigger,
        decided_at_ms=desk.now_ms,
        latency_class=ask.latency_class,
        placement=placement,
        source=said.source,
        stage=said.stage,
        scores=said.scores,
        concepts=said.concepts,
        cancels=ask.cancels,
        counts=said.counts,
        profile_digest=said.digest,
        versions=desk.view.versions,
        **found,
    )
