"""10 Ridge: one regression of all arms at once, with what they share counted once.

The reward of arm a at context x (bias first) is x . (theta + delta_a), and delta is 0 for doing
nothing: theta is what visitors are worth anyway, delta_a what campaign a adds. From moments of each
arm, G_a = sum of x x' and s_a = sum of x r, it is the least of

    squared errors + LEAST |theta|^2 + prior |delta_a - p_a|^2

where p_a is what the campaign's owner expects: `prior` acts as so many rewards that said so. With
M_a = (G_a + prior I)^-1 the deltas leave the equations of theta (a Schur complement):

    H theta = s_0 + sum of prior (M_a (s_a + prior p_a) - p_a)
    H       = G_0 + LEAST I + sum of prior (I - prior M_a)
    delta_a = M_a (s_a + prior p_a - G_a theta)

All in float64 by elementwise operations in a fixed order: no BLAS, whose sums differ by machine.
The shared part with an offset an arm is the hybrid model of Li et al., WWW 2010 (arXiv:1003.0146).
"""

from __future__ import annotations

from msgspec import Struct
from numpy import eye, float64, zeros
from numpy.typing import NDArray

Array = NDArray[float64]
LEAST = 1.0
"""Ridge of the shared part: enough to make it solvable, nothing more."""


class Fit(Struct, frozen=True):
    """theta (d), delta (arms, d), and the covariance of each delta in units of the noise."""

    shared: Array
    deltas: Array
    spread: Array


def fit(grams: Array, sums: Array, priors: Array, prior: float) -> Fit:
    """Solve for arms whose first is doing nothing: (k, d, d), (k, d), and (k - 1, d) of priors."""
    size = sums.shape[1]
    unit = eye(size)
    inverse = solved(grams[1:] + prior * unit, _each(unit, len(priors)))
    pulled = sums[1:] + prior * priors
    own = times(inverse, pulled[:, :, None])[:, :, 0]
    left, right = grams[0] + LEAST * unit, sums[0].copy()
    for at in range(len(priors)):
        left = left + prior * (unit - prior * inverse[at])
        right = right + prior * (own[at] - priors[at])
    whole = solved(left[None], unit[None])
    shared = times(whole, right[None, :, None])[0, :, 0]
    known = unit - prior * inverse  # = M_a G_a
    deltas = own - times(known, _each(shared[:, None], len(priors)))[:, :, 0]
    through = times(times(known, _each(whole[0], len(priors))), known.transpose(0, 2, 1))
    return Fit(shared, deltas, inverse + through)


def _each(matrix: Array, count: int) -> Array:
    out = zeros((count, *matrix.shape))
    out[:] = matrix
    return out


def solved(matrices: Array, right: Array) -> Array:
    """X of A X = B for positive definite A (n, d, d) and B (n, d, m), by Gauss and Jordan."""
    left, out = matrices.copy(), right.copy()
    for at in range(left.shape[1]):
        pivot = left[:, at, at].copy()[:, None]
        left[:, at] /= pivot
        out[:, at] /= pivot
        factor = left[:, :, at].copy()
        factor[:, at] = 0.0
        out -= factor[:, :, None] * out[:, None, at]
        left -= factor[:, :, None] * left[:, None, at]
    return out


def times(one: Array, other: Array) -> Array:
    """Products (n, a, b) x (n, b, c), summed over b in order."""
    out = zeros((one.shape[0], one.shape[1], other.shape[2]))
    for at in range(one.shape[2]):
        out += one[:, :, at, None] * other[:, None, at]
    return out
