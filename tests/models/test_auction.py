"""Auction: generalised second price for one slot, exact and order-free."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from models.auction import Bid, run

bids = st.lists(
    st.builds(
        Bid,
        campaign_id=st.sampled_from("abcdefgh"),
        bid_micros=st.integers(0, 6),
        quality_ppm=st.integers(0, 6),
        priority=st.integers(0, 1),
    ),
    max_size=6,
    unique_by=lambda bid: bid.campaign_id,
)
reserves = st.integers(0, 20)
many = settings(max_examples=500, deadline=None)


def naive_winner(entries: list[Bid], reserve: int) -> Bid | None:
    """Look at everybody, three loops and no cleverness."""
    best = None
    for bid in entries:
        if bid.score < reserve or bid.score == 0:
            continue
        if best is None or bid.score > best.score:
            best = bid
        elif bid.score < best.score or bid.priority < best.priority:
            continue
        elif bid.priority > best.priority or bid.campaign_id < best.campaign_id:
            best = bid
    return best


@pytest.mark.promise("M24", "D5", "C50")
@many
@given(bids, reserves)
def test_winner_agrees_with_the_naive_search(entries, reserve):
    """The best eligible score wins, ties by priority, then by id."""
    assert run(entries, reserve).winner == naive_winner(entries, reserve)


@pytest.mark.promise("M27")
@many
@given(bids, reserves, st.randoms(use_true_random=False))
def test_order_of_the_bids_does_not_matter(entries, reserve, random):
    """Any permutation gives the same result, byte for byte."""
    shuffled = list(entries)
    random.shuffle(shuffled)
    assert run(shuffled, reserve) == run(entries, reserve)


@many
@given(bids, reserves)
def test_price_is_at_most_the_bid_and_covers_reserve_and_second_score(entries, reserve):
    """Nobody pays more than the bid or less than the slot is worth to the next."""
    result = run(entries, reserve)
    if result.winner is not None:
        assert 0 < result.price_micros <= result.winner.bid_micros
        worth = result.price_micros * result.winner.quality_ppm
        others = [bid.score for bid in result.ranked[1:]]
        assert worth >= max([reserve, *others])


@many
@given(bids, reserves)
def test_price_is_the_threshold_bid(entries, reserve):
    """Bidding exactly the price keeps the slot; one micro less loses it."""
    result = run(entries, reserve)
    if result.winner is None:
        return
    others = [bid for bid in entries if bid is not result.winner]
    at_price = replace(result.winner, bid_micros=result.price_micros)
    below = replace(result.winner, bid_micros=result.price_micros - 1)
    assert run([*others, at_price], reserve).winner == at_price
    assert run([*others, below], reserve).winner != below


@pytest.mark.promise("M26")
@many
@given(bids, reserves, st.integers(1, 5))
def test_raising_ones_bid_or_quality_never_loses(entries, reserve, more):
    """Monotone in own bid and own quality, and the price does not follow the own bid."""
    result = run(entries, reserve)
    if result.winner is None:
        return
    others = [bid for bid in entries if bid is not result.winner]
    higher = replace(result.winner, bid_micros=result.winner.bid_micros + more)
    better = replace(result.winner, quality_ppm=result.winner.quality_ppm + more)
    assert run([*others, higher], reserve).winner == higher
    assert run([*others, higher], reserve).price_micros == result.price_micros
    assert run([*others, better], reserve).winner == better


@many
@given(bids, reserves, st.integers(1, 9))
def test_scaling_bids_and_reserve_scales_prices_up_to_rounding(entries, reserve, k):
    """Money has no unit of its own."""
    one = run(entries, reserve)
    scaled = run([replace(bid, bid_micros=bid.bid_micros * k) for bid in entries], reserve * k)
    assert (one.winner is None) == (scaled.winner is None)
    if one.winner is not None and scaled.winner is not None:
        assert one.winner.campaign_id == scaled.winner.campaign_id
        assert (one.price_micros - 1) * k <= scaled.price_micros <= one.price_micros * k


def test_empty_field_means_do_nothing():
    """No bids, or only zero scores: silence."""
    assert run([], 0).winner is None
    assert run([Bid("a", 0, 100), Bid("b", 100, 0)], 0).winner is None


def test_charge_is_the_price_times_the_chance_of_conversion_rounded_up():
    """50 EUR a conversion at 2 percent costs this slot 1 EUR."""
    result = run([Bid("a", 80_000_000, 20_000), Bid("b", 50_000_000, 20_000, 9)], 0)
    assert result.price_micros == 50_000_001
    assert result.charge_micros == 1_000_001
