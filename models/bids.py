"""6 Bids: what each eligible campaign offers for a slot, and how candidates stand in the record."""

from __future__ import annotations

from models import auction
from models.context import Entry, View
from models.facts import Facts
from schemas.campaign import Campaign
from schemas.decision import Candidate
from schemas.ids import MILLION

CANDIDATES_MAX = 10


def bids_of(entries: list[Entry], view: View, table: Facts) -> list[auction.Bid]:
    """A bid each: margin x pacing, and the incremental probability for this visitor."""
    pacing = pacing_of(view)
    return [
        auction.Bid(
            entry.campaign.id,
            entry.campaign.margin_micros * pacing.get(entry.campaign.id, MILLION) // MILLION,
            quality_ppm(entry.campaign, table),
            entry.campaign.priority,
        )
        for entry in entries
    ]


def pacing_of(view: View) -> dict[str, int]:
    """Campaign -> bid multiplier in ppm; one that is absent bids in full."""
    return view.policy.pacing_ppm if view.policy is not None else {}


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


def candidates(
    result: auction.Result, reserve_score: int, pacing: dict[str, int], won: str
) -> tuple[Candidate, ...]:
    """The ten best, best first, each with what it won or lost by; `won` is said of the winner."""
    return tuple(
        Candidate(
            bid.campaign_id,
            bid.bid_micros,
            bid.quality_ppm,
            bid.score,
            result.price_micros if bid is result.winner else 0,
            MILLION if bid is result.winner else 0,
            priority=bid.priority,
            pacing_ppm=pacing.get(bid.campaign_id, MILLION),
            reserve_score=reserve_score,
            reason=won if bid is result.winner else lost_by(bid, reserve_score),
        )
        for bid in result.ranked[:CANDIDATES_MAX]
    )


def lost_by(bid: auction.Bid, reserve_score: int) -> str:
    """What a bid lost by: doing nothing was worth more, or another bid was."""
    return "below_reserve" if bid.score < max(reserve_score, 1) else "outbid"
