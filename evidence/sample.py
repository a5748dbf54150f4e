"""A sample by its moments: how many, their mean and their variance. Samples merge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from msgspec import Struct


class Sample(Struct, frozen=True):
    """`n` values with this mean and unbiased variance.

    `base` is the mean that relative figures refer to, where `mean` is an adjusted one.
    """

    n: int
    mean: float
    variance: float
    unadjusted: float | None = None

    @property
    def base(self) -> float:
        """The mean as measured, without any adjustment."""
        return self.mean if self.unadjusted is None else self.unadjusted

    @property
    def error_squared(self) -> float:
        """Variance of the mean; infinite where it cannot be known."""
        return self.variance / self.n if self.n > 1 else float("inf")

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """The sample of these values.

        >>> Sample.of([1.0, 2.0, 3.0])
        Sample(n=3, mean=2.0, variance=1.0, unadjusted=None)
        """
        seen = list(values)
        n = len(seen)
        mean = sum(seen) / n if n else 0.0
        spread = sum((each - mean) ** 2 for each in seen)
        return cls(n, mean, spread / (n - 1) if n > 1 else 0.0)

    @classmethod
    def of_sums(cls, n: int, total: float, squares: float) -> Self:
        """From the sums of the values and of their squares.

        >>> Sample.of_sums(3, 6.0, 14.0)
        Sample(n=3, mean=2.0, variance=1.0, unadjusted=None)
        """
        mean = total / n if n else 0.0
        spread = squares - total * mean
        return cls(n, mean, max(spread, 0.0) / (n - 1) if n > 1 else 0.0)
