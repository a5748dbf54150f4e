"""7 Checks: a decision computed again from its own logged values and the versions it names.

concepts -> scores -> qualities -> bids -> ranking -> winner, price, charge -> what was withheld,
and every campaign's loss. Each check holds what the record says beside what the rules give; one
that differs means a changed record, another version, or a rule that no longer means the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from models.eligibility import REASONS
from models.facts import Facts
from models.intent import scores_ppm
from models.offers import bid_basis_micros
from models.vocabulary import STAGES
from models.why_auction import (
    Drawn,
    Sold,
    lost_by,
    lot_logged,
    pacing_of,
    picked,
    quality_of,
    sold,
)
from models.why_case import Case, rule_of
from models.withholding import drawn, withheld
from schemas.campaign import Campaign
from schemas.decision import NONE, Candidate
from schemas.ids import MILLION, deadline_slot, decision_id, event_slot
from schemas.render import Render

CANDIDATES_MAX = 10
AUCTION_REASONS = ("below_reserve", "outbid", "not_drawn")


class Check(Struct, frozen=True):
    """One value twice: as logged, and as computed from the other logged values."""

    name: str
    logged: object
    computed: object

    @property
    def ok(self) -> bool:
        """Whether both agree."""
        return self.logged == self.computed


def checks(case: Case) -> list[Check]:
    """Every check of a decision; one without a site or a catalogue has no auction to check."""
    out = [*_names(case), *_scores(case)]
    if case.view.catalogue is None or case.view.site is None or _unasked(case):
        return [*out, Check("winner", case.decision.campaign_id, "")]
    return [
        *out,
        *_bids(case),
        *_auction(case),
        *_withheld(case),
        *_losses(case),
        *_conditions(case),
    ]


def _unasked(case: Case) -> bool:
    """Probes and bots get a none without an auction."""
    return case.decision.reason in ("probe", "bot")


def _names(case: Case) -> Iterator[Check]:
    decision, trigger = case.decision, case.decision.trigger
    key = (decision.site, decision.user_key, decision.placement)
    slot = (
        deadline_slot(*key, trigger.kind, trigger.deadline_ms)
        if trigger.deadline_ms
        else event_slot(*key, trigger.event_id)
    )
    yield Check("slot_id", decision.slot_id, slot)
    numbers = decision.versions.numbers()
    yield Check("decision_id", decision.decision_id, decision_id(slot, numbers))
    in_force = case.view.versions.numbers()
    for name, logged, found in zip(
        "rules site catalogue products model policy".split(), numbers, in_force, strict=True
    ):
        yield Check(f"version of {name}", logged, found)
    yield Check("source", decision.source, "rule" if case.view.model is None else "model")


def _scores(case: Case) -> Iterator[Check]:
    decision, model = case.decision, case.view.model
    if model is None or not decision.concepts:
        yield Check("scores", decision.scores, {})
        return
    yield Check("concepts", tuple(decision.concepts), model.concepts)
    found = scores_ppm(model.heads, list(decision.concepts.values()))
    for head, score in zip(model.heads, found, strict=True):
        yield Check(f"score {head.name}", decision.scores.get(head.name), score)


def logged_facts(case: Case) -> Facts:
    """What the record itself says of the facts: scores, concepts, trigger and stage."""
    decision = case.decision
    said: Facts = {"trigger": decision.trigger.kind, "stage": decision.stage}
    return {**said, **decision.scores, **decision.concepts}


def _bids(case: Case) -> Iterator[Check]:
    table = logged_facts(case)
    for each in case.decision.candidates:
        campaign = case.campaigns.get(each.campaign_id)
        name = each.campaign_id
        yield Check(f"{name} is in the catalogue", True, campaign is not None)
        if campaign is None:
            continue
        offers = {offer.name: offer for offer in campaign.offers}
        basis = bid_basis_micros(campaign, offers.get(each.offer))
        paced = pacing_of(case.view, name)
        yield Check(f"pacing of {name}", each.pacing_ppm, paced)
        yield Check(f"bid of {name}", each.bid_micros, basis * paced // MILLION)
        yield Check(f"quality of {name}", each.quality_ppm, quality_of(campaign, table))
        yield Check(f"score of {name}", each.score, each.bid_micros * each.quality_ppm)
        yield Check(f"priority of {name}", each.priority, campaign.priority)
        yield Check(f"reserve of {name}", each.reserve_score, case.decision.nothing.score)


def _auction(case: Case) -> Iterator[Check]:
    """The auction again over the logged bids, and the draw of exploration where there is one."""
    decision, reserve = case.decision, case.decision.nothing.score
    result = sold([lot_logged(each) for each in decision.candidates], reserve)
    pick = picked(result, reserve, case.view, decision.decision_id)
    won = pick.chosen.campaign_id if pick.chosen else ""
    ranked = [lot.campaign_id for lot in result.ranked]
    yield Check("ranking", [each.campaign_id for each in decision.candidates], ranked)
    yield Check("winner", decision.campaign_id, won)
    yield Check("price", decision.price_micros, pick.price_micros)
    yield Check("charge", decision.charge_micros, pick.charge_micros)
    yield Check("propensity", decision.propensity_ppm, pick.propensity_ppm)
    yield Check("explored", decision.explored, pick.explored)
    nothing = pick.shares[-1] if pick.shares else 0 if won else MILLION
    yield Check("propensity of nothing", decision.nothing.propensity_ppm, nothing)
    draw = pick.draws[-1] if pick.draws else 0
    yield Check("draw of nothing", decision.nothing.draw, draw)
    unit = case.view.site.reserve_micros * MILLION if case.view.site else 0
    yield Check("reserve is a multiple", reserve % unit if unit else reserve, 0)
    yield from _rows(case, result, pick)
    below = any(lot.score < max(reserve, 1) for lot in result.ranked)
    none = "explored" if pick.explored else "below_reserve" if below else "no_eligible"
    yield Check("reason", decision.reason, _said(case) if won else none)


def _said(case: Case) -> str:
    return "withheld" if case.decision.withheld else "won"


def _rows(case: Case, result: Sold, pick: Drawn) -> Iterator[Check]:
    """What the record says of each candidate in the auction."""
    rows = _by_rank(case, [lot.campaign_id for lot in result.ranked])
    arms = max(len(pick.shares) - 1, 0)
    for at, (lot, each) in enumerate(zip(result.ranked, rows, strict=True)):
        name, got = lot.campaign_id, lot is pick.chosen
        lost = lost_by(lot, each.reserve_score)
        if lost == "outbid" and lot is result.winner:
            lost = "not_drawn"
        share = pick.shares[at] if at < arms else MILLION * got
        yield Check(f"why {name}", each.reason, _said(case) if got else lost)
        yield Check(f"price of {name}", each.price_micros, pick.price_micros * got)
        yield Check(f"propensity of {name}", each.propensity_ppm, share)
        yield Check(f"draw of {name}", each.draw, pick.draws[at] if at < arms else 0)


def _by_rank(case: Case, ranked: list[str]) -> list[Candidate]:
    by_id = {each.campaign_id: each for each in case.decision.candidates}
    return [by_id[name] for name in ranked]


def _withheld(case: Case) -> Iterator[Check]:
    """The visitor's draws again from the site's secret salt, and what they withhold."""
    decision = case.decision
    site, campaign = case.view.site, case.campaigns.get(decision.campaign_id)
    assert site is not None
    draws = drawn(site, decision.user_key, campaign)
    held = withheld(site.mode, draws) if decision.campaign_id else ""
    yield Check("draws", decision.withholding, draws)
    yield Check("withheld", decision.withheld, held)
    yield Check("holdout", decision.holdout, held in ("holdout", "campaign_holdout"))
    yield Check("action", decision.action_type, campaign.action_type if campaign else NONE)
    expires = decision.decided_at_ms + campaign.ttl_ms if campaign else 0
    yield Check("expiry", decision.expires_at_ms, expires)
    shown = campaign is not None and not held
    yield Check("rendered", decision.render is not None, shown)
    kind = decision.render.kind if decision.render else ""
    wanted = _render(campaign, decision.offer).kind if campaign and shown else ""
    yield Check("rendered as", kind, wanted)


def _render(campaign: Campaign, offer: str) -> Render:
    """The creative of the visitor's offer, else the campaign's own."""
    named = [each.render for each in campaign.offers if each.name == offer]
    return named[0] if named else campaign.render


def _losses(case: Case) -> Iterator[Check]:
    """Every campaign but the winner lost for exactly one reason, and the candidates' agree."""
    decision, reasons = case.decision, case.reasons()
    for name, found in reasons.items():
        want = 0 if name == decision.campaign_id else 1
        yield Check(f"reasons of {name}", len(found), want)
    yield Check("reason codes", sorted(set(decision.reasons) - set(REASONS)), [])
    size = (len(reasons) + 7) // 8
    stray = [
        code
        for code, bits in decision.reasons.items()
        if len(bits) != size or int.from_bytes(bits, "little") >> len(reasons)
    ]
    yield Check("reason bits", stray, [])
    for each in decision.candidates:
        if each.campaign_id != decision.campaign_id:
            yield Check(f"loss of {each.campaign_id}", reasons.get(each.campaign_id), [each.reason])
    bidding = sum(bool(set(found) & {*AUCTION_REASONS}) for found in reasons.values())
    bidding += bool(decision.campaign_id)
    yield Check("candidates", len(decision.candidates), min(bidding, CANDIDATES_MAX))
    yield from _told(case, reasons)


