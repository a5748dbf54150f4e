"""6 Auction: candidates bid for one slot; who wins, and at what second price.

Single-slot generalised second price with a reserve, which for one slot is a Vickrey auction
(Edelman, Ostrovsky, Schwarz 2007). All integers:

1. score = bid_micros x quality_ppm; "do nothing" is the reserve, so a candidate needs
   score >= reserve, and more than 0.
2. A candidate with `override` goes before all without. Among equals in that, the winner has the
   largest (score, priority), ties by the smallest campaign id in UTF-8.
3. price = the smallest bid that still wins = ceil(max(second score, reserve) / quality), plus one
   micro where that would lose the tie. Who goes before by override competes with its like only.

The bids come as columns over the catalogue (models/bids.py), and only the ten best become objects.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct
from numpy import array, int64
from numpy.typing import NDArray

from models.loops import IN_PYTHON, Loops
from models.masks import as_flags
from schemas.ids import MILLION

CANDIDATES_MAX = 10
SCORE_MAX = (1 << 63) - 1
MASKS_KEPT = 512

Column = NDArray[int64]


class Bid(Struct, frozen=True, gc=False):
    """One candidate: bid in micros per incremental conversion, quality in ppm."""

    campaign_id: str
    bid_micros: int
    quality_ppm: int
    priority: int = 0
    override: bool = False
    index: int = 0

    @property
    def score(self) -> int:
        """Exact product of bid and quality."""
        return self.bid_micros * self.quality_ppm


class Lots(Struct, frozen=True):
    """Who may bid, in the catalogue's order; `by_tie` gives a mask's indexes, ties' winners first.

    Few masks make up most slots, so it remembers MASKS_KEPT of them.
    """

    ids: tuple[str, ...]
    priorities: tuple[int, ...]
    by_tie: Callable[[int], Column]


class Result(Struct, frozen=True):
    """The ten best, best first; `winner` is None for "do nothing".

    `charge_micros` is what this slot costs: ceil(price x quality / 1,000,000). `outbid` and `below`
    are masks of all that lost to another bid, or to the reserve.
    """

    ranked: tuple[Bid, ...]
    winner: Bid | None = None
    price_micros: int = 0
    charge_micros: int = 0
    outbid: int = 0
    below: int = 0


def lots_of(ids: tuple[str, ...], priorities: tuple[int, ...]) -> Lots:
    """Work out the order of ties: priority, then the smallest id in UTF-8."""
    count = len(ids)
    order = sorted(range(count), key=lambda at: (-priorities[at], ids[at].encode()))
    column = array(order, int64)

    @lru_cache(MASKS_KEPT)
    def by_tie(mask: int) -> Column:
        those: Column = column[as_flags(mask, count)[column]]
        return those

    return Lots(ids, priorities, by_tie)


def run(
    lots: Lots,
    bids: Column,
    qualities: Column,
    bidding: int,
    reserve_score: int,
    overriding: int = 0,
    loops: Loops = IN_PYTHON,
) -> Result:
    """Auction one slot among `bidding`, of whom `overriding` go first; both are masks.

    `bids` (micros) and `qualities` (ppm) are over the catalogue; each score, and the reserve, is
    at most SCORE_MAX.
    """
    if not bidding:
        return Result(())
    least, those = max(reserve_score, 1), lots.by_tie(bidding)
    rows, able = loops.ranked(bids, qualities, those, bidding, least, CANDIDATES_MAX)
    first = overriding & able
    if first:
        those = lots.by_tie(first)
        ahead, _ = loops.ranked(bids, qualities, those, first, least, CANDIDATES_MAX)
        rows = [*ahead, *(row for row in rows if not first >> row[0] & 1)][:CANDIDATES_MAX]
    ranked = _bids(lots, rows, first)
    if not able:
        return Result(ranked, below=bidding)
    winner = ranked[0]
    second = ranked[1] if len(ranked) > 1 and ranked[1].override == winner.override else None
    price = _price(winner, second, reserve_score)
    charge = charge_of(price, winner.quality_ppm)
    return Result(ranked, winner, price, charge, able ^ 1 << winner.index, bidding & ~able)


def _bids(lots: Lots, rows: list[tuple[int, int, int]], overriding: int) -> tuple[Bid, ...]:
    ids, priorities = lots.ids, lots.priorities
    return tuple(
        [
            Bid(ids[at], bid, quality, priorities[at], overriding >> at & 1 == 1, at)
            for at, bid, quality in rows
        ]
    )


def _price(winner: Bid, second: Bid | None, reserve_score: int) -> int:
    second_score = second.score if second is not None else 0
    price = reserve_price(winner, max(second_score, reserve_score))
    if second is not None and price * winner.quality_ppm == second_score:
        price += _loses_tie(winner, second)
    return price


def reserve_price(bid: Bid, reserve_score: int) -> int:
    """The smallest bid of this quality that reaches a score, and at least 1 micro."""
    return -(-max(reserve_score, 1) // bid.quality_ppm)


def charge_of(price_micros: int, quality_ppm: int) -> int:
    """What a slot costs at a price per conversion, rounded up."""
    return -(-price_micros * quality_ppm // MILLION)


def _loses_tie(winner: Bid, second: Bid) -> bool:
    """At equal scores the second would go before the winner."""
    return (-second.priority, second.campaign_id.encode()) < (
        -winner.priority,
        winner.campaign_id.encode(),
    )
