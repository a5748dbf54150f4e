"""Rate limits: token buckets by caller, bounded in number."""

from __future__ import annotations

from collections import OrderedDict
from math import ceil

from gateway.settings import Rate

BUCKETS_MAX = 100_000


class Buckets:
    """One bucket per key; the longest unused key is forgotten first and starts full again."""

    def __init__(self, rate: Rate, buckets_max: int = BUCKETS_MAX) -> None:
        self._rate, self._buckets_max = rate, buckets_max
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, cost: float, now_s: float) -> int:
        """0 if `cost` fits, else whole seconds until it would; nothing is taken then."""
        level, then_s = self._levels.pop(key, (self._rate.burst, now_s))
        level = min(self._rate.burst, level + max(0.0, now_s - then_s) * self._rate.per_s)
        # A cost above the whole burst would never fit, so it empties the bucket instead.
        needed = min(cost, self._rate.burst)
        fits = level >= needed
        self._levels[key] = (level - needed if fits else level, now_s)
        if len(self._levels) > self._buckets_max:
            self._levels.popitem(last=False)
        return 0 if fits else max(1, ceil((needed - level) / self._rate.per_s))
