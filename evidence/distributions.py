"""Tails of the normal, Student's t and chi-square distributions, and their quantiles.

Only what the tests here need, to full double precision: scipy is no dependency at run time.
"""

from __future__ import annotations

from math import erfc, exp, lgamma, log, log1p, pi, sqrt
from statistics import NormalDist

NORMAL = NormalDist()
STEPS_MAX = 100_000
TINY = 1e-300
_SERIES_FROM = 40.0
_CLOSE = 1e-16


def normal_quantile(p: float) -> float:
    """The value below which a standard normal falls with probability p, 0 < p < 1.

    >>> round(normal_quantile(0.975), 6)
    1.959964
    """
    return NORMAL.inv_cdf(p)


def two_sided_t(t: float, dof: float) -> float:
    """P(|T| >= |t|) for Student's t with `dof` > 0 degrees of freedom.

    It is the incomplete beta I_x(dof / 2, 1 / 2) at x = dof / (dof + t^2), by its continued
    fraction (Abramowitz and Stegun 26.5.8) from whichever side converges fast.

    >>> round(two_sided_t(2.0, 10), 9)
    0.073388035
    """
    assert dof > 0
    a, odds = dof / 2, t * t / dof
    if odds < TINY:
        return 1.0
    rest = odds / (1 + odds)
    front = exp(-a * log1p(odds) + 0.5 * log(rest) + _log_gamma_half_step(a)) / sqrt(pi)
    # The fast side of a small t loses no digit that matters: its tail is no small difference.
    if abs(t) > 3 and 1 - rest < (a + 1) / (a + 2.5):
        return min(1.0, front * _beta_fraction(1 - rest, a, 0.5) / a)
    return max(0.0, 1 - front * _beta_fraction(rest, 0.5, a) / 0.5)


def t_quantile(p: float, dof: float) -> float:
    """The value below which Student's t falls with probability p, 0.5 <= p < 1.

    Newton's steps from the normal quantile and its first correction (Abramowitz and Stegun
    26.7.5). The tail is convex, so a step from below never passes the root.

    >>> round(t_quantile(0.975, 10), 9)
    2.228138852
    """
    assert 0.5 <= p < 1
    z, tail = normal_quantile(p), 2 * (1 - p)
    t = z + (z**3 + z) / (4 * max(dof, 1.0))
    for _ in range(STEPS_MAX):
        step = (two_sided_t(t, dof) - tail) / (2 * t_density(t, dof))
        t, before = max(t + step, t / 2), t
        if abs(t - before) <= 1e-12 * t:
            break
    return t


def t_density(t: float, dof: float) -> float:
    """Density of Student's t."""
    power = -(dof + 1) / 2 * log1p(t * t / dof)
    return exp(power + _log_gamma_half_step(dof / 2)) / sqrt(dof * pi)


def chi_square_tail(x: float, dof: int) -> float:
    """P(X >= x) for chi-square with `dof` >= 1 degrees of freedom, x >= 0.

    >>> round(chi_square_tail(3.841458820694124, 1), 9)
    0.05
    """
    assert x >= 0 and dof >= 1
    if dof == 1:
        return erfc(sqrt(x / 2))
    a, half = dof / 2, x / 2
    if half == 0:
        return 1.0
    front = exp(a * log(half) - half - lgamma(a))
    return front * _gamma_fraction(half, a) if half > a + 1 else 1 - front * _gamma_sum(half, a)


def _log_gamma_half_step(a: float) -> float:
    """ln of gamma(a + 1/2) / gamma(a); a difference of two lgamma loses digits at large a."""
    if a < _SERIES_FROM:
        return lgamma(a + 0.5) - lgamma(a)
    return 0.5 * log(a) - 1 / (8 * a) + 1 / (192 * a**3) - 1 / (640 * a**5)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Lentz's evaluation of the continued fraction of I_x(a, b)."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, STEPS_MAX):
        for top in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1 / _away(1 + top * d), _away(1 + top / c)
            value *= c * d
        if abs(c * d - 1) < _CLOSE * 2:
            return value
    raise ArithmeticError(f"the incomplete beta of {a}, {b} does not converge at {x}")


def _gamma_fraction(x: float, a: float) -> float:
    b = x + 1 - a
    c, d = 1 / TINY, 1 / b
    value = d
    for m in range(1, STEPS_MAX):
        b += 2
        top = -m * (m - a)
        d, c = 1 / _away(top * d + b), _away(b + top / c)
        value *= c * d
        if abs(c * d - 1) < _CLOSE * 2:
            return value
    raise ArithmeticError(f"the incomplete gamma of {a} does not converge at {x}")


def _gamma_sum(x: float, a: float) -> float:
    term = total = 1 / a
    while term > total * _CLOSE:
        a += 1
        term *= x / a
        total += term
    return total


def _away(value: float) -> float:
    return value if abs(value) > TINY else TINY
