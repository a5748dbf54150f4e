"""What a naive decider is about: the shop in force, what was given, and small arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from models.auction import Bid
from schemas.campaign import Campaign
from schemas.model import Head
from schemas.products import CatalogueProduct
from schemas.site import Site
from tests.models.auction_oracle import Instance, goes_before, naive_winner

MILLION = 1_000_000
DAY, LAPSE, HOLD, STALE = 86_400_000, 10_000, 60_000, 30_000
STAGES = ("browse", "cart", "high_intent")
Facts = dict[str, Any]


@dataclass
class Shop:
    """What is in force; `holds` are the campaigns' conditions by id."""

    site: Site
    campaigns: list[Campaign]
    holds: dict[str, Callable[[Facts], bool]]
    products: list[CatalogueProduct]
    heads: list[Head]
    concept_names: list[str]
    concepts_of: Callable[[list[float]], list[int]]
    pacing: dict[str, int]
    versions: tuple[int, ...]


@dataclass(eq=False)
class Given:
    """One action that was decided, and what became of it."""

    slot: str
    decision: str
    campaign: Campaign
    visit: int
    entry: int
    tab: tuple[str, str]
    decided: int
    until: int
    state: str
    dismissed: bool = False

    def counts(self, now: int) -> bool:
        """Whether it uses up caps and its stage."""
        if self.state == "held":
            return now <= self.until
        if self.state == "reserved":
            return now <= self.until + LAPSE
        return self.state in ("shown", "withheld")


def score(head: Head, concepts: list[int]) -> int:
    """The calibrated sigmoid of a head's logit, between the two grid points around it."""
    logit = head.bias_micro + sum(
        weight * (2 * concept - MILLION) // MILLION
        for weight, concept in zip(head.weights_micro, concepts, strict=True)
    )
    logit = min(max(logit, -12 * MILLION), 12 * MILLION - 1)
    low = logit // 10_000 * 10_000
    near, far = _sigmoid(low), _sigmoid(low + 10_000)
    raw = near + (far - near) * (logit - low) // 10_000
    xs, ys = head.calibration_x, head.calibration_y
    if not xs or raw < xs[0]:
        return ys[0] if xs else raw
    for at in range(len(xs) - 1):
        if raw < xs[at + 1]:
            return ys[at] + (ys[at + 1] - ys[at]) * (raw - xs[at]) // (xs[at + 1] - xs[at])
    return ys[-1]


def _sigmoid(micro: int) -> int:
    return int((MILLION / (1 + (Decimal(-micro) / MILLION).exp())).to_integral_value())


def price_of(bids: list[Bid], reserve: int) -> int:
    """The smallest bid with which the winner still wins, by halving; 0 where nobody wins."""
    slot = Instance(bids, reserve)
    winner = naive_winner(slot)
    if not winner:
        return 0
    low, high = 0, next(bid.bid_micros for bid in bids if bid.campaign_id == winner)
    while high - low > 1:
        middle = (low + high) // 2
        if naive_winner(slot.with_bid(winner, middle)) == winner:
            high = middle
        else:
            low = middle
    return high


def ranked(bids: list[Bid]) -> list[Bid]:
    """The best first, by asking of each pair who goes before."""
    out: list[Bid] = []
    for bid in bids:
        at = sum(goes_before(other, bid) for other in out)
        out.insert(at, bid)
    return out
