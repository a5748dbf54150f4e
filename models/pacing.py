"""10 Pacing: how much of its bid a campaign with a budget bids, from spend that is known late.

Learning counts the charges of decisions and publishes one multiplier a campaign and epoch
(schemas/policy.py), which holds until the next takes effect. Whoever works one out does not know
what was charged in the last `lag`, and cannot change what is charged until the next multiplier
takes effect, `epoch` + `delay` later; together that is one blind time. The smallest wins:

1. safe: a slot's charge is at most bid x quality, and a bid at most worth x multiplier. So what is
   unknown, and what the new multiplier brings, are at most (largest multiplier in force since the
   last known charge + new multiplier) x worth of one blind time: no more than is left.
2. even: what is left, spread over the time that is left, by the spend that the multiplier before
   has brought. It rises twofold at most, and stays while it would move by less than a twentieth.
3. 0 once nothing is left, or the campaign's impressions over all visitors are used up.

Overspend: none where `worth` is the largest of any blind time, but for one micro a charge that is
rounded up. Where more comes than ever before, at most the worth of two blind times, for all that
was spent while something was known to be left. Before its first multiplier a campaign bids in full.
"""

from __future__ import annotations

from msgspec import Struct

from schemas.ids import MILLION

RISE_MAX = 2
STILL = 20
"""A multiplier that would move by less than one part in STILL stays."""

START_PPM = 1_000
"""From where a multiplier rises again that was 0."""


class Spend(Struct, frozen=True):
    """What is known of one campaign and budget when a multiplier is worked out, in micros.

    `spent` is all that was charged, reservations included. `recent` is what was charged in the last
    blind time of which all is known, at a multiplier of `before_ppm` in the mean. `worth` is the
    largest sum, over any blind time, of what a conversion is worth x quality, in all slots in which
    the campaign was a candidate. `in_force_ppm` is the largest multiplier since the last known
    charge, up to when the new one takes effect. `left_ms` runs from the last known charge to the
    end of the budget's day.
    """

    spent: int
    recent: int
    worth: int
    in_force_ppm: int
    before_ppm: int = 0
    left_ms: int = 0


def multiplier_ppm(budget_micros: int, spend: Spend, blind_ms: int, *, even: bool) -> int:
    """The multiplier of one budget, 0 to 1,000,000; a budget of 0 is none and gives the largest.

    >>> day = Spend(40, 10, 20, in_force_ppm=500_000, before_ppm=500_000, left_ms=1_000)
    >>> multiplier_ppm(100, day, 100, even=True)  # half-way from 10 to 6, a tenth of what is left
    400000
    >>> multiplier_ppm(100, day, 100, even=False)
    1000000
    """
    if budget_micros == 0:
        return MILLION
    left = budget_micros - spend.spent
    if left <= 0:
        return 0
    safe = left * MILLION // max(spend.worth, 1) - spend.in_force_ppm
    safe = min(max(safe, 0), MILLION)
    if not even or spend.left_ms <= blind_ms:
        return safe
    return min(safe, _even(left * blind_ms // spend.left_ms, spend.recent, spend.before_ppm))


def _even(allowance: int, recent: int, before_ppm: int) -> int:
    """The multiplier at which a blind time spends the allowance, as far as it may move."""
    highest = min(max(before_ppm * RISE_MAX, START_PPM), MILLION)
    if recent == 0:
        return highest
    # Half-way: spend grows with wins and with prices, up to the square of the multiplier, where
    # the whole way would overshoot for ever and half of it is Newton's step to the root.
    wanted = (before_ppm + allowance * before_ppm // recent) // 2
    if abs(wanted - before_ppm) * STILL < before_ppm:
        return before_ppm
    return min(wanted, highest)


def capped_ppm(multiplier: int, impressions_max: int, impressions: int) -> int:
    """0 once a campaign's impressions over all visitors are used up; a cap of 0 is none.

    It is exceeded by at most the impressions of one blind time.
    """
    return 0 if 0 < impressions_max <= impressions else multiplier
