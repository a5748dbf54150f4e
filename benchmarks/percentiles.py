"""Percentiles over every sample: nothing is dropped, and what never came counts as infinite."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf

SHARES = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "p99_9": 0.999}


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest-rank percentile of an ascending sequence; infinity for an empty one."""
    if not ordered:
        return inf
    return ordered[max(ceil(share * len(ordered)) - 1, 0)]


def summary(samples: Sequence[float]) -> dict[str, float | None]:
    """p50 to p99.9 and max, rounded to 0.01; None stands for infinity, which JSON cannot say."""
    ordered = sorted(samples)
    values = {name: percentile(ordered, share) for name, share in SHARES.items()}
    values["max"] = ordered[-1] if ordered else inf
    return {name: None if value == inf else round(value, 2) for name, value in values.items()}
