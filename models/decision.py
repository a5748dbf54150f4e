"""7 Decision: one slot in, one decision out: a campaign or silence, and why.

The order is eligibility -> caps and stage -> quality -> bid -> auction -> exploration -> holdout,
mode and rollout. The last three withhold: the auction runs for everybody, so that people who get
nothing have comparable winners. What is given away is reserved at once.
"""

from __future__ import annotations

from msgspec.structs import replace

from models import exposures
from models.auction import Bid
from models.carousel import filled
from models.choice import Choice, choose, fallback
from models.context import CATALOGUE_ABSENT, SITE_ABSENT, View
from models.record import EXPLORED, decision_of, said_of, silent
from models.slots import Ask, Desk, Slot
from models.withholding import drawn, withheld
from schemas.campaign import EMAIL, ON_SITE, Campaign
from schemas.decision import Decision, Fallback
from schemas.exposure import HELD, RESERVED, SHOWN, WITHHELD, Exposure
from schemas.ids import deadline_slot, decision_id, event_slot, short_hash
from schemas.profile import Profile
from schemas.render import Render

__all__ = ["FALLBACK_MS", "PROBE", "Ask", "decide"]

FALLBACK_MS = 60_000
PROBE, BOT = "probe", "bot"
PAGE = "page"


def decide(profile: Profile, ask: Ask, user_key: str, view: View, now_ms: int) -> list[Decision]:
    """One decision per placement of the site; reserves what it gives away."""
    desk = Desk(profile, ask, user_key, user_key.split(":", 1)[0], view, now_ms)
    silence = _silence(desk)
    if silence:
        return [silent(desk, *_names(desk, PAGE), PAGE, silence)]
    assert view.site is not None
    exposures.release_held(profile, ask.tab.session_id, ask.tab.tab_id, now_ms)
    slots = [_slot(desk, placement) for placement in ask.placements or view.site.placements]
    if not ask.placements and not any(slot.campaign is not None for slot in slots):
        _hold_fallback(desk, slots)
    said = said_of(desk)
    return [decision_of(desk, slot, said) for slot in slots]


def _silence(desk: Desk) -> str:
    """Why there is nothing to choose from, or an empty string."""
    if desk.ask.bot:
        return BOT
    if desk.ask.kind == PROBE:
        return PROBE
    if desk.view.site is None:
        return SITE_ABSENT
    return CATALOGUE_ABSENT if desk.view.catalogue is None else ""


def _slot(desk: Desk, placement: str) -> Slot:
    """Choose for one placement, and reserve what it gives."""
    profile, view = desk.profile, desk.view
    assert view.site is not None and view.catalogue is not None
    slot, name = _names(desk, placement)
    choice = choose(profile, view, desk.table, placement, desk.ask.kind, desk.now_ms, name)
    winner = choice.pick.winner
    campaign = None if winner is None else view.catalogue.by_id[winner.campaign_id].campaign
    draws = drawn(view.site, desk.user_key, campaign)
    why = withheld(view.site.mode, draws)
    made = Slot(slot, name, placement, choice, campaign, draws, why)
    if winner is not None and campaign is not None:
        # Nobody will tell when a message is seen.
        given = SHOWN if placement == EMAIL else RESERVED
        _book(desk, made, campaign, desk.now_ms + campaign.ttl_ms, WITHHELD if why else given)
        made.fallback_reason = why or "stage_used"
        if not why and placement != EMAIL:
            made.render = _render(desk, campaign, choice, winner)
    return made


def _names(desk: Desk, placement: str) -> tuple[str, str]:
    """(slot_id, decision_id)"""
    ask = desk.ask
    slot = (
        deadline_slot(desk.site, desk.user_key, placement, ask.kind, ask.deadline_ms)
        if ask.deadline_ms
        else event_slot(desk.site, desk.user_key, placement, ask.event_id)
    )
    return slot, decision_id(slot, desk.view.versions.numbers())


def _book(desk: Desk, slot: Slot, campaign: Campaign, until_ms: int, state: int) -> None:
    profile, tab = desk.profile, desk.ask.tab
    exposure = Exposure(
        slot_id="" if state == HELD else slot.slot_id,
        decision=short_hash(slot.decision_id),
        campaign_id=campaign.id,
        placement=slot.placement,
        session=profile.session.number,
        stage_entry=profile.session.stage_entry,
        tab=short_hash(tab.session_id, tab.tab_id),
        decided_ms=desk.now_ms,
        expires_ms=until_ms,
        state=state,
        channel="" if campaign.channel == ON_SITE else campaign.channel,
    )
    exposures.add(profile, exposure)


def _hold_fallback(desk: Desk, slots: list[Slot]) -> None:
    """Where no placement won, the first that can holds a fallback: it uses up the stage.

    It is the best that may be shown should the next answer be late, under the same filters.
    """
    view = desk.view
    assert view.site is not None and view.catalogue is not None
    for at, slot in enumerate(slots):
        if slot.choice.pick.explored:
            slot.fallback_reason = EXPLORED
            continue
        best = fallback(slot.choice, view, desk.table)
        if best is None:
            slot.fallback_reason = _none_reason(slot.choice)
            continue
        campaign = view.catalogue.by_id[best.campaign_id].campaign
        slot.fallback_reason = withheld(view.site.mode, drawn(view.site, desk.user_key, campaign))
        if slot.fallback_reason:
            continue
        until_ms = desk.now_ms + FALLBACK_MS
        _book(desk, slot, campaign, until_ms, HELD)
        render = _render(desk, campaign, slot.choice, best)
        slot.fallback = Fallback(
            campaign.id, slot.placement, campaign.action_type, render, until_ms
        )
        for later in slots[at + 1 :]:
            later.fallback_reason = "stage_used"
        return


def _none_reason(choice: Choice) -> str:
    """Why nobody may be shown: everybody was removed by one rule, nobody is left, or all lost."""
    gone = choice.sieve.reasons
    for code in ("bought", "stage_used"):
        if code in gone:
            return code
    return "below_reserve" if choice.result.below else "no_eligible"


def _render(desk: Desk, campaign: Campaign, choice: Choice, bid: Bid) -> Render:
    """The campaign's creative, or that of the visitor's offer, with its products."""
    offer = choice.lines.offers.get(bid.index)
    if offer is not None:
        campaign = replace(campaign, render=offer.render)
    return filled(campaign, desk.profile, desk.ask.tab, desk.view)
