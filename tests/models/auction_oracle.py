"""A slow and obvious auction, and the instances that both are held to.

It looks at everybody, and finds a price by bidding one micro more at a time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace
from numpy import array, int64

from models.auction import Bid, Result, lots_of, run

INSTANCES = 10_000


class Instance(Struct):
    """Bids of one slot with small numbers, so that most have ties, and the reserve."""

    bids: list[Bid]
    reserve: int

    def with_bid(self, campaign_id: str, bid_micros: int) -> Instance:
        """The same slot with another bid of one campaign."""
        return self._with(campaign_id, bid_micros=bid_micros)

    def with_quality(self, campaign_id: str, quality_ppm: int) -> Instance:
        """The same slot with another quality of one campaign."""
        return self._with(campaign_id, quality_ppm=quality_ppm)

    def without(self, campaign_id: str) -> Instance:
        """The same slot without one campaign."""
        return Instance(
            [each for each in self.bids if each.campaign_id != campaign_id], self.reserve
        )

    def _with(self, campaign_id: str, **changed: int) -> Instance:
        bids = [
            replace(each, **changed) if each.campaign_id == campaign_id else each
            for each in self.bids
        ]
        return Instance(bids, self.reserve)


def instances(seed: int, count: int = INSTANCES) -> Iterator[Instance]:
    """Seeded instances; prints how many, which pytest shows with -rP or on failure."""
    rng = random.Random(seed)
    print(f"{count} instances, seed {seed}")
    for _ in range(count):
        urgent = rng.random() < 0.2
        names = rng.sample("abcdefghijklmnopqrstuvwxyzä", rng.choice((0, 1, 2, 2, 3, 4, 6, 14)))
        bids = [
            Bid(
                name,
                rng.randint(0, 6),
                rng.randint(0, 6),
                rng.randint(-1, 1),
                urgent and rng.random() < 0.4,
            )
            for name in names
        ]
        yield Instance(bids, rng.choice((0, 0, 1, 4, 9, rng.randint(0, 40))))


def auctioned(slot: Instance) -> Result:
    """What models/auction.py makes of an instance."""
    bids = slot.bids
    lots = lots_of(tuple(b.campaign_id for b in bids), tuple(b.priority for b in bids))
    return run(
        lots,
        array([b.bid_micros for b in bids], int64),
        array([b.quality_ppm for b in bids], int64),
        (1 << len(bids)) - 1,
        slot.reserve,
        sum(1 << at for at, b in enumerate(bids) if b.override),
    )


def goes_before(one: Bid, other: Bid) -> bool:
    """One rule after the other."""
    if one.override != other.override:
        return one.override
    if one.score != other.score:
        return one.score > other.score
    if one.priority != other.priority:
        return one.priority > other.priority
    return one.campaign_id.encode() < other.campaign_id.encode()


def naive_winner(slot: Instance) -> str:
    """The campaign before which nobody goes, among those worth more than nothing; "" for none."""
    best = None
    for bid in slot.bids:
        if bid.score == 0 or bid.score < slot.reserve:
            continue
        if best is None or goes_before(bid, best):
            best = bid
    return best.campaign_id if best is not None else ""


def naive_price(slot: Instance) -> int:
    """Bid one micro more at a time until it wins; 0 if nobody does."""
    winner = naive_winner(slot)
    bid_micros = 0
    while winner and naive_winner(slot.with_bid(winner, bid_micros)) != winner:
        bid_micros += 1
    return bid_micros
