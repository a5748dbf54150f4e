"""Spend: whatever slots come and settle in whatever order, a budget is exceeded by its bound."""

from __future__ import annotations

import random

import pytest
from msgspec import Struct

from models import spend
from models.spend import BLIND_MS, DAY_MS, EPOCH_MS
from schemas.campaign import Campaign
from schemas.ids import MILLION
from schemas.lesson import Account, Bill

BEGIN = 20_000 * DAY_MS
STEP_MS = 250
DAYS = 150


class Day(Struct):
    """One campaign and its slots: (ms after the start, worth, whether an impression comes)."""

    budget: int
    slots: list[tuple[int, int, bool]]
    known_worth: int


def day(rng: random.Random) -> Day:
    """Two minutes of slots, calm or in bursts."""
    slots = []
    for at_ms in range(0, 120_000, STEP_MS):
        if rng.random() < 0.6:
            slots.append((at_ms, rng.choice((3, 20, rng.randint(1, 200))), rng.random() < 0.7))
    return Day(rng.randint(50, 20_000), slots, _largest(slots))


def _largest(slots: list[tuple[int, int, bool]]) -> int:
    """Worth of the dearest window that covers any blind time."""
    window_ms = spend.SEEN_EPOCHS * EPOCH_MS
    starts = [at_ms for at_ms, _, _ in slots]
    sums = [sum(w for at, w, _ in slots if start <= at < start + window_ms) for start in starts]
    return max(sums, default=0)


def run(made: Day, *, warned: bool = True, forgetful: bool = False) -> list[int]:
    """What each slot charges: the multiplier in force times its worth, known an epoch late."""
    campaign = Campaign(id="C", budget_micros_day=made.budget, pacing="asap")
    accounts = {"C": Account(day=BEGIN // DAY_MS, worth_max=made.known_worth * warned)}
    in_force = [(0, 0)]
    charges: list[int] = []
    waiting: list[Bill] = []
    end_ms = BEGIN
    for at_ms, worth, _ in made.slots:
        now_ms = BEGIN + at_ms
        while end_ms <= now_ms:
            for bill in [each for each in waiting if each.decided_ms + EPOCH_MS <= end_ms]:
                waiting.remove(bill)
                spend.book(accounts, bill)
            if forgetful:
                accounts["C"].spent_day = 0
            ppm = spend.pacing(accounts, [campaign], end_ms)["C"]
            in_force.append((end_ms + 1_000, ppm))
            end_ms += EPOCH_MS
        ppm = [each for since, each in in_force if since <= now_ms][-1]
        charge = worth * ppm // MILLION
        charges.append(charge)
        waiting.append(Bill("C", now_ms, charge, worth_micros=worth))
    return charges


def test_a_budget_holds_where_the_worth_of_a_blind_time_is_known() -> None:
    """In every day; full bids would exceed many of them."""
    rng, binding = random.Random(7), 0
    for _ in range(DAYS):
        made = day(rng)
        assert sum(run(made)) <= made.budget
        binding += sum(worth for _, worth, _ in made.slots) > made.budget
    assert binding > DAYS // 4


def test_a_burst_never_seen_before_costs_at_most_two_blind_times() -> None:
    """Nothing is known of worths when the day begins."""
    rng = random.Random(8)
    for _ in range(DAYS):
        made = day(rng)
        assert sum(run(made, warned=False)) <= made.budget + 2 * made.known_worth


def test_a_fold_that_forgets_what_was_spent_is_caught() -> None:
    """planted: the day's sum is lost at each epoch's end."""
    rng = random.Random(7)
    days = [day(rng) for _ in range(DAYS)]
    assert any(sum(run(each, forgetful=True)) > each.budget for each in days)


@pytest.mark.parametrize(
    ("bills", "want"),
    [
        ([Bill("C", BEGIN, 5)], (5, 5, 0)),
        ([Bill("C", BEGIN, 5), Bill("C", BEGIN, -5)], (0, 0, 0)),  # released
        ([Bill("C", BEGIN, 5), Bill("C", BEGIN, 0, 1)], (5, 5, 1)),  # settled
        ([Bill("C", BEGIN, 5), Bill("C", BEGIN + DAY_MS, 2)], (2, 7, 0)),  # the next day
        ([Bill("C", BEGIN + DAY_MS, 2), Bill("C", BEGIN, -1)], (2, 1, 0)),  # told late
    ],
)
def test_charges_count_on_the_day_of_their_decision(
    bills: list[Bill], want: tuple[int, int, int]
) -> None:
    """(spent today, in all, impressions)."""
    accounts: dict[str, Account] = {}
    for each in bills:
        spend.book(accounts, each)
    account = accounts["C"]
    assert (account.spent_day, account.spent, account.impressions) == want


def test_a_total_and_a_cap_bound_the_multiplier_too() -> None:
    """The smaller of day and total counts; impressions over all visitors end it."""
    told = {"C": Account(day=BEGIN // DAY_MS, spent=100, impressions=3)}
    ended = Campaign(id="C", budget_micros_day=500, budget_micros_total=100)
    capped = Campaign(id="C", cap_campaign=3)
    free = Campaign(id="C")
    assert spend.pacing(told, [ended], BEGIN + BLIND_MS) == {"C": 0}
    assert spend.pacing(told, [capped], BEGIN + BLIND_MS) == {"C": 0}
    assert spend.pacing(told, [free], BEGIN + BLIND_MS) == {}
