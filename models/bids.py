"""6 Bids: what each campaign offers for a slot, as columns of integers over the catalogue.

1. Once per catalogue: the worth of one conversion, base probability and the weight of each score.
2. Once per set of versions: worth x pacing, which is the bid; pacing 0 means a spent budget. What
   learning found of a campaign takes the place of its base and weights.
3. Per decision: one product of weights and scores gives every quality, and the few campaigns with
   offers get the bid of the visitor's own offer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from numpy import array, int64, zeros

from models.auction import SCORE_MAX, Column, Lots, lots_of
from models.loops import IN_PYTHON, Loops
from models.offers import bid_basis_micros, offer_of
from schemas.campaign import Campaign
from schemas.ids import MILLION
from schemas.offer import Offer
from schemas.policy import Quality

BID_MICROS_MAX = SCORE_MAX // MILLION
"""Largest worth of a conversion: its score fits 64 bits at any quality."""

FULL: Mapping[str, int] = {}
"""Pacing without a policy: everybody bids in full."""


class Book(Struct, frozen=True):
    """The columns of a catalogue.

    `weights` has a row a campaign and a column a name of `names`, and the base as a last column.
    """

    lots: Lots
    worth_micros: tuple[int, ...]
    names: tuple[str, ...]
    weights: Column
    offering: tuple[tuple[int, Campaign], ...]


class Paced(Struct, frozen=True):
    """Bids under a policy: the column of micros, multipliers in ppm, and who has spent all."""

    bids: Column
    pacing_ppm: tuple[int, ...]
    spent: int


def book_of(campaigns: tuple[Campaign, ...]) -> Book:
    """The columns. Raises ValueError if a score or a quality could leave 64 bits."""
    for each in campaigns:
        _check(each)
    names, weights = _linear(campaigns)
    return Book(
        lots_of(tuple(each.id for each in campaigns), tuple(each.priority for each in campaigns)),
        tuple(bid_basis_micros(each, None) for each in campaigns),
        names,
        weights,
        tuple((index, each) for index, each in enumerate(campaigns) if each.offers),
    )


def _linear(forms: Sequence[Campaign | Quality]) -> tuple[tuple[str, ...], Column]:
    """Names of scores in order, and a row of weights for each form, its base last."""
    names = tuple(sorted({name for each in forms for name in each.response}))
    at = {name: place for place, name in enumerate(names)}
    weights = zeros((len(forms), len(names) + 1), int64)
    for row, each in enumerate(forms):
        weights[row, -1] = each.base_ppm
        for name, weight in each.response.items():
            weights[row, at[name]] = weight
    return names, weights


def learned_book(
    book: Book, campaigns: Sequence[Campaign], qualities: Mapping[str, Quality]
) -> Book:
    """The columns of the same campaigns with what learning found in place of their priors."""
    if not qualities:
        return book
    names, weights = _linear([qualities.get(each.id, each) for each in campaigns])
    return replace(book, names=names, weights=weights)


def _check(campaign: Campaign) -> None:
    worths = [bid_basis_micros(campaign, offer) for offer in (None, *campaign.offers)]
    if not all(0 <= worth <= BID_MICROS_MAX for worth in worths):
        raise ValueError(f"{campaign.id}: a conversion is worth 0 to {BID_MICROS_MAX} micros")
    reach = abs(campaign.base_ppm) + sum(map(abs, campaign.response.values()))
    if reach > BID_MICROS_MAX:
        raise ValueError(f"{campaign.id}: base and response add up to more than {BID_MICROS_MAX}")


def paced(book: Book, pacing: Mapping[str, int]) -> Paced:
    """Bids under multipliers by campaign id, each taken as 0 to 1,000,000; absent = in full."""
    shares = tuple(min(max(pacing.get(name, MILLION), 0), MILLION) for name in book.lots.ids)
    bids = [
        worth * share // MILLION for worth, share in zip(book.worth_micros, shares, strict=True)
    ]
    spent = sum(1 << index for index, share in enumerate(shares) if share == 0)
    return Paced(array(bids, int64), shares, spent)


def qualities_of(book: Book, table: Mapping[str, int | str], loops: Loops = IN_PYTHON) -> Column:
    """Incremental conversion probabilities in ppm: base + sum of weight x score, 0 to 1,000,000.

    A score that nobody computed (rules decide) counts as zero.
    """
    scores: list[Any] = [table.get(name, 0) for name in book.names]
    scores.append(MILLION)
    return loops.qualities(book.weights, scores)


def with_offers(
    book: Book, under: Paced, table: Mapping[str, int | str]
) -> tuple[Column, dict[int, Offer]]:
    """Bids with each visitor's own offers, and these by the campaign's index."""
    if not book.offering:
        return under.bids, {}
    bids, chosen = under.bids.copy(), {}
    for index, campaign in book.offering:
        offer = offer_of(campaign, table)
        if offer is not None:
            chosen[index] = offer
            bids[index] = bid_basis_micros(campaign, offer) * under.pacing_ppm[index] // MILLION
    return bids, chosen
