"""3 Decay: counts that fade with age by integers alone, whatever the order of arrival.

Forward decay (Cormode et al., ICDE 2009): an event's weight is fixed when it happens and only the
reader divides. Time is cut into buckets of one half-life, of which the newest 12 are kept, as
[newest bucket, sum, sum one bucket older, ...]; a bucket of age a counts for 2^-a.

`count` adds 1, so that age is known to one half-life. `weigh` adds 2^(place in the bucket) in
64ths, which makes the sum the exact exponential up to 3 % and what 12 half-lives leave.
"""

from __future__ import annotations

from decimal import Decimal

HALF_LIVES_MS = (60_000, 600_000, 86_400_000, 14 * 86_400_000)
BUCKETS = 12
STEPS = 64
_SHIFT = 20


def _weights() -> tuple[int, ...]:
    """64 x 2^(i/64), halves to even; decimal's power is the same on every machine."""
    return tuple(
        int((STEPS * Decimal(2) ** (Decimal(each) / STEPS)).to_integral_value())
        for each in range(STEPS)
    )


WEIGHTS = _weights()
"""Weight of an event by the 64th of its bucket it falls in."""


def add(buckets: list[int], bucket: int, weight: int) -> None:
    """Add `weight` to the sum of `bucket`; what is older than 12 buckets leaves no trace."""
    ahead = bucket - buckets[0]
    if ahead > 0:
        buckets[1:] = ([0] * min(ahead, BUCKETS) + buckets[1:])[:BUCKETS]
        buckets[0] = bucket
        buckets[1] = weight
        while not buckets[-1]:
            buckets.pop()
    elif -ahead < BUCKETS:
        while len(buckets) <= 1 - ahead:
            buckets.append(0)
        buckets[1 - ahead] += weight


def count(every: list[list[int]], at_ms: int) -> None:
    """Count one event at `at_ms` (engine time) under each half-life."""
    for half_life, buckets in zip(HALF_LIVES_MS, every, strict=True):
        bucket = at_ms // half_life
        if bucket == buckets[0]:
            buckets[1] += 1
        else:
            add(buckets, bucket, 1)


def counted_milli(buckets: list[int], which: int, now_ms: int) -> int:
    """Thousandths of the events counted under half-life `which` that are left at `now_ms`."""
    age = max(now_ms // HALF_LIVES_MS[which] - buckets[0], 0)
    total = 0
    for amount in buckets[1:]:
        total += amount * 1000 >> age
        age += 1
    return total


def weigh(every: list[list[int]], at_ms: int) -> None:
    """Weigh one event at `at_ms` (engine time) in under each half-life."""
    for half_life, buckets in zip(HALF_LIVES_MS, every, strict=True):
        bucket = at_ms // half_life
        weight = WEIGHTS[(at_ms - bucket * half_life) * STEPS // half_life]
        if bucket == buckets[0]:
            buckets[1] += weight
        else:
            add(buckets, bucket, weight)


def weighed_milli(buckets: list[int], which: int, now_ms: int) -> int:
    """Thousandths of the events weighed under half-life `which` that are left at `now_ms`."""
    half_life = HALF_LIVES_MS[which]
    bucket, rest = divmod(max(now_ms, buckets[0] * half_life), half_life)
    age = bucket - buckets[0]
    total = 0
    for amount in buckets[1:]:
        total += amount << _SHIFT >> age
        age += 1
    return total * 1000 // (WEIGHTS[rest * STEPS // half_life] << _SHIFT)
