"""Sample-ratio check: whether the arms have the sizes that the draw should have given.

Fabijan, Gupchup, Gupta, Omhover, Qin, Vermeer, Dmitriev, "Diagnosing sample ratio mismatch in
online controlled experiments", KDD 2019. An arm that is too small has lost visitors, and those
that stayed are no longer like the other arm's: then no lift may be claimed.
"""

from __future__ import annotations

from collections.abc import Sequence

from evidence.distributions import chi_square_tail

MISMATCH = 0.001
"""p below which arms are mismatched; looked at often, so well under 0.05."""


def sample_ratio_p(counts: Sequence[int], shares: Sequence[float]) -> float:
    """p of these sizes under these shares, which need not add up to one; 1 with nobody in.

    >>> sample_ratio_p([500, 500], [1, 1]), round(sample_ratio_p([560, 440], [1, 1]), 6)
    (1.0, 0.000148)
    """
    total, weight = sum(counts), sum(shares)
    if not total:
        return 1.0
    square = sum(
        (count - total * share / weight) ** 2 / (total * share / weight)
        for count, share in zip(counts, shares, strict=True)
    )
    return chi_square_tail(square, len(counts) - 1)


def withheld_ratio_p(withheld: int, expected: float, variance: float) -> float:
    """p of so many withheld, where each visitor was withheld with a probability of their own.

    `expected` is the sum of these probabilities p, `variance` that of p (1 - p). With one
    probability for all it is the chi-square test above. With no variance nobody could be
    elsewhere: then p is 1 where the number is right, else 0.
    """
    if variance <= 0:
        return 1.0 if abs(withheld - expected) < 0.5 else 0.0
    return chi_square_tail((withheld - expected) ** 2 / variance, 1)
