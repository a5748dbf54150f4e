"""Pacing: budgets hold although spend is known late, whatever comes in whatever order."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

import pytest
from msgspec import Struct
from msgspec.structs import replace

from models.pacing import Spend, capped_ppm, multiplier_ppm

pytestmark = pytest.mark.long

MILLION = 1_000_000
INSTANCES = 10_000
Rule = Callable[..., int]


class World(Struct):
    """One campaign's day in steps of 1 ms: a slot a step at most, its worth, and the rival's."""

    lag: int
    epoch: int
    delay: int
    budget: int
    even: bool
    worths: list[int]
    rivals: list[int]
    seen_after: list[int]
    dear: bool = False
    """Whether rivals bid nearly as much, so that each charge is the own bid."""

    @property
    def blind(self) -> int:
        return self.lag + self.epoch + self.delay

    @property
    def largest_worth(self) -> int:
        """Of any blind time."""
        sums = [sum(self.worths[at : at + self.blind]) for at in range(len(self.worths))]
        return max(sums, default=0)


def world(rng: random.Random) -> World:
    """A small day with bursts, and charges that become known in any order within the lag."""
    lag, steps = rng.randint(0, 6), rng.randint(10, 40)
    calm = rng.randint(0, 20)
    worths = [rng.choice((0, calm, rng.randint(0, 200))) for _ in range(steps)]
    if rng.random() < 0.5:
        worths = [rng.randint(20, 60)] * steps
    return World(
        lag,
        rng.randint(1, 6),
        rng.randint(0, 2),
        rng.randint(1, 600),
        rng.random() < 0.5,
        worths,
        [rng.randint(0, 1 + worth) for worth in worths],
        [lag] * steps if rng.random() < 0.5 else [rng.randint(0, lag) for _ in range(steps)],
        rng.random() < 0.5,
    )


def spends(day: World, worth_given: int, rule: Rule = multiplier_ppm) -> list[int]:
    """What each step charges on a day in which the rule is told `worth_given`."""
    published: list[tuple[int, int]] = []
    charges = [0] * len(day.worths)
    for now, (worth, rival) in enumerate(zip(day.worths, day.rivals, strict=True)):
        if now % day.epoch == 0:
            known = [c for at, c in enumerate(charges[:now]) if at + day.seen_after[at] < now]
            window = range(max(now - day.lag - day.blind, 0), max(now - day.lag, 0))
            told = Spend(
                sum(known),
                sum(charges[at] for at in window),
                worth_given,
                since(published, now, day),
                sum(multiplier_at(published, at) for at in window) // max(len(window), 1),
                len(charges) - now,
            )
            published.append((now + day.delay, rule(day.budget, told, day.blind, even=day.even)))
        bid = worth * multiplier_at(published, now) // MILLION
        if bid and bid >= rival:
            charges[now] = bid if day.dear else max(rival, 1)
    return charges


def multiplier_at(published: list[tuple[int, int]], now: int) -> int:
    """The newest multiplier in force; nothing bids before the first."""
    return next((ppm for at, ppm in reversed(published) if at <= now), 0)


def since(published: list[tuple[int, int]], now: int, day: World) -> int:
    """The largest multiplier in force at any time that is not known yet."""
    times = range(now - day.lag - 1, now + day.delay + 1)
    return max(multiplier_at(published, at) for at in times)


@cache
def days(seed: int) -> tuple[World, ...]:
    print(f"{INSTANCES} days, seed {seed}")
    rng = random.Random(seed)
    return tuple(world(rng) for _ in range(INSTANCES))


def test_11_a_budget_is_never_exceeded_where_the_worth_of_a_blind_time_is_known() -> None:
    """In any interleaving of charges and counts; full bids would exceed many."""
    binding = 0
    for day in days(21):
        assert sum(spends(day, day.largest_worth)) <= day.budget
        binding += sum(spends(day, 0, in_full)) > day.budget
    assert binding > INSTANCES // 10


def in_full(budget: int, spend: Spend, blind_ms: int, *, even: bool) -> int:
    return MILLION


def test_11_a_burst_never_seen_before_costs_at_most_two_blind_times() -> None:
    """The rule is told that nothing is worth anything, and only stops once nothing is left."""
    exceeded = 0
    for day in days(22):
        spent = sum(spends(day, 0))
        assert spent <= day.budget + 2 * day.largest_worth
        exceeded += spent > day.budget
    assert exceeded > INSTANCES // 10


def test_a_rule_that_forgets_what_it_does_not_know_is_caught() -> None:
    """The planted bug: the whole of what is left is promised anew in each epoch."""

    def forgetful(budget: int, spend: Spend, blind_ms: int, *, even: bool) -> int:
        return multiplier_ppm(budget, replace(spend, in_force_ppm=0), blind_ms, even=False)

    days_over = [
        day for day in days(21) if sum(spends(day, day.largest_worth, forgetful)) > day.budget
    ]
    assert days_over


@pytest.mark.parametrize(
    ("budget", "spend", "even", "want"),
    [
        (0, Spend(900, 9, 50, MILLION), False, MILLION),  # no budget
        (100, Spend(100, 0, 10, 0), False, 0),  # all spent
        (100, Spend(140, 0, 10, 0), True, 0),  # more than all spent
        (100, Spend(0, 0, 400, 0), False, 250_000),  # a blind time may cost four times as much
        (100, Spend(0, 0, 400, 200_000), False, 50_000),  # a fifth of that may be on its way
        (100, Spend(0, 0, 400, 300_000), False, 0),
        (100, Spend(0, 0, 0, MILLION), False, MILLION),  # nothing has come so far
        (1_000, Spend(0, 0, 10, 0, 100_000, 1_000), True, 200_000),  # nothing spent: twofold
        (1_000, Spend(0, 100, 10, 0, 100_000, 1_000), True, 100_000),  # as planned: stays
        (1_000, Spend(0, 98, 10, 0, 100_000, 1_000), True, 100_000),  # nearly as planned: stays
        (
            1_000,
            Spend(0, 200, 10, 0, 100_000, 1_000),
            True,
            75_000,
        ),  # twice as planned: half-way to half
        (1_000, Spend(0, 200, 10, 0, 100_000, 100), True, MILLION),  # the last blind time
    ],
)
def test_multiplier_of_a_budget(budget: int, spend: Spend, even: bool, want: int) -> None:
    assert multiplier_ppm(budget, spend, 100, even=even) == want


def test_an_even_budget_is_spread_over_the_day() -> None:
    """In steady traffic half of it is left at noon, within a fifth, and little in the evening."""
    steps = 4_000
    day = World(4, 5, 1, 10_000, True, [20] * steps, [1] * steps, [0] * steps)
    rng = random.Random(23)
    day.rivals = [rng.randint(1, 20) for _ in range(steps)]
    charges = spends(day, day.largest_worth)
    assert 4_000 <= sum(charges[: steps // 2]) <= 6_000
    assert 9_500 <= sum(charges) <= 10_000


def test_impressions_over_all_visitors_stop_a_campaign() -> None:
    assert capped_ppm(700, 0, 10**9) == 700
    assert capped_ppm(700, 10, 9) == 700
    assert capped_ppm(700, 10, 10) == 0
