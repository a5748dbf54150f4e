"""Power: how many visitors it takes to see a lift of a given size."""

from __future__ import annotations

from math import ceil, inf

from evidence.contrast import ALPHA
from evidence.distributions import normal_quantile
from evidence.sample import Sample

POWER = 0.8


def visitors_needed(
    control: Sample,
    treated: Sample,
    lift: float,
    *,
    control_share: float,
    alpha: float = ALPHA,
    power: float = POWER,
) -> float:
    """Visitors of both arms together, for one look; infinite where the means say nothing yet.

    `lift` is relative to the control's mean, `control_share` the part of the visitors that is
    withheld. 3 % base, 10 % lift and halves give the rule of thumb 16 p (1 - p) / delta^2 an arm:

    >>> arm = Sample(10_000, 0.03, 0.03 * 0.97)
    >>> visitors_needed(arm, arm, 0.10, control_share=0.5)
    101513.0
    """
    assert 0 < control_share < 1 and lift > 0
    delta = lift * control.base
    spread = control.variance / control_share + treated.variance / (1 - control_share)
    if delta <= 0 or spread <= 0:
        return inf
    reach = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return float(ceil(spread * (reach / delta) ** 2))
