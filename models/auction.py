"""6 Auction: candidates bid for one slot; who wins, and at what second price.

Single-slot generalised second price with a reserve, which for one slot is a Vickrey auction
(Edelman, Ostrovsky, Schwarz 2007). All integers:

1. score = bid_micros x quality_ppm; "do nothing" is the reserve, so a candidate needs
   score >= reserve.
2. The winner has the largest (score, priority), ties by the smallest campaign id in UTF-8.
3. price = the smallest bid that still wins = ceil(max(second score, reserve) / quality), plus one
   micro where that would lose the tie; never more than the own bid.
"""

from __future__ import annotations

from msgspec import Struct

MILLION = 1_000_000


class Bid(Struct, frozen=True, gc=False):
    """One candidate: bid in micros per incremental conversion, quality in ppm."""

    campaign_id: str
    bid_micros: int
    quality_ppm: int
    priority: int = 0

    @property
    def score(self) -> int:
        """Exact product of bid and quality."""
        return self.bid_micros * self.quality_ppm


class Result(Struct, frozen=True):
    """Candidates best first; `winner` is None for "do nothing".

    `charge_micros` is what this slot costs: ceil(price x quality / 1,000,000).
    """

    ranked: tuple[Bid, ...]
    winner: Bid | None
    price_micros: int = 0
    charge_micros: int = 0


def _rank(bid: Bid) -> tuple[int, int, bytes]:
    return (-bid.score, -bid.priority, bid.campaign_id.encode())


def run(bids: list[Bid], reserve_score: int) -> Result:
    """Auction one slot. The order of `bids` does not matter."""
    ranked = tuple(sorted(bids, key=_rank))
    if not ranked or ranked[0].score <= 0 or ranked[0].score < reserve_score:
        return Result(ranked, None)
    winner = ranked[0]
    price = _price(winner, ranked[1] if len(ranked) > 1 else None, reserve_score)
    charge = -(-price * winner.quality_ppm // MILLION)
    return Result(ranked, winner, price, charge)


def _price(winner: Bid, second: Bid | None, reserve_score: int) -> int:
    quality = winner.quality_ppm
    second_score = second.score if second is not None else 0
    floor = max(second_score, reserve_score, 1)
    price = -(-floor // quality)
    if second is not None and price * quality == second_score and _loses_tie(winner, second):
        price += 1
    return min(price, winner.bid_micros)


def _loses_tie(winner: Bid, second: Bid) -> bool:
    return _rank(second)[1:] < _rank(winner)[1:]
