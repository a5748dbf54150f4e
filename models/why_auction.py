"""6 The auction by its definition, one campaign after the other: what an explanation computes with.

The core computes columns over a whole catalogue; this follows the definition word by word, so
that a record is checked by something other than what wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from models import exploration
from models.context import View
from models.offers import bid_basis_micros, offer_of
from schemas.campaign import CHECKOUT, Campaign
from schemas.decision import Candidate
from schemas.ids import MILLION

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


class Drawn(Struct, frozen=True):
    """Who gets the slot, None for nobody; with exploration every arm's share and draw.

    The arms are those that reach the reserve, or all while qualities are learned, best first, and
    doing nothing last.
    """

    chosen: Lot | None
    price_micros: int = 0
    charge_micros: int = 0
    propensity_ppm: int = MILLION
    explored: bool = False
    shares: tuple[int, ...] = ()
    draws: tuple[int, ...] = ()


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
    share = MILLION if policy is None else policy.pacing_ppm.get(campaign_id, MILLION)
    return min(max(share, 0), MILLION)


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
    return Sold(ranked, winner, price, _charge(price, winner))


def _charge(price_micros: int, lot: Lot) -> int:
    return -(-price_micros * lot.quality_ppm // MILLION)


def picked(result: Sold, reserve_score: int, view: View, decision_id: str) -> Drawn:
    """The winner, or where the policy explores whoever wins the race of the draws."""
    policy, site, winner = view.policy, view.site, result.winner
    least = 0 if view.market is not None and view.market.learned else max(reserve_score, 1)
    arms = [lot for lot in result.ranked if lot.score >= least]
    exploring = arms and policy is not None and policy.explore_floor_ppm
    if not exploring or (winner and winner.override) or policy is None or site is None:
        return Drawn(winner, result.price_micros, result.charge_micros)
    best = 0 if winner is not None else len(arms)
    shares = exploration.propensities_ppm(
        [*(lot.score for lot in arms), reserve_score],
        policy.explore_gamma_milli,
        policy.explore_floor_ppm,
        best,
    )
    names = [*(lot.campaign_id for lot in arms), ""]
    draws = [exploration.draw(site.salt, decision_id, name) for name in names]
    at = exploration.race(draws, shares)
    chosen = arms[at] if at < len(arms) else None
    price, charge = result.price_micros, result.charge_micros
    if at != best or chosen is None:
        price = _owed(chosen, max(reserve_score, 1)) if chosen else 0
        charge = _charge(price, chosen) if chosen else 0
    return Drawn(chosen, price, charge, shares[at], at != best, tuple(shares), tuple(draws))


def _owed(lot: Lot, least: int) -> int:
    """What one drawn past the winner owes: the least bid that reaches the reserve, or its own."""
    return -(-least // lot.quality_ppm) if lot.score >= least else lot.bid_micros


def lost_by(lot: Lot, reserve_score: int) -> str:
    """Doing nothing was worth more, or another bid was."""
    return "below_reserve" if lot.score < max(reserve_score, 1) else "outbid"


def sold_out(campaign: Campaign, view: View) -> bool:
    """A campaign that shows products, all of them known to be out of stock."""
    named = [view.assortment.by_id.get(each.id) for each in campaign.render.products]
    return bool(named) and all(each is not None and each.stock == 0 for each in named)
