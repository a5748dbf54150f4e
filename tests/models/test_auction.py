"""Auction: the thirteen groups of properties, each on 10,000 instances against a naive oracle.

Numbers 1 to 10 are here; budgets (11) in test_pacing.py, caps and exclusion groups (12) in
test_caps.py, determinism (13) here and over whole journeys in test_caps.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from msgspec.structs import replace

from models.auction import SCORE_MAX, Bid, Result, charge_of
from models.bids import BID_MICROS_MAX
from tests.models.auction_oracle import (
    INSTANCES,
    Instance,
    auctioned,
    goes_before,
    instances,
    naive_price,
    naive_winner,
)

pytestmark = pytest.mark.long

MILLION = 1_000_000


def name_of(bid: Bid | None) -> str:
    return bid.campaign_id if bid is not None else ""


def won(seed: int) -> Iterator[tuple[Instance, Result, Bid]]:
    """Instances that somebody wins, with the result."""
    for slot in instances(seed):
        result = auctioned(slot)
        if result.winner is not None:
            yield slot, result, result.winner


@pytest.mark.promise("M24", "D5", "C50", "M23")
def test_winner_and_price_are_those_of_the_naive_search() -> None:
    """Whoever nobody goes before wins, at the smallest bid found by trying each micro."""
    ties = contested = 0
    for slot in instances(1):
        result = auctioned(slot)
        assert name_of(result.winner) == naive_winner(slot)
        assert result.price_micros == naive_price(slot)
        contested += result.winner is not None
        ties += len({bid.score for bid in slot.bids}) < len(slot.bids)
    assert contested > INSTANCES // 2 and ties > INSTANCES // 3


def test_the_ten_best_are_ranked_as_the_naive_order_ranks_them() -> None:
    """Best first, no more than ten, and nobody left out goes before one of them."""
    for slot in instances(2):
        ranked = auctioned(slot).ranked
        assert len(ranked) == min(10, len(slot.bids))
        for one, other in pairwise(ranked):
            assert goes_before(one, other)
        names = {bid.campaign_id for bid in ranked}
        left = [bid for bid in slot.bids if bid.campaign_id not in names]
        able = [bid for bid in left if bid.score >= max(slot.reserve, 1)]
        assert not any(goes_before(bid, ranked[-1]) for bid in able)


@pytest.mark.promise("M26")
def test_1_raising_ones_bid_never_loses_the_slot() -> None:
    for slot, _, mine in won(3):
        for more in (1, 5):
            raised = slot.with_bid(mine.campaign_id, mine.bid_micros + more)
            assert name_of(auctioned(raised).winner) == mine.campaign_id


@pytest.mark.promise("M26")
def test_2_raising_ones_quality_never_loses_the_slot() -> None:
    for slot, _, mine in won(4):
        for more in (1, 5):
            raised = slot.with_quality(mine.campaign_id, mine.quality_ppm + more)
            assert name_of(auctioned(raised).winner) == mine.campaign_id


def test_3_price_is_at_most_the_bid_and_covers_reserve_and_second() -> None:
    """The charge is what the slot is worth at that price, rounded up."""
    for slot, result, mine in won(5):
        worth = result.price_micros * mine.quality_ppm
        rivals = [
            bid.score
            for bid in slot.bids
            if bid.campaign_id != mine.campaign_id and bid.override >= mine.override
        ]
        assert 1 <= result.price_micros <= mine.bid_micros
        assert worth >= max([slot.reserve, *rivals])
        assert result.charge_micros == -(-worth // MILLION)


def test_4_price_does_not_follow_the_own_bid() -> None:
    for slot, result, mine in won(6):
        raised = auctioned(slot.with_bid(mine.campaign_id, mine.bid_micros + 3))
        assert (raised.price_micros, raised.charge_micros) == (
            result.price_micros,
            result.charge_micros,
        )


def test_5_bidding_the_price_keeps_the_slot_and_one_micro_less_loses_it() -> None:
    for slot, result, mine in won(7):
        name, price = mine.campaign_id, result.price_micros
        assert name_of(auctioned(slot.with_bid(name, price)).winner) == name
        assert name_of(auctioned(slot.with_bid(name, price - 1)).winner) != name


@pytest.mark.promise("M27")
def test_6_order_of_the_catalogue_does_not_matter() -> None:
    """Any permutation gives the same ranking, winner, price, and reason for each campaign."""
    rng = random.Random(8)
    for slot in instances(8):
        result = auctioned(slot)
        shuffled = Instance(rng.sample(slot.bids, len(slot.bids)), slot.reserve)
        other = auctioned(shuffled)
        assert [replace(bid, index=0) for bid in other.ranked] == [
            replace(bid, index=0) for bid in result.ranked
        ]
        assert other.price_micros == result.price_micros
        assert named(shuffled, other.outbid) == named(slot, result.outbid)
        assert named(shuffled, other.below) == named(slot, result.below)


def named(slot: Instance, mask: int) -> set[str]:
    return {bid.campaign_id for at, bid in enumerate(slot.bids) if mask >> at & 1}


def test_7_one_who_joins_below_changes_nothing_and_a_rival_never_lowers_the_price() -> None:
    rng = random.Random(9)
    for slot, result, mine in won(9):
        joined = auctioned(Instance([*slot.bids, Bid("zz", 0, rng.randint(0, 6))], slot.reserve))
        assert (name_of(joined.winner), joined.price_micros) == (
            mine.campaign_id,
            result.price_micros,
        )
        rivals = [bid for bid in slot.bids if bid.campaign_id != mine.campaign_id]
        if rivals:
            rival = rng.choice(rivals)
            raised = auctioned(slot.with_bid(rival.campaign_id, rival.bid_micros + 1))
            if name_of(raised.winner) == mine.campaign_id:
                assert raised.price_micros >= result.price_micros


def test_8_nobody_envies_the_winner_at_stated_bids() -> None:
    """To a loser of the same standing the slot is worth no more than the winner pays for it."""
    for slot, result, mine in won(10):
        paid = result.price_micros * mine.quality_ppm
        for bid in slot.bids:
            if bid.override == mine.override:
                assert bid.score <= paid or bid.campaign_id == mine.campaign_id


def test_9_money_has_no_unit_of_its_own() -> None:
    """Bids and reserve times k give prices times k, up to rounding."""
    for slot in instances(11):
        k = 2 + len(slot.bids)
        many = [replace(bid, bid_micros=bid.bid_micros * k) for bid in slot.bids]
        one, scaled = auctioned(slot), auctioned(Instance(many, slot.reserve * k))
        if slot.reserve or one.winner is not None:
            assert name_of(one.winner) == name_of(scaled.winner)
        if one.winner is not None:
            assert (one.price_micros - 1) * k <= scaled.price_micros <= one.price_micros * k


@pytest.mark.promise("C47")
def test_10_zero_never_wins_nobody_means_nothing_and_the_spent_are_as_if_absent() -> None:
    for slot in instances(12):
        result = auctioned(slot)
        if result.winner is None:
            assert all(bid.score < max(slot.reserve, 1) for bid in slot.bids)
            continue
        assert result.winner.score > 0
        spent = slot.bids[0].campaign_id
        without, broke = auctioned(slot.without(spent)), auctioned(slot.with_bid(spent, 0))
        assert (name_of(without.winner), without.price_micros) == (
            name_of(broke.winner),
            broke.price_micros,
        )
    assert auctioned(Instance([], 0)).winner is None


def test_reasons_are_disjoint_and_complete() -> None:
    """All but the winner lost: to the reserve, or to another bid."""
    for slot in instances(13):
        result = auctioned(slot)
        mine = 1 << result.winner.index if result.winner is not None else 0
        assert result.outbid | result.below | mine == (1 << len(slot.bids)) - 1
        assert not result.outbid & result.below and not mine & (result.outbid | result.below)
        assert named(slot, result.below) == {
            bid.campaign_id for bid in slot.bids if bid.score < max(slot.reserve, 1)
        }


@pytest.mark.promise("X7")
def test_an_override_goes_before_any_score_but_not_below_the_reserve() -> None:
    """It competes with its like only, so it pays the reserve where it is alone."""
    urgent = Bid("pay", 10, 1, override=True)
    rich = Bid("rich", 10, 9)
    result = auctioned(Instance([rich, urgent], 5))
    assert (name_of(result.winner), result.price_micros) == ("pay", 5)
    assert name_of(auctioned(Instance([rich, urgent], 11)).winner) == "rich"
    rival = Bid("ship", 4, 2, override=True)
    assert auctioned(Instance([rich, urgent, rival], 5)).price_micros == 8


def test_the_largest_bids_stay_exact() -> None:
    """At the bound of 64 bits nothing wraps: the price is still the threshold."""
    rng = random.Random(14)
    for _ in range(INSTANCES):
        bids = [
            Bid(name, BID_MICROS_MAX - rng.randint(0, 3), MILLION - rng.randint(0, 3))
            for name in "abc"
        ]
        slot = Instance(bids, rng.choice((0, SCORE_MAX - rng.randint(0, 10**13))))
        result = auctioned(slot)
        assert name_of(result.winner) == naive_winner(slot)
        if result.winner is not None:
            name, price = result.winner.campaign_id, result.price_micros
            assert name_of(auctioned(slot.with_bid(name, price)).winner) == name
            assert name_of(auctioned(slot.with_bid(name, price - 1)).winner) != name


def test_charge_is_the_price_times_the_chance_of_conversion_rounded_up() -> None:
    """50 EUR a conversion at 2 percent costs this slot 1 EUR."""
    slot = Instance([Bid("a", 80_000_000, 20_000), Bid("b", 50_000_000, 20_000, 9)], 0)
    result = auctioned(slot)
    assert (result.price_micros, result.charge_micros) == (50_000_001, 1_000_001)
    assert charge_of(50_000_000, 20_000) == MILLION
