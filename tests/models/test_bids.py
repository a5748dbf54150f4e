"""Bids: columns against the arithmetic of one campaign, in plain integers."""

from __future__ import annotations

import random

import pytest

from models.bids import BID_MICROS_MAX, book_of, paced, qualities_of, with_offers
from schemas.campaign import Campaign
from schemas.offer import Offer

MILLION = 1_000_000
INSTANCES = 10_000
SCORES = ("purchase_intent", "churn_risk", "frustration")


def campaigns(rng: random.Random) -> tuple[Campaign, ...]:
    return tuple(
        Campaign(
            id=f"c{number}",
            margin_micros=rng.choice((0, 7, 12_500_000, BID_MICROS_MAX // 2)),
            value_micros=rng.choice((0, 3)),
            base_ppm=rng.choice((0, 5_000, 990_000)),
            response={name: rng.randint(-40_000, 40_000) for name in SCORES if rng.random() < 0.6},
            offers=tuple(
                Offer(
                    name=f"o{step}",
                    risk_ppm=step * 200_000,
                    value_micros=step * 10,
                    margin_micros=rng.randint(0, 9),
                )
                for step in range(rng.choice((0, 0, 3)))
            ),
        )
        for number in range(rng.randint(1, 8))
    )


def naive_quality(campaign: Campaign, table: dict[str, int | str]) -> int:
    total = campaign.base_ppm * MILLION
    for name, weight in campaign.response.items():
        total += weight * int(table.get(name, 0))
    return min(max(total // MILLION, 0), MILLION)


def naive_bid(campaign: Campaign, table: dict[str, int | str], share: int) -> tuple[int, str]:
    """(bid, offer): the last offer whose two bounds hold replaces the margin."""
    margin, name = campaign.margin_micros, ""
    for offer in campaign.offers:
        risky = int(table.get("churn_risk", 0)) >= offer.risk_ppm
        if risky and int(table.get("potential_value", 0)) >= offer.value_micros:
            margin, name = offer.margin_micros, offer.name
    return (margin + campaign.value_micros) * share // MILLION, name


@pytest.mark.promise("C48", "X1", "X2")
def test_columns_are_what_each_campaign_s_own_arithmetic_gives() -> None:
    """Bid from margin, offer, value beside it and pacing; quality from base and scores."""
    rng = random.Random(61)
    print(f"{INSTANCES} instances, seed 61")
    chosen = 0
    for _ in range(INSTANCES):
        made = campaigns(rng)
        pacing = {each.id: rng.choice((0, 1, 333_333, MILLION)) for each in made[::2]}
        table: dict[str, int | str] = {
            name: rng.randint(0, MILLION) for name in SCORES if rng.random() < 0.9
        }
        table["potential_value"] = rng.randint(0, 30)
        book = book_of(made)
        under = paced(book, pacing)
        with_offers(book, under, {"churn_risk": MILLION, "potential_value": 30})
        bids, offers = with_offers(book, under, table)
        qualities = qualities_of(book, table)
        for index, each in enumerate(made):
            share = pacing.get(each.id, MILLION)
            bid, offer = naive_bid(each, table, share)
            assert int(bids[index]) == bid
            assert (offers[index].name if index in offers else "") == offer
            assert int(qualities[index]) == naive_quality(each, table)
            assert under.spent >> index & 1 == (share == 0)
            chosen += bool(offer)
    assert chosen > INSTANCES // 2


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"margin_micros": BID_MICROS_MAX + 1}, "a conversion is worth"),
        ({"margin_micros": -1}, "a conversion is worth"),
        ({"offers": (Offer(margin_micros=BID_MICROS_MAX + 1),)}, "a conversion is worth"),
        ({"response": {"churn_risk": BID_MICROS_MAX + 1}}, "base and response"),
        ({"base_ppm": -BID_MICROS_MAX - 1}, "base and response"),
    ],
)
def test_numbers_that_could_leave_64_bits_are_refused_by_name(
    fields: dict[str, object], named: str
) -> None:
    """The catalogue before stays in force; nothing wraps silently."""
    with pytest.raises(ValueError, match=f"x: {named}"):
        book_of((Campaign(id="x", **fields),))  # type: ignore[arg-type]
