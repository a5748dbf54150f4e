"""CUPED: what was known before the exposure takes its share of the variance away.

Deng, Xu, Kohavi, Walker, "Improving the sensitivity of online controlled experiments by utilizing
pre-experiment data", WSDM 2013. With theta = cov(y, x) / var(x) over both arms, y - theta x has the
same expected difference between the arms, since chance dealt x alike, and less variance.
"""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from evidence.sample import Sample


class Paired(Struct, frozen=True):
    """Sums over visitors of an outcome y and of a covariate x that was measured before exposure."""

    n: int = 0
    y: float = 0.0
    yy: float = 0.0
    x: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def with_pair(self, y: float, x: float) -> Self:
        """With one more visitor."""
        return type(self)(
            self.n + 1, self.y + y, self.yy + y * y, self.x + x, self.xx + x * x, self.xy + x * y
        )

    def merged(self, other: Self) -> Self:
        """Both together."""
        return type(self)(
            self.n + other.n,
            *(self.y + other.y, self.yy + other.yy, self.x + other.x),
            *(self.xx + other.xx, self.xy + other.xy),
        )

    @property
    def outcome(self) -> Sample:
        """The outcome as it was measured."""
        return Sample.of_sums(self.n, self.y, self.yy)

    @property
    def covariate(self) -> Sample:
        """The covariate."""
        return Sample.of_sums(self.n, self.x, self.xx)

    @property
    def covariance(self) -> float:
        """Of outcome and covariate, unbiased."""
        return (self.xy - self.y * self.x / self.n) / (self.n - 1) if self.n > 1 else 0.0


def adjusted(control: Paired, treated: Paired) -> tuple[Sample, Sample]:
    """Both arms adjusted by the common theta; as measured where the covariate tells nothing."""
    both = control.merged(treated)
    spread = both.covariate.variance
    if spread <= 0 or both.outcome.variance <= 0:
        return control.outcome, treated.outcome
    theta = both.covariance / spread
    return _adjusted(control, theta), _adjusted(treated, theta)


def variance_saved(control: Paired, treated: Paired) -> float:
    """Share of the outcome's variance that the covariate takes away: its squared correlation."""
    both = control.merged(treated)
    spread = both.covariate.variance * both.outcome.variance
    return both.covariance**2 / spread if spread > 0 else 0.0


def _adjusted(arm: Paired, theta: float) -> Sample:
    y, x = arm.outcome, arm.covariate
    variance = y.variance + theta**2 * x.variance - 2 * theta * arm.covariance
    return Sample(arm.n, y.mean - theta * x.mean, max(variance, 0.0), y.mean)
