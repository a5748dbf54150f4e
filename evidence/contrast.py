"""The difference between two arms, absolute or relative, and its Welch interval and test.

The relative difference is treated / control - 1; its variance is by the delta method. The interval
holds for one look at a horizon that was fixed beforehand (evidence/always_valid.py for many).
"""

from __future__ import annotations

from math import inf, sqrt

from msgspec import Struct

from evidence.distributions import t_quantile, two_sided_t
from evidence.sample import Sample

ALPHA = 0.05


class Contrast(Struct, frozen=True):
    """Treated against control: a value, the variance of this estimate, Welch's degrees of freedom.

    `n` is the size of both arms together.
    """

    value: float
    variance: float
    dof: float
    n: int

    @property
    def error(self) -> float:
        """Standard error."""
        return sqrt(self.variance)


class Estimate(Struct, frozen=True):
    """A value and the interval that covers the truth with probability 1 - alpha; `p` is of no
    difference, two-sided.
    """

    value: float
    low: float
    high: float
    p: float

    @property
    def verdict(self) -> int:
        """1 where the whole interval is above zero, -1 where it is below, else 0."""
        return (self.low > 0) - (self.high < 0)


def absolute(control: Sample, treated: Sample) -> Contrast:
    """The difference of the means."""
    variance = control.error_squared + treated.error_squared
    return Contrast(
        treated.mean - control.mean, variance, _dof(control, treated), _n(control, treated)
    )


def relative(control: Sample, treated: Sample) -> Contrast | None:
    """The difference as a part of the control's mean; None where that mean may be zero.

    The delta method divides by the control's mean, so it must lie clearly above zero: here by
    two standard errors.
    """
    base, ahead = control.base, treated.base
    if base <= 2 * sqrt(control.error_squared):
        return None
    variance = treated.error_squared / base**2 + control.error_squared * ahead**2 / base**4
    value = (treated.mean - control.mean) / base
    return Contrast(value, variance, _dof(control, treated), _n(control, treated))


def fixed_horizon(contrast: Contrast, alpha: float = ALPHA) -> Estimate:
    """Welch's interval and p, for one look at a size that was fixed beforehand.

    >>> one = absolute(Sample(100, 0.10, 0.09), Sample(100, 0.20, 0.16))
    >>> found = fixed_horizon(one)
    >>> round(found.low, 4), round(found.high, 4), round(found.p, 4)
    (0.0014, 0.1986, 0.047)
    """
    if not 0 < contrast.variance < inf:
        return Estimate(contrast.value, -inf, inf, 1.0)
    width = t_quantile(1 - alpha / 2, contrast.dof) * contrast.error
    p = two_sided_t(contrast.value / contrast.error, contrast.dof)
    return Estimate(contrast.value, contrast.value - width, contrast.value + width, p)


def _dof(control: Sample, treated: Sample) -> float:
    """Welch and Satterthwaite."""
    a, b = control.error_squared, treated.error_squared
    if not 0 < a + b < inf:
        return 1.0
    return (a + b) ** 2 / (a**2 / (control.n - 1) + b**2 / (treated.n - 1))


def _n(control: Sample, treated: Sample) -> int:
    return control.n + treated.n
