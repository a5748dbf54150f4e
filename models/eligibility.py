"""7 Eligibility: which campaigns may bid for this slot, and the rule that removed each other.

The checks run in the order of `REASONS`; the first that fails names itself in the record.
"""

from __future__ import annotations

from msgspec import Struct

from models.context import View
from models.exposures import DAY_MS, SHOWN, WITHHELD, active
from models.facts import Facts
from models.vocabulary import STAGES
from schemas.campaign import Campaign
from schemas.profile import Exposure, Profile

REASONS = (
    "paused schedule placement bought consent trigger stage when stock excluded "
    "cap_session cap_day stage_used below_reserve outbid"
).split()
"""Reason codes of the record, in the order of the checks; the last two come from the auction."""

_CONSENT_BITS = {"analytics": 1, "personalization": 2, "marketing": 4}


class Asked(Struct, frozen=True):
    """What one slot's selection reads besides the campaigns themselves."""

    profile: Profile
    view: View
    facts: Facts
    placement: str
    trigger: str
    now_ms: int
    exposures: list[Exposure]


def asked(
    profile: Profile, view: View, facts: Facts, placement: str, trigger: str, now_ms: int
) -> Asked:
    """Gather what the checks read, once a slot."""
    running = active(profile, now_ms)
    return Asked(profile, view, facts, placement, trigger, now_ms, running)


def refusal(campaign: Campaign, index: int, ask: Asked, *, any_trigger: bool = False) -> str:
    """The first reason against this campaign, or an empty string if it may bid."""
    profile, session = ask.profile, ask.profile.session
    if campaign.paused:
        return "paused"
    if ask.now_ms < campaign.starts_at_ms or 0 < campaign.ends_at_ms <= ask.now_ms:
        return "schedule"
    if campaign.placement != ask.placement:
        return "placement"
    if session.bought:
        return "bought"
    if any(not profile.consent & _CONSENT_BITS[purpose] for purpose in campaign.needs):
        return "consent"
    if campaign.on and not any_trigger and ask.trigger not in campaign.on:
        return "trigger"
    if campaign.stages and STAGES[session.stage] not in campaign.stages:
        return "stage"
    catalogue = ask.view.catalogue
    assert catalogue is not None
    rule = catalogue.rules[index]
    if rule is not None and not rule.holds(ask.facts):
        return "when"
    if _sold_out(campaign, ask.view):
        return "stock"
    return _used_up(campaign, ask)


def _sold_out(campaign: Campaign, view: View) -> bool:
    named = [view.assortment.by_id.get(product.id) for product in campaign.render.products]
    return bool(named) and all(product is not None and product.stock == 0 for product in named)


def _used_up(campaign: Campaign, ask: Asked) -> str:
    """Caps, exclusion groups and one action a stage, reservations counted like impressions."""
    session = ask.profile.session
    in_session = in_day = 0
    stage_used = excluded = False
    groups = _groups(ask) if campaign.excludes else {}
    for exposure in ask.exposures:
        here = exposure.session == session.number
        if exposure.campaign_id == campaign.id:
            in_session += here
            in_day += ask.now_ms - exposure.decided_ms < DAY_MS
        elif here and not groups.get(exposure.campaign_id, frozenset()).isdisjoint(
            campaign.excludes
        ):
            excluded = True
        if here and exposure.stage_entry == session.stage_entry:
            stage_used = True
    if excluded:
        return "excluded"
    if 0 < campaign.cap_session <= in_session:
        return "cap_session"
    if 0 < campaign.cap_day <= in_day:
        return "cap_day"
    return "stage_used" if stage_used else ""


def _groups(ask: Asked) -> dict[str, frozenset[str]]:
    assert ask.view.catalogue is not None
    return {each.id: frozenset(each.excludes) for each in ask.view.catalogue.campaigns}


def shown_in_session(ask: Asked) -> int:
    """Impressions of this session, withheld ones included: the frequency part of the reserve."""
    number = ask.profile.session.number
    return sum(
        each.session == number and each.state in (SHOWN, WITHHELD) for each in ask.exposures
    )
