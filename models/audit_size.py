"""10 What it takes to know: visitors and weeks for a lift, and what priors suppose beforehand.

The size is that of a two-sided test of two shares at 5 % with a power of 80 %, for groups of
unequal size (Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 2003):
N = (z_a sqrt(p q (1/h + 1/(1-h))) + z_b sqrt(p0 q0 / h + p1 q1 / (1-h)))^2 / (p1 - p0)^2
with h the share of the holdout, p0 its conversion, p1 = p0 (1 + lift) and p their weighted mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, sqrt

from models.audit import Effect
from schemas.ids import MILLION, draw_ppm

Z_ALPHA, Z_BETA = 1.959963984540054, 0.8416212335729143
WEEK_MS = 7 * 24 * 3600 * 1000
HOLDOUTS_PPM = (500_000, 200_000, 100_000, 50_000)
WORLDS = 2_000
CENTRAL_PERCENT = 90


def visitors_needed(base: float, lift: float, holdout: float) -> int | None:
    """Visitors of both groups together; None where no number of them would do.

    `base` is the conversion without an action, `lift` relative (0.1 = 10 %), `holdout` a share.

    >>> visitors_needed(0.02, 0.10, 0.5)
    161364
    """
    other = base * (1 + lift)
    if not 0 < base < 1 or not 0 < other < 1 or not 0 < holdout < 1:
        return None
    mean = holdout * base + (1 - holdout) * other
    spread = sqrt(mean * (1 - mean) * (1 / holdout + 1 / (1 - holdout)))
    apart = sqrt(base * (1 - base) / holdout + other * (1 - other) / (1 - holdout))
    return ceil(((Z_ALPHA * spread + Z_BETA * apart) / (other - base)) ** 2)


def weeks_needed(needed: int | None, visitors: int, span_ms: int) -> float | None:
    """Weeks until so many are reached at the log's own pace; a log under a day says nothing."""
    if needed is None or not visitors or span_ms < WEEK_MS // 7:
        return None
    return needed / (visitors * WEEK_MS / span_ms)


def simulated_lift(campaigns: Mapping[str, Effect], buyers: int) -> tuple[float, float] | None:
    """The central range of relative lift over WORLDS supposed worlds; None without a buyer.

    `buyers` are the reached visitors who bought anyway; each visitor counts with one action.

    In each world a campaign does between nothing and twice what its prior says, evenly drawn and
    keyed, so that the same log gives the same range. It is a supposition, not a measurement.
    """
    if not buyers:
        return None
    extra = sorted(
        sum(
            each.prior_ppm * 2 * draw_ppm(b"audit", "world", name, str(world))
            for name, each in campaigns.items()
        )
        for world in range(WORLDS)
    )
    cut = WORLDS * (100 - CENTRAL_PERCENT) // 200
    low, high = extra[cut], extra[WORLDS - 1 - cut]
    return low / MILLION / MILLION / buyers, high / MILLION / MILLION / buyers
