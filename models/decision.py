"""7 Decision: one slot in, one decision out: a campaign or silence, and why.

The order is eligibility -> caps and stage -> quality -> bid -> auction -> holdout, mode and
rollout. The last three withhold: the auction runs for everybody, so that people who get nothing
have comparable winners.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from models import auction, exposures
from models.bids import bids_of, candidates, lost_by, pacing_of
from models.carousel import filled
from models.context import CATALOGUE_ABSENT, SITE_ABSENT, Catalogue, View
from models.eligibility import Field, field, shown_in_session
from models.facts import Facts, concepts, facts, scores
from models.tally import digest
from models.vocabulary import STAGES
from schemas.campaign import Campaign
from schemas.decision import (
    Counts,
    Decision,
    Fallback,
    Nothing,
    TriggerRef,
    Withholding,
)
from schemas.ids import MILLION, deadline_slot, decision_id, draw_ppm, event_slot, short_hash
from schemas.profile import Exposure, Profile, Tab
from schemas.site import OBSERVE

FALLBACK_MS = 60_000
PROBE, BOT = "probe", "bot"


class Ask(Struct, frozen=True):
    """What asks for a decision: an event, or a deadline (then event_id is empty)."""

    kind: str
    event_id: str
    deadline_ms: int
    tab: Tab
    latency_class: str
    cancels: tuple[str, ...] = ()
    bot: bool = False


def decide(profile: Profile, ask: Ask, user_key: str, view: View, now_ms: int) -> list[Decision]:
    """One decision per placement of the site; reserves what it gives away."""
    site = user_key.split(":", 1)[0]
    if view.site is None or view.catalogue is None or ask.kind == PROBE or ask.bot:
        return [_none(profile, ask, site, user_key, view, now_ms)]
    exposures.release_held(profile, ask.tab.session_id, ask.tab.tab_id)
    table = facts(profile, ask.tab, view, ask.kind, now_ms)
    made = [
        _slot(profile, ask, user_key, placement, view, table, now_ms)
        for placement in view.site.placements
    ]
    decisions = [decision for decision, _, _ in made]
    if not any(decision.campaign_id for decision in decisions):
        decisions = _with_one_fallback(made, profile, ask.tab, view, table)
    return [_booked(profile, decision) for decision in decisions]


def _none(
    profile: Profile, ask: Ask, site: str, user_key: str, view: View, now_ms: int
) -> Decision:
    reason = SITE_ABSENT if view.site is None else CATALOGUE_ABSENT
    reason = BOT if ask.bot else PROBE if ask.kind == PROBE else reason
    return _booked(profile, _blank(profile, ask, site, user_key, "page", view, now_ms, reason))


def _blank(
    profile: Profile,
    ask: Ask,
    site: str,
    user_key: str,
    placement: str,
    view: View,
    now_ms: int,
    reason: str,
) -> Decision:
    """Everything a decision says whoever wins."""
    slot = (
        deadline_slot(site, user_key, placement, ask.kind, ask.deadline_ms)
        if ask.deadline_ms
        else event_slot(site, user_key, placement, ask.event_id)
    )
    return Decision(
        slot_id=slot,
        decision_id=decision_id(slot, view.versions.numbers()),
        epoch_ms=profile.epoch_ms,
        site=site,
        user_key=user_key,
        session_id=ask.tab.session_id,
        tab_id=ask.tab.tab_id,
        trigger=TriggerRef(ask.kind, ask.event_id, ask.deadline_ms),
        decided_at_ms=now_ms,
        latency_class=ask.latency_class,
        placement=placement,
        source="rule" if view.model is None else "model",
        reason=reason,
        stage=STAGES[profile.session.stage],
        scores=scores(profile, view),
        concepts=concepts(profile, view),
        cancels=ask.cancels,
        counts=_counts(profile),
        profile_digest=digest(profile),
        versions=view.versions,
        fallback_reason=reason,
    )


def _counts(profile: Profile) -> Counts:
    return Counts(
        profile.applied,
        profile.duplicate,
        profile.late,
        profile.dead_lettered,
        profile.conflict,
    )


def _slot(
    profile: Profile,
    ask: Ask,
    user_key: str,
    placement: str,
    view: View,
    table: Facts,
    now_ms: int,
) -> tuple[Decision, Field, int]:
    """The decision of one placement, how the catalogue was sorted, and the reserve."""
    assert view.site is not None and view.catalogue is not None
    sorted_out = field(profile, view, table, placement, ask.kind, now_ms)
    bids = bids_of(sorted_out.eligible, view, table)
    reserve = view.site.reserve_micros * MILLION * (1 + shown_in_session(profile))
    result = auction.run(bids, reserve)
    _losers(result, view.catalogue, reserve, sorted_out.reasons)
    blank = _blank(profile, ask, view.site.site, user_key, placement, view, now_ms, "no_eligible")
    withholding = _withholding(view, user_key, result.winner)
    withheld = _withheld(view, withholding)
    won = "withheld" if withheld else "won"
    decision = replace(
        blank,
        candidates=candidates(result, reserve, pacing_of(view), won),
        reasons=_bitmaps(sorted_out.reasons, len(view.catalogue.ids)),
        nothing=Nothing(reserve, 0 if result.winner else MILLION),
        withholding=withholding,
    )
    if result.winner is not None:
        decision = _won(decision, profile, ask.tab, result, view, withheld)
    else:
        decision = replace(decision, reason="below_reserve" if bids else "no_eligible")
    return decision, sorted_out, reserve


def _losers(
    result: auction.Result, catalogue: Catalogue, reserve: int, reasons: dict[str, int]
) -> None:
    for bid in result.ranked:
        if bid is not result.winner:
            why = lost_by(bid, reserve)
            reasons[why] = reasons.get(why, 0) | catalogue.by_id[bid.campaign_id].bit


def _bitmaps(reasons: dict[str, int], size: int) -> dict[str, bytes]:
    length = (size + 7) // 8
    return {code: reasons[code].to_bytes(length, "little") for code in sorted(reasons)}


def _withholding(view: View, user_key: str, winner: auction.Bid | None) -> Withholding:
    """The draws of this visitor: site's holdout, rollout, and the winner's own holdout."""
    site = view.site
    assert site is not None and view.catalogue is not None
    share = 0
    if winner is not None:
        share = view.catalogue.by_id[winner.campaign_id].campaign.holdout_ppm
    return Withholding(
        draw_ppm(site.salt, "holdout", user_key) if site.holdout_ppm else 0,
        site.holdout_ppm,
        draw_ppm(site.salt, "rollout", user_key) if site.rollout_ppm < MILLION else 0,
        site.rollout_ppm,
        draw_ppm(site.salt, "holdout", winner.campaign_id, user_key) if winner and share else 0,
        share,
    )


def _withheld(view: View, drawn: Withholding) -> str:
    """Why this visitor may not see the winner, or an empty string."""
    assert view.site is not None
    if drawn.holdout_draw_ppm < drawn.holdout_ppm:
        return "holdout"
    if view.site.mode == OBSERVE:
        return "observe"
    if drawn.rollout_draw_ppm >= drawn.rollout_ppm:
        return "rollout"
    if drawn.campaign_draw_ppm < drawn.campaign_holdout_ppm:
        return "campaign_holdout"
    return ""


def _won(
    decision: Decision,
    profile: Profile,
    tab: Tab,
    result: auction.Result,
    view: View,
    withheld: str,
) -> Decision:
    """The decision with its winner filled in and its reservation made."""
    assert view.catalogue is not None and result.winner is not None
    campaign = view.catalogue.by_id[result.winner.campaign_id].campaign
    decision = replace(
        decision,
        campaign_id=campaign.id,
        action_type=campaign.action_type,
        reason="withheld" if withheld else "won",
        render=None if withheld else filled(campaign, profile, tab, view),
        expires_at_ms=decision.decided_at_ms + campaign.ttl_ms,
        price_micros=result.price_micros,
        charge_micros=result.charge_micros,
        propensity_ppm=MILLION,
        holdout=withheld in ("holdout", "campaign_holdout"),
        withheld=withheld,
        fallback_reason="stage_used",
    )
    session = profile.session
    entry = exposures.reserved(
        decision, session.stage_entry, session.number, withheld=bool(withheld)
    )
    exposures.add(profile, entry)
    return decision


def _with_one_fallback(
    made: list[tuple[Decision, Field, int]], profile: Profile, tab: Tab, view: View, table: Facts
) -> list[Decision]:
    """Where no placement won, the first that can holds a fallback: it uses up the stage."""
    out = [decision for decision, _, _ in made]
    for at, (decision, sorted_out, reserve) in enumerate(made):
        out[at] = _with_fallback(decision, profile, tab, view, table, sorted_out, reserve)
        if out[at].fallback is not None:
            break
    return out


def _with_fallback(
    decision: Decision,
    profile: Profile,
    tab: Tab,
    view: View,
    table: Facts,
    sorted_out: Field,
    reserve: int,
) -> Decision:
    """The best that may still be shown if the next answer is late, under the same filters.

    A decision that gives an action uses up its stage and therefore carries none.
    """
    assert view.catalogue is not None
    allowed = [entry for entry in sorted_out.other_trigger if entry.campaign.fallback]
    best = auction.run(bids_of(allowed, view, table), reserve).winner
    if best is None:
        return decision
    withheld = _withheld(view, _withholding(view, decision.user_key, best))
    if withheld:
        return replace(decision, fallback_reason=withheld)
    campaign = view.catalogue.by_id[best.campaign_id].campaign
    until_ms = decision.decided_at_ms + FALLBACK_MS
    exposures.add(profile, _held(decision, campaign, profile, until_ms))
    render = filled(campaign, profile, tab, view)
    fallback = Fallback(campaign.id, decision.placement, campaign.action_type, render, until_ms)
    return replace(decision, fallback=fallback, fallback_reason="")


def _held(decision: Decision, campaign: Campaign, profile: Profile, until_ms: int) -> Exposure:
    return Exposure(
        slot_id="",
        decision=short_hash(decision.decision_id),
        campaign_id=campaign.id,
        placement=decision.placement,
        session=profile.session.number,
        stage_entry=profile.session.stage_entry,
        tab=short_hash(decision.session_id, decision.tab_id),
        decided_ms=decision.decided_at_ms,
        expires_ms=until_ms,
        state=exposures.HELD,
    )


def _booked(profile: Profile, decision: Decision) -> Decision:
    """Number what is pushed; everything else keeps seq 0."""
    if not decision.pushed:
        return decision
    profile.seq += 1
    return replace(decision, seq=profile.seq)
