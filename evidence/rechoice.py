"""A logged choice under another policy: the chances that each of its candidates would have had.

Who was filtered out stays out, bids stay as they were paced, and only the ten candidates of the
record bid: the record does not hold others. Qualities and exploration are the policy's.
"""

from __future__ import annotations

from msgspec.structs import replace
from numpy import int64, zeros

from models import auction
from models.bids import qualities_of
from models.choice import picked
from models.context import View
from models.market import market_of
from schemas.decision import Decision
from schemas.ids import MILLION
from schemas.policy import Policy


def under(view: View, policy: Policy, now_ms: int) -> View:
    """The same view with another policy in force at this engine time, whatever its age."""
    assert view.catalogue is not None
    asked = replace(policy, held=True)
    return replace(view, policy=asked, market=market_of(view.catalogue, asked, {}, now_ms))


def chances_ppm(decision: Decision, view: View) -> dict[str, int]:
    """Probability by campaign id, that of doing nothing under ""; they add up to 1,000,000.

    Raises KeyError for a candidate that the view's catalogue does not have.
    """
    assert view.catalogue is not None and view.market is not None
    lots = view.market.book.lots
    at = {name: index for index, name in enumerate(lots.ids)}
    bids, bidding = zeros(len(lots.ids), int64), 0
    for each in decision.candidates:
        bids[at[each.campaign_id]] = each.bid_micros
        bidding |= 1 << at[each.campaign_id]
    first = view.catalogue.screens.overriding if _urgent(decision) else 0
    known = {**decision.concepts, **decision.scores}
    qualities, reserve = qualities_of(view.market.book, known), decision.nothing.score
    result = auction.run(lots, bids, qualities, bidding, reserve, first & bidding)
    pick = picked(result, view, reserve, decision.decision_id)
    if not pick.propensities:
        return {"" if pick.winner is None else pick.winner.campaign_id: MILLION}
    names = [bid.campaign_id for bid in result.ranked[: len(pick.propensities) - 1]]
    return dict(zip([*names, ""], pick.propensities, strict=True))


def _urgent(decision: Decision) -> bool:
    return any(each.override for each in decision.candidates)


def logged_ppm(decision: Decision) -> int:
    """The chance that what was chosen had."""
    return decision.propensity_ppm or decision.nothing.propensity_ppm
