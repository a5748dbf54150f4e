"""Trends: averages in continuous time against floats; a direction that comes and goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import trends
from models.trends import FAST_MS, SLOW_MS, TICK_BITS, trend_ppm
from schemas.profile import Profile
from tests.builders import BEGINNING, ONE_MINUTE


def told(*scored: tuple[int, int]) -> Profile:
    """A profile with one score, set at these (ms, ppm)."""
    profile = Profile(epoch_ms=BEGINNING)
    for at_ms, score in scored:
        profile.now_ms, profile.scores = BEGINNING + at_ms, [score]
        trends.update(profile)
    return profile


RISEN = [
    # (ms, ppm) of the scores, least and largest trend
    (((0, 400_000),), 0, 0),
    (((0, 400_000), (ONE_MINUTE, 400_000)), 0, 0),
    (((0, 200_000), (ONE_MINUTE, 800_000)), 250_000, 270_000),
    (((0, 800_000), (ONE_MINUTE, 200_000)), -270_000, -250_000),
    (((0, 200_000), (500, 800_000)), 0, 0),
    (((0, 200_000), (600_000, 800_000), (36_000_000, 800_000)), 0, 0),
]


@pytest.mark.promise("M21", "M50", "M19")
@pytest.mark.parametrize(("scored", "low", "high"), RISEN)
def test_a_trend_is_which_way_a_score_goes(scored, low, high):
    """Fast minus slow: up after a rise, and level again when the score stays."""
    assert low <= trend_ppm(told(*scored), 0) <= high


@pytest.mark.promise("M21")
@given(
    st.lists(st.tuples(st.integers(0, 900_000), st.integers(0, 1_000_000)), min_size=1, max_size=40)
)
def test_averages_are_the_exponential_ones_within_a_tick(steps):
    """The naive oracle in floats, in whole ticks like the rule."""
    scored, at_ms = [], 0
    for gap_ms, score in steps:
        at_ms += gap_ms
        scored.append((at_ms, score))
    profile = told(*scored)
    first_ms, value = scored[0]
    fast = slow = float(value)
    done = 0
    for at_ms, score in scored[1:]:
        ticks = (at_ms - first_ms >> TICK_BITS) - done
        if ticks:
            passed_ms = ticks << TICK_BITS
            fast = score + (fast - score) * 2.0 ** (-passed_ms / FAST_MS)
            slow = score + (slow - score) * 2.0 ** (-passed_ms / SLOW_MS)
            done += ticks
    # After eight half-lives the rule has arrived, the float has 1/256 of the way left.
    assert abs(trend_ppm(profile, 0) - (fast - slow)) <= 1_000_000 / 128
    assert all(0 <= each <= 1_000_000 << 8 for each in profile.trends)


def test_a_thousand_events_in_a_second_move_no_more_than_the_second():
    """Time counts, not events, and no remainder of time is lost."""
    often = told((0, 0), *((n, 1_000_000) for n in range(10, 60_000, 10)))
    once = told((0, 0), (59_990, 1_000_000))
    assert abs(trend_ppm(often, 0) - trend_ppm(once, 0)) < 1_000


def test_without_scores_there_is_no_trend():
    """As after a change of model, whose scores start anew."""
    profile = told((0, 5), (60_000, 900_000))
    assert trend_ppm(profile, 1) == 0 == trend_ppm(Profile(0), 0)
    profile.trends = []
    assert trend_ppm(profile, 0) == 0
