"""6 Exploration: now and then not the auction's winner, so that learning sees what else may work.

SquareCB (Foster, Rakhlin, ICML 2020) over the candidates that beat the reserve, at most ten, and
doing nothing; all in integers:

1. gap = (best score - own score) / best score; doing nothing has the reserve as its score. While
   qualities are learned, candidates below the reserve are arms too, or what once seemed useless
   would never be tried again; doing nothing may then be the best.
2. propensity = 1 / (arms + gamma x gap), at least a floor; the rest to the best. Their sum is
   1,000,000 exactly.
3. Each arm draws -log2(u), u a hash of decision and campaign under the site's salt; the least
   draw / propensity is chosen. In this exponential race a candidate that joins or leaves moves
   nobody else's draw, and one that is chosen stays chosen when its score rises.

Nothing that a filter removed is an arm, so exploration never crosses consent, caps or exclusions.
"""

from __future__ import annotations

from decimal import Context
from functools import cache
from hashlib import blake2b

from schemas.ids import MILLION, joined

ONE = 1 << 32
"""Unit of a draw: one halving of u."""

_STEPS = 10
_REST = 63 - _STEPS
_BILLION = 10**9


def propensities_ppm(scores: list[int], gamma_milli: int, floor_ppm: int, at: int = 0) -> list[int]:
    """Probability of each arm; that `at` is the best, and a best of 0 is nothing's.

    >>> propensities_ppm([100, 90, 0], 100_000, 20_000)
    [903077, 76923, 20000]
    >>> propensities_ppm([0, 0, 0], 100_000, 20_000, at=2)
    [20000, 20000, 960000]
    """
    arms, best = len(scores), scores[at]
    floor = min(floor_ppm, MILLION // arms)
    out = []
    for score in scores:
        gap_ppm = (best - score) * MILLION // best if best else MILLION
        share = MILLION * _BILLION // (arms * _BILLION + gamma_milli * gap_ppm)
        out.append(max(share, floor))
    out[at] = 0
    out[at] = MILLION - sum(out)
    return out


def draw(salt: bytes, decision_id: str, campaign_id: str) -> int:
    """-log2(u) in units of ONE; `campaign_id` is empty for doing nothing."""
    data = joined("explore", decision_id, campaign_id)
    number = int.from_bytes(blake2b(data, key=salt[:64], digest_size=8).digest(), "big")
    return minus_log2(number + 1)


def race(draws: list[int], propensities: list[int]) -> int:
    """Index of the least draw / propensity; the first of equals."""
    best = 0
    for index in range(1, len(draws)):
        if draws[index] * propensities[best] < draws[best] * propensities[index]:
            best = index
    return best


def minus_log2(number: int) -> int:
    """-log2(number / 2^64) in units of ONE, for 1 <= number <= 2^64; within 2^-22 of the truth."""
    whole = number.bit_length() - 1
    if whole == 64:
        return 0
    mantissa = number << (63 - whole)
    index, rest = (mantissa >> _REST) - (1 << _STEPS), mantissa & ((1 << _REST) - 1)
    low, high = _logs()[index : index + 2]
    return (64 - whole) * ONE - low - ((high - low) * rest >> _REST)


@cache
def _logs() -> list[int]:
    """log2(1 + i / 1,024) in units of ONE; decimal's ln is the same on every machine."""
    exact = Context(prec=30)
    two = exact.ln(exact.create_decimal(2))
    size = 1 << _STEPS
    logs = [exact.ln(exact.divide(exact.create_decimal(size + i), size)) for i in range(size + 1)]
    units = [exact.multiply(exact.divide(log, two), ONE) for log in logs]
    return [int(exact.to_integral_value(each)) for each in units]
