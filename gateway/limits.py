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
        burst, levels = self._rate.burst, self._levels
        level, then_s = levels.pop(key, (burst, now_s))
        if now_s > then_s:
            level = min(burst, level + (now_s - then_s) * self._rate.per_s)
        # A cost above the whole burst would never fit, so it empties the bucket instead.
        needed = cost if cost < burst else burst
        fits = level >= needed
        levels[key] = (level - needed if fits else level, now_s)
        if len(levels) > self._buckets_max:
            levels.popitem(last=False)
        return 0 if fits else max(1, ceil((needed - level) / self._rate.per_s))
