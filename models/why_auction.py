"""6 The auction by its definition, one campaign after the other: what an explanation computes with.

The core computes columns over a whole catalogue; this follows the definition word by word, so
that a record is checked by something other than what wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from models.context import Entry, View
from models.offers import bid_basis_micros, offer_of
from schemas.campaign import CHECKOUT, Campaign
from schemas.decision import Candidate, Withholding
from schemas.ids import MILLION, draw_ppm
from schemas.site import OBSERVE, Site

Facts = Mapping[str, int | str]
CHECKOUT_CRITICAL = "checkout_critical"


class Lot(Struct, frozen=True):
    """One bidder: bid in micros per incremental conversion, quality in ppm."""

    campaign_id: str
    bid_micros: int
    quality_ppm: int
    priority: int = 0
    override: bool = False

    @property
    def score(self) -> int:
        """Bid times quality."""
        return self.bid_micros * self.quality_ppm


class Sold(Struct, frozen=True):
    """Bidders best first, the winner (None for doing nothing), its price, and the slot's cost."""

    ranked: tuple[Lot, ...]
    winner: Lot | None = None
    price_micros: int = 0
    charge_micros: int = 0


def quality_of(campaign: Campaign, table: Facts) -> int:
    """base + sum of weight x value, within 0 to 1,000,000 ppm; what nobody computed is 0."""
    total = campaign.base_ppm * MILLION
    for name, weight in campaign.response.items():
        value = table.get(name, 0)
        total += weight * (value if isinstance(value, int) else 0)
    return min(max(total // MILLION, 0), MILLION)


def lot_of(campaign: Campaign, view: View, table: Facts) -> Lot:
    """What a campaign offers on these facts."""
    basis = bid_basis_micros(campaign, offer_of(campaign, table))
    override = campaign.priority_override == CHECKOUT and bool(table.get(CHECKOUT_CRITICAL))
    return Lot(
        campaign.id,
        basis * pacing_of(view, campaign.id) // MILLION,
        quality_of(campaign, table),
        campaign.priority,
        override,
    )


def pacing_of(view: View, campaign_id: str) -> int:
    """The budget's multiplier of a bid in ppm; all of it without a policy."""
    policy = view.policy
    return MILLION if policy is None else policy.pacing_ppm.get(campaign_id, MILLION)


def lot_logged(each: Candidate) -> Lot:
    """A bidder as the record has it."""
    return Lot(each.campaign_id, each.bid_micros, each.quality_ppm, each.priority, each.override)


def sold(lots: list[Lot], reserve_score: int) -> Sold:
    """Override first, then score, priority, the smallest id; the price is the least that wins."""
    least = max(reserve_score, 1)

    def rank(lot: Lot) -> tuple[int, int, int, bytes]:
        first = lot.override and lot.score >= least
        return (-first, -lot.score, -lot.priority, lot.campaign_id.encode())

    ranked = tuple(sorted(lots, key=rank))
    if not ranked or ranked[0].score < least:
        return Sold(ranked)
    winner = ranked[0]
    rivals = [lot for lot in ranked[1:2] if rank(lot)[0] == rank(winner)[0]]
    goal = max([least, *(lot.score for lot in rivals)])
    price = -(-goal // winner.quality_ppm)
    at_price = Lot(winner.campaign_id, price, winner.quality_ppm, winner.priority, winner.override)
    if any(rank(lot) < rank(at_price) for lot in rivals):
        price += 1
    return Sold(ranked, winner, price, -(-price * winner.quality_ppm // MILLION))


def lost_by(lot: Lot, reserve_score: int) -> str:
    """Doing nothing was worth more, or another bid was."""
    return "below_reserve" if lot.score < max(reserve_score, 1) else "outbid"


def sold_out(entry: Entry, view: View) -> bool:
    """A campaign that shows products, all of them known to be out of stock."""
    named = [view.assortment.by_id.get(each.id) for each in entry.campaign.render.products]
    return bool(named) and all(each is not None and each.stock == 0 for each in named)


def drawn(site: Site, user_key: str, winner: Campaign | None) -> Withholding:
    """The visitor's draws from the site's secret salt, and the shares they are held against."""
    share = winner.holdout_ppm if winner is not None else 0
    return Withholding(
        draw_ppm(site.salt, "holdout", user_key) if site.holdout_ppm else 0,
        site.holdout_ppm,
        draw_ppm(site.salt, "rollout", user_key) if site.rollout_ppm < MILLION else 0,
        site.rollout_ppm,
        draw_ppm(site.salt, "holdout", winner.id, user_key) if winner and share else 0,
        share,
    )


def withheld_by(site: Site, draws: Withholding) -> str:
    """What withholds the winner from this visitor; empty for nothing."""
    if draws.holdout_draw_ppm < draws.holdout_ppm:
        return "holdout"
    if site.mode == OBSERVE:
        return "observe"
    if draws.rollout_draw_ppm >= draws.rollout_ppm:
        return "rollout"
    return "campaign_holdout" if draws.campaign_draw_ppm < draws.campaign_holdout_ppm else ""
