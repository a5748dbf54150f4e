"""6-7 Choice: one slot from the catalogue to the one campaign, or to doing nothing.

Eligibility, caps and stage, then quality, bid, auction and exploration. Who may not see the choice
is asked after it (models/withholding.py).
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from numpy import int64, zeros

from models import auction, exploration
from models.auction import SCORE_MAX, Bid, Column, Result
from models.bids import qualities_of, with_offers
from models.context import View
from models.eligibility import Sieve, ask, for_fallback, sieve
from models.exposures import shown_in_session
from models.facts import Facts
from schemas.decision import Candidate, Nothing
from schemas.ids import MILLION
from schemas.offer import Offer
from schemas.profile import Profile

CHECKOUT_CRITICAL = "checkout_critical"


class Lines(Struct, frozen=True):
    """Bids in micros and qualities in ppm over the catalogue, and offers by campaign's index."""

    bids: Column
    qualities: Column
    offers: dict[int, Offer]


NO_LINES = Lines(zeros(0, int64), zeros(0, int64), {})
NOBODY = Result(())


class Pick(Struct, frozen=True):
    """Who gets the slot, None for doing nothing, and at what price.

    `propensities` and `draws` are of the arms, the ranked first and doing nothing last; both are
    empty without exploration.
    """

    winner: Bid | None
    price_micros: int = 0
    charge_micros: int = 0
    propensity_ppm: int = MILLION
    explored: bool = False
    propensities: tuple[int, ...] = ()
    draws: tuple[int, ...] = ()


class Choice(Struct, frozen=True):
    """All that was found out about one slot."""

    sieve: Sieve
    reserve: int
    lines: Lines
    result: Result
    pick: Pick


def choose(
    profile: Profile,
    view: View,
    table: Callable[[], Facts],
    placement: str,
    trigger: str,
    now_ms: int,
    decision_id: str,
) -> Choice:
    """Choose for one slot; `table` is asked for facts only where somebody is left to bid."""
    assert view.site is not None and view.catalogue is not None and view.market is not None
    book, paced = view.market.book, view.market.paced
    found = sieve(profile, view, placement, trigger, now_ms)
    reserve = min(view.site.reserve_micros * MILLION * (1 + shown_in_session(profile)), SCORE_MAX)
    if not found.eligible and not found.silent:
        return Choice(found, reserve, NO_LINES, NOBODY, Pick(None))
    known = table()
    ask(found, view, known)
    bids, offers = with_offers(book, paced, known)
    lines = Lines(bids, qualities_of(book, known, view.loops), offers)
    urgent = view.catalogue.screens.overriding if known[CHECKOUT_CRITICAL] else 0
    able = found.eligible
    result = auction.run(book.lots, bids, lines.qualities, able, reserve, urgent, view.loops)
    return Choice(found, reserve, lines, result, picked(result, view, reserve, decision_id))


def picked(result: Result, view: View, reserve: int, decision_id: str) -> Pick:
    """The auction's winner, or what the race draws instead; an override is never explored away."""
    policy, winner, market = view.policy, result.winner, view.market
    assert view.site is not None and market is not None
    everybody = market.learned and bool(result.ranked)
    tried = (winner is not None or everybody) and not (winner is not None and winner.override)
    if not tried or policy is None or not policy.explore_floor_ppm:
        return Pick(winner, result.price_micros, result.charge_micros)
    arms = [bid for bid in result.ranked if everybody or bid.score >= max(reserve, 1)]
    best = 0 if winner is not None else len(arms)
    shares = exploration.propensities_ppm(
        [*(bid.score for bid in arms), reserve],
        policy.explore_gamma_milli,
        policy.explore_floor_ppm,
        best,
    )
    names = [*(bid.campaign_id for bid in arms), ""]
    draws = [exploration.draw(view.site.salt, decision_id, name) for name in names]
    at = exploration.race(draws, shares)
    price, charge = result.price_micros, result.charge_micros
    if at == len(arms):
        return Pick(None, 0, 0, shares[at], at != best, tuple(shares), tuple(draws))
    if at != best:
        price, charge = _owed(arms[at], reserve)
    return Pick(arms[at], price, charge, shares[at], at != best, tuple(shares), tuple(draws))


def _owed(bid: Bid, reserve: int) -> tuple[int, int]:
    """Price and charge of who was drawn past the winner: the slot's worth, its own bid at most.

    The second price is what the winner would pay.
    """
    if bid.score < max(reserve, 1):
        return bid.bid_micros, auction.charge_of(bid.bid_micros, bid.quality_ppm)
    price = auction.reserve_price(bid, reserve)
    return price, auction.charge_of(price, bid.quality_ppm)


def candidates(choice: Choice, pacing_ppm: tuple[int, ...], said: str) -> tuple[Candidate, ...]:
    """The ten best, best first, each with what it lost by; `said` of who gets the slot."""
    pick, reserve, offers = choice.pick, choice.reserve, choice.lines.offers
    best, least = choice.result.winner, max(reserve, 1)
    shares, draws = pick.propensities, pick.draws
    out = []
    for at, bid in enumerate(choice.result.ranked):
        score = bid.bid_micros * bid.quality_ppm
        chosen, arm = bid is pick.winner, at < len(shares) - 1
        lost = "below_reserve" if score < least else "not_drawn" if bid is best else "outbid"
        offer = offers.get(bid.index) if offers else None
        out.append(
            Candidate(
                bid.campaign_id,
                bid.bid_micros,
                bid.quality_ppm,
                score,
                pick.price_micros if chosen else 0,
                shares[at] if arm else MILLION if chosen else 0,
                draws[at] if arm else 0,
                bid.priority,
                bid.override,
                offer.name if offer is not None else "",
                pacing_ppm[bid.index],
                reserve,
                said if chosen else lost,
            )
        )
    return tuple(out)


def nothing(choice: Choice) -> Nothing:
    """Doing nothing as the record says it."""
    pick = choice.pick
    if pick.propensities:
        return Nothing(choice.reserve, pick.propensities[-1], pick.draws[-1])
    return Nothing(choice.reserve, MILLION if pick.winner is None else 0)


def reasons(choice: Choice) -> dict[str, int]:
    """Reason code -> mask of the campaigns it removed; who gets the slot has none."""
    out, result, winner = choice.sieve.reasons, choice.result, choice.pick.winner
    outbid, below = result.outbid, result.below
    if choice.pick.explored:
        if result.winner is not None:
            out["not_drawn"] = 1 << result.winner.index
        if winner is not None:
            outbid, below = outbid & ~(1 << winner.index), below & ~(1 << winner.index)
    if outbid:
        out["outbid"] = outbid
    if below:
        out["below_reserve"] = below
    return out


def fallback(choice: Choice, view: View, table: Callable[[], Facts]) -> Bid | None:
    """Who may be shown if the next answer is late, under the same filters but the trigger."""
    assert view.catalogue is not None
    if not choice.sieve.silent:
        return None
    able = for_fallback(choice.sieve, view, table())
    book, lines = view.catalogue.book, choice.lines
    reserve, loops = choice.reserve, view.loops
    return auction.run(book.lots, lines.bids, lines.qualities, able, reserve, loops=loops).winner
