"""Decay: integer sums against the exact exponential, whatever the order of arrival."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.decay import BUCKETS, HALF_LIVES_MS, count, counted_milli, weigh, weighed_milli
from tests.builders import BEGINNING

SPANS = range(len(HALF_LIVES_MS))


def fresh() -> list[list[int]]:
    return [[0, 0] for _ in HALF_LIVES_MS]


def exact(times: list[int], which: int, now_ms: int) -> float:
    """The naive oracle: every event faded by itself."""
    return sum(2.0 ** (-(now_ms - each) / HALF_LIVES_MS[which]) for each in times)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[int, list[int], int]:
    """(half-life, event times over some half-lives, a later moment)."""
    which = draw(st.sampled_from(SPANS))
    half_life = HALF_LIVES_MS[which]
    offsets = draw(st.lists(st.integers(0, 20 * half_life), min_size=1, max_size=60))
    later = draw(st.integers(0, 10 * half_life))
    times = [BEGINNING + each for each in offsets]
    return which, times, max(times) + later


@pytest.mark.promise("M2", "M50")
@given(arrivals())
def test_weighed_sums_are_the_exponential(case):
    """Up to 3 %, and what is older than 12 half-lives."""
    which, times, now_ms = case
    sums = fresh()
    for each in times:
        weigh(sums, each)
    true = exact(times, which, now_ms)
    got = weighed_milli(sums[which], which, now_ms) / 1000
    assert abs(got - true) <= 0.03 * true + len(times) * 2.0 ** -(BUCKETS - 1) + 0.001


@given(arrivals())
def test_counted_sums_know_age_to_one_half_life(case):
    """Between half and twice the exponential."""
    which, times, now_ms = case
    sums = fresh()
    for each in times:
        count(sums, each)
    true = exact(times, which, now_ms)
    got = counted_milli(sums[which], which, now_ms) / 1000
    lost = len(times) * (2.0 ** -(BUCKETS - 1) + 0.001)
    assert true / 2 - lost <= got <= true * 2 + 0.001


@given(arrivals(), st.randoms(use_true_random=False))
def test_order_of_arrival_leaves_no_trace(case, random):
    """Equal sums, equal bytes."""
    _, times, _ = case
    shuffled = times[:]
    random.shuffle(shuffled)
    one, other = fresh(), fresh()
    for a, b in zip(times, shuffled, strict=True):
        for add in (count, weigh):
            add(one, a)
            add(other, b)
    assert one == other
    assert all(len(each) <= BUCKETS + 1 and each[-1] for each in one)


HALVED = [(0, 1000), (60_000, 500), (120_000, 250), (60_000 * 11, 0), (60_000 * 100, 0)]


@pytest.mark.parametrize(("age_ms", "milli"), HALVED)
def test_one_event_halves_every_minute(age_ms, milli):
    """At the start of a bucket both sums are exact."""
    start = BEGINNING - BEGINNING % 60_000
    sums = fresh()
    weigh(sums, start)
    assert weighed_milli(sums[0], 0, start + age_ms) == milli
