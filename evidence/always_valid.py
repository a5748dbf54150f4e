"""Intervals that stay valid however often one looks: a confidence sequence.

The normal mixture of Robbins (1970) in its asymptotic form: Waudby-Smith, Arbour, Sinha, Kennedy,
Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences" (Annals of
Statistics 52, 2024; arXiv 2103.06476), equations 9, 155 and 161. One may look after every
visitor and stop when one likes: the chance that the interval ever misses the truth stays alpha.
The price is width, least near `tuned_for` visitors, a number that no data may choose.
"""

from __future__ import annotations

from math import exp, inf, log, sqrt

from evidence.contrast import ALPHA, Contrast, Estimate

TUNED_FOR = 10_000
"""Visitors of both arms at which the interval is narrowest against the fixed one."""


def always_valid(contrast: Contrast, alpha: float = ALPHA, tuned_for: int = TUNED_FOR) -> Estimate:
    """The interval, and a p that may be read at any time.

    >>> found = always_valid(Contrast(value=0.02, variance=0.005**2, dof=9_000.0, n=10_000))
    >>> round(found.low, 4), round(found.high, 4), round(found.p, 4)
    (0.0048, 0.0352, 0.0025)
    """
    if not 0 < contrast.variance < inf:
        return Estimate(contrast.value, -inf, inf, 1.0)
    spread = contrast.n * rho_squared(alpha, tuned_for)
    width = contrast.error * width_in_errors(contrast.n, alpha, tuned_for)
    squared = contrast.value**2 / contrast.variance
    growth = min(spread * squared / (2 * (spread + 1)), 700.0)
    p = min(sqrt(spread + 1) / exp(growth), 1.0)
    return Estimate(contrast.value, contrast.value - width, contrast.value + width, p)


def width_in_errors(n: int, alpha: float = ALPHA, tuned_for: int = TUNED_FOR) -> float:
    """Half the interval in standard errors; a fixed horizon's is 1.96.

    >>> round(width_in_errors(10_000), 3), round(width_in_errors(1_000), 3)
    (3.035, 3.855)
    """
    spread = n * rho_squared(alpha, tuned_for)
    return sqrt(2 * (spread + 1) / spread * log(sqrt(spread + 1) / alpha))


def rho_squared(alpha: float, tuned_for: int) -> float:
    """The mixture's width that is best at `tuned_for` (equation 161)."""
    return (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / tuned_for