def _told(case: Case, reasons: dict[str, list[str]]) -> Iterator[Check]:
    """Losses, and the right to bid, that the record alone can confirm."""
    decision = case.decision
    yield Check("stage is known", decision.stage in STAGES, True)
    for name, campaign in case.campaigns.items():
        code = "".join(reasons[name][:1])
        yield Check(f"{name} paused", code == "paused", campaign.paused)
        if code == "placement":
            yield Check(f"{name} elsewhere", campaign.placement == decision.placement, False)
        elif code == "stage" or code in AUCTION_REASONS or name == decision.campaign_id:
            allowed = decision.stage in (campaign.stages or STAGES)
            yield Check(f"{name} stage", code == "stage", not allowed)
        elif code == "trigger":
            waits = bool(campaign.on) and decision.trigger.kind not in campaign.on
            yield Check(f"{name} trigger", waits, True)
        elif code == "schedule":
            now_ms = decision.decided_at_ms
            ended = 0 < campaign.ends_at_ms <= now_ms
            yield Check(f"{name} schedule", now_ms < campaign.starts_at_ms or ended, True)


def _conditions(case: Case) -> Iterator[Check]:
    """Conditions on the logged facts where they read nothing else, on all facts where at hand."""
    table = case.facts if case.facts is not None else logged_facts(case)
    reasons = case.reasons()
    for name, campaign in case.campaigns.items():
        rule = rule_of(campaign.when) if campaign.when else None
        code = "".join(reasons[name][:1])
        if rule is None or (case.facts is None and not set(rule.names) <= set(table)):
            continue
        passed = ("stock", *AUCTION_REASONS)
        if code == "when" or code in passed or name == case.decision.campaign_id:
            yield Check(f"condition of {name}", code != "when", rule.holds(table))
    if case.facts is not None:
        known = {name: case.facts.get(name) for name in logged_facts(case)}
        yield Check("facts", known, logged_facts(case))
