"""7 Decision: one slot in, one decision out: a campaign or silence, and why.

The order is eligibility -> caps and stage -> quality -> bid -> auction -> holdout, mode and
rollout. The last three withhold: the auction runs for everybody, so that people who get nothing
have comparable winners.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from models import auction, exposures
from models.carousel import filled
from models.context import CATALOGUE_ABSENT, SITE_ABSENT, View
from models.eligibility import Asked, asked, refusal, shown_in_session
from models.facts import Facts, concepts, facts, scores
from models.tally import digest
from models.vocabulary import STAGES
from schemas.campaign import Campaign
from schemas.decision import (
    NONE,
    Candidate,
    Counts,
    Decision,
    Fallback,
    TriggerRef,
    bitmap,
)
from schemas.ids import MILLION, deadline_slot, decision_id, draw_ppm, event_slot, short_hash
from schemas.profile import Exposure, Profile, Tab
from schemas.site import OBSERVE

CANDIDATES_MAX = 10
FALLBACK_MS = 60_000
PROBE = "probe"


class Ask(Struct, frozen=True):
    """What asks for a decision. `deadline_ms` is 0 for an event; `event_id` empty for a deadline."""

    kind: str
    event_id: str
    deadline_ms: int
    tab: Tab
    latency_class: str
    cancels: tuple[str, ...] = ()


def decide(profile: Profile, ask: Ask, user_key: str, view: View, now_ms: int) -> list[Decision]:
    """One decision per placement of the site; reserves what it gives away."""
    site = user_key.split(":", 1)[0]
    if view.site is None or view.catalogue is None or ask.kind == PROBE:
        return [_none(profile, ask, site, user_key, view, now_ms)]
    exposures.release_held(profile, ask.tab.session_id, ask.tab.tab_id)
    table = facts(profile, ask.tab, view, ask.kind, now_ms)
    return [
        _slot(profile, ask, user_key, placement, view, table, now_ms)
        for placement in view.site.placements
    ]


def _none(
    profile: Profile, ask: Ask, site: str, user_key: str, view: View, now_ms: int
) -> Decision:
    reason = SITE_ABSENT if view.site is None else CATALOGUE_ABSENT
    reason = PROBE if ask.kind == PROBE else reason
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
        counts=Counts(
            profile.applied,
            profile.duplicate,
            profile.late,
            profile.dead_lettered,
            profile.conflict,
        ),
        profile_digest=digest(profile),
        versions=view.versions,
    )


def _slot(
    profile: Profile,
    ask: Ask,
    user_key: str,
    placement: str,
    view: View,
    table: Facts,
    now_ms: int,
) -> Decision:
    assert view.site is not None and view.catalogue is not None
    blank = _blank(profile, ask, view.site.site, user_key, placement, view, now_ms, "")
    question = asked(profile, view, table, placement, ask.kind, now_ms)
    bids, reasons = _bids(question)
    reserve = view.site.reserve_micros * MILLION * (1 + shown_in_session(question))
    result = auction.run([bid for bid, _ in bids], reserve)
    _losers(result, {bid.campaign_id: index for bid, index in bids}, reserve, reasons)
    decision = replace(
        blank,
        candidates=_candidates(result),
        reasons=_bitmaps(reasons, len(view.catalogue.campaigns)),
    )
    withheld = _withheld(view, user_key, result.winner)
    if result.winner is None:
        decision = replace(decision, reason="below_reserve" if bids else "no_eligible")
    else:
        campaign = view.catalogue.campaigns[_index(bids, result.winner.campaign_id)]
        decision = _won(decision, profile, ask.tab, campaign, result, view, withheld)
    if not withheld:
        decision = _with_fallback(decision, profile, ask.tab, view, table)
    return _booked(profile, decision)


def _index(bids: list[tuple[auction.Bid, int]], campaign_id: str) -> int:
    return next(index for bid, index in bids if bid.campaign_id == campaign_id)


def _bids(
    question: Asked, *, any_trigger: bool = False
) -> tuple[list[tuple[auction.Bid, int]], dict[str, list[int]]]:
    """(bid, catalogue index) of whoever may bid, and reason -> indexes of the others."""
    catalogue = question.view.catalogue
    assert catalogue is not None
    bids = []
    reasons: dict[str, list[int]] = {}
    for index, campaign in enumerate(catalogue.campaigns):
        refused = refusal(campaign, index, question, any_trigger=any_trigger)
        if refused:
            reasons.setdefault(refused, []).append(index)
        else:
            bids.append((_bid(campaign, question), index))
    return bids, reasons


def _bid(campaign: Campaign, question: Asked) -> auction.Bid:
    policy = question.view.policy
    pacing = MILLION if policy is None else policy.pacing_ppm.get(campaign.id, MILLION)
    return auction.Bid(
        campaign.id,
        campaign.margin_micros * pacing // MILLION,
        quality_ppm(campaign, question.facts),
        campaign.priority,
    )


def quality_ppm(campaign: Campaign, table: Facts) -> int:
    """Prior incremental conversion probability: base + sum of weight x score, in [0, 1,000,000].

    A score that nobody computed (rules decide) counts as zero.
    """
    total = campaign.base_ppm * MILLION
    for name, weight in campaign.response.items():
        value = table.get(name, 0)
        assert isinstance(value, int)
        total += weight * value
    return min(max(total // MILLION, 0), MILLION)


def _losers(
    result: auction.Result, indexes: dict[str, int], reserve: int, reasons: dict[str, list[int]]
) -> None:
    for bid in result.ranked:
        if bid is not result.winner:
            why = "below_reserve" if bid.score < max(reserve, 1) else "outbid"
            reasons.setdefault(why, []).append(indexes[bid.campaign_id])


def _bitmaps(reasons: dict[str, list[int]], size: int) -> dict[str, bytes]:
    return {code: bitmap(reasons[code], size) for code in sorted(reasons)}


def _candidates(result: auction.Result) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            bid.campaign_id,
            bid.bid_micros,
            bid.quality_ppm,
            bid.score,
            result.price_micros if bid is result.winner else 0,
            MILLION if bid is result.winner else 0,
        )
        for bid in result.ranked[:CANDIDATES_MAX]
    )


def _withheld(view: View, user_key: str, winner: auction.Bid | None) -> str:
    """Why this visitor may not see the winner, or an empty string."""
    site = view.site
    assert site is not None and view.catalogue is not None
    if draw_ppm(site.salt, "holdout", user_key) < site.holdout_ppm:
        return "holdout"
    if site.mode == OBSERVE:
        return "observe"
    if draw_ppm(site.salt, "rollout", user_key) >= site.rollout_ppm:
        return "rollout"
    if winner is not None:
        campaign = view.catalogue.campaigns[view.catalogue.ids.index(winner.campaign_id)]
        share = campaign.holdout_ppm
        if share and draw_ppm(site.salt, "holdout", campaign.id, user_key) < share:
            return "campaign_holdout"
    return ""


def _won(
    decision: Decision,
    profile: Profile,
    tab: Tab,
    campaign: Campaign,
    result: auction.Result,
    view: View,
    withheld: str,
) -> Decision:
    """The decision with its winner filled in and its reservation made."""
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
    )
    session = profile.session
    entry = exposures.reserved(
        decision, session.stage_entry, session.number, withheld=bool(withheld)
    )
    exposures.add(profile, entry)
    return decision


def _with_fallback(
    decision: Decision, profile: Profile, tab: Tab, view: View, table: Facts
) -> Decision:
    """The best that may still be shown if the next answer is late, under the same filters."""
    assert view.site is not None and view.catalogue is not None
    now_ms = decision.decided_at_ms
    question = asked(profile, view, table, decision.placement, decision.trigger.kind, now_ms)
    bids, _ = _bids(question, any_trigger=True)
    allowed = [bid for bid, index in bids if view.catalogue.campaigns[index].fallback]
    reserve = view.site.reserve_micros * MILLION * (1 + shown_in_session(question))
    best = auction.run(allowed, reserve).winner
    if best is None or _withheld(view, decision.user_key, best):
        return decision
    campaign = view.catalogue.campaigns[_index(bids, best.campaign_id)]
    until_ms = now_ms + FALLBACK_MS
    exposures.add(profile, _held(decision, campaign, profile, until_ms))
    render = filled(campaign, profile, tab, view)
    fallback = Fallback(
        campaign.id, decision.placement, campaign.action_type, render, until_ms
    )
    return replace(decision, fallback=fallback)


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


__all__ = ["Ask", "decide", "quality_ppm", "NONE"]
