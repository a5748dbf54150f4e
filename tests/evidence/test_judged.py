"""Our statistics against scipy's and gbstats', which the product itself does not import."""

from __future__ import annotations

from collections.abc import Callable
from math import isclose
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import contrast, cuped, distributions
from evidence.always_valid import always_valid
from evidence.contrast import Contrast, Estimate, absolute, fixed_horizon, relative
from evidence.cuped import Paired, adjusted
from evidence.sample import Sample
from evidence.sample_ratio import sample_ratio_p, withheld_ratio_p
from tests.evidence.asos import needs_asos, newest, samples

pytestmark = pytest.mark.long
TUNED_FOR = 5_000
EXPERIMENTS = 78
Arms = tuple[Paired, Paired]


@st.composite
def pairs(draw: st.DrawFn) -> Paired:
    """An arm with an outcome, a covariate and some correlation between them."""
    n = draw(st.integers(40, 50_000))
    y_mean, x_mean = draw(st.floats(0.5, 3.0)), draw(st.floats(-3.0, 3.0))
    y_sd, x_sd = draw(st.floats(0.1, 2.0)), draw(st.floats(0.1, 2.0))
    covariance = draw(st.floats(-0.95, 0.95)) * y_sd * x_sd
    return Paired(
        n,
        *(n * y_mean, (n - 1) * y_sd**2 + n * y_mean**2),
        *(n * x_mean, (n - 1) * x_sd**2 + n * x_mean**2),
        (n - 1) * covariance + n * y_mean * x_mean,
    )


def gbstats_statistic(arm: Paired, *, with_covariate: bool) -> Any:
    from gbstats.models.statistics import RegressionAdjustedStatistic, SampleMeanStatistic

    outcome = SampleMeanStatistic(n=arm.n, sum=arm.y, sum_squares=arm.yy)
    if not with_covariate:
        return outcome
    before = SampleMeanStatistic(n=arm.n, sum=arm.x, sum_squares=arm.xx)
    return RegressionAdjustedStatistic(
        n=arm.n,
        post_statistic=outcome,
        pre_statistic=before,
        post_pre_sum_of_products=arm.xy,
        theta=0,
    )


def gbstats_estimate(arms: Arms, kind: str, *, with_covariate: bool, often: bool) -> Estimate:
    from gbstats.frequentist import tests

    config: Any = {"difference_type": kind}
    make: Any = tests.TwoSidedTTest
    config_type: Any = tests.FrequentistConfig
    if often:
        make, config_type = tests.SequentialTwoSidedTTest, tests.SequentialConfig
        config["sequential_tuning_parameter"] = TUNED_FOR
    stats = [gbstats_statistic(arm, with_covariate=with_covariate) for arm in arms]
    found = make(*stats, config_type(**config)).compute_result()
    return Estimate(found.expected, found.ci[0], found.ci[1], found.p_value)


def ours(arms: Arms, kind: str, *, with_covariate: bool, often: bool) -> Estimate:
    control, treated = adjusted(*arms) if with_covariate else _plain(arms)
    made = (absolute if kind == "absolute" else relative)(control, treated)
    assert made is not None
    return always_valid(made, tuned_for=TUNED_FOR) if often else fixed_horizon(made)


def _plain(arms: Arms) -> tuple[Sample, Sample]:
    return arms[0].outcome, arms[1].outcome


def _clear(control: Sample, treated: Sample) -> bool:
    return relative(control, treated) is not None


def apart(one: Estimate, other: Estimate) -> float:
    """The largest distance of two estimates' numbers."""
    numbers = zip(_numbers(one), _numbers(other), strict=True)
    return max(abs(a - b) for a, b in numbers)


def _numbers(found: Estimate) -> tuple[float, ...]:
    return found.value, found.low, found.high, found.p


@pytest.mark.parametrize("kind", ["absolute", "relative"])
@pytest.mark.parametrize("often", [False, True], ids=["fixed horizon", "always valid"])
@pytest.mark.parametrize("with_covariate", [False, True], ids=["as measured", "cuped"])
def test_intervals_equal_those_of_gbstats(kind: str, often: bool, with_covariate: bool) -> None:
    @settings(max_examples=20, deadline=None, derandomize=True)
    @given(pairs(), pairs())
    def check(control: Paired, treated: Paired) -> None:
        said = {"with_covariate": with_covariate, "often": often}
        arms = (control, treated)
        # Under two standard errors we name no relative difference, gbstats does.
        if kind == "absolute" or _clear(*(adjusted(*arms) if with_covariate else _plain(arms))):
            assert apart(ours(arms, kind, **said), gbstats_estimate(arms, kind, **said)) < 1e-6

    check()
    assert callable(check)


def _planted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, made: Any) -> float:
    """How far we are from gbstats on one example, with a defect in place."""
    monkeypatch.setattr(module, name, made)
    arms = (Paired(900, 90, 120, 400, 500, 60), Paired(1_100, 130, 170, 480, 610, 90))
    kinds: list[dict[str, bool]] = [
        {"with_covariate": x, "often": y} for x in (False, True) for y in (False, True)
    ]
    return max(
        apart(ours(arms, "relative", **each), gbstats_estimate(arms, "relative", **each))
        for each in kinds
    )


def test_a_planted_theta_of_one_arm_alone_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    real = cuped._adjusted
    made = lambda arm, theta: real(arm, arm.covariance / arm.covariate.variance)  # noqa: E731
    assert _planted(monkeypatch, cuped, "_adjusted", made) > 1e-6


def test_planted_degrees_of_freedom_of_equal_variances_are_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: Callable[[Sample, Sample], float] = lambda a, b: a.n + b.n - 2  # noqa: E731
    assert _planted(monkeypatch, contrast, "_dof", made) > 1e-6


def test_a_planted_one_sided_mixture_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from evidence import always_valid as module

    real = module.rho_squared
    assert _planted(monkeypatch, module, "rho_squared", lambda a, n: real(2 * a, n)) > 1e-6


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(-40, 40), st.floats(1, 1e7))
def test_tails_and_quantiles_of_students_t_equal_scipys(t: float, dof: float) -> None:
    from scipy import stats

    assert isclose(distributions.two_sided_t(t, dof), 2 * stats.t.sf(abs(t), dof),
                   rel_tol=1e-9, abs_tol=1e-200)  # fmt: skip
    p = 0.5 + min(abs(t), 39) / 80
    assert isclose(distributions.t_quantile(p, dof), stats.t.ppf(p, dof), rel_tol=1e-9,
                   abs_tol=1e-12)  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.floats(0, 500), st.integers(1, 200))
def test_the_tail_of_chi_square_equals_scipys(x: float, dof: int) -> None:
    from scipy import stats

    expected = stats.chi2.sf(x, dof)
    assert isclose(distributions.chi_square_tail(x, dof), expected, rel_tol=1e-9, abs_tol=1e-13)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.integers(50, 5_000), min_size=2, max_size=5), st.integers(1, 9))
def test_the_sample_ratio_check_equals_gbstats(counts: list[int], weight: int) -> None:
    from gbstats.utils import check_srm

    shares = [float(weight), *[1.0] * (len(counts) - 1)]
    assert abs(sample_ratio_p(counts, shares) - check_srm(counts, shares)) < 1e-9
    if len(counts) == 2:
        share, n = weight / (weight + 1), sum(counts)
        own = withheld_ratio_p(counts[0], n * share, n * share * (1 - share))
        assert abs(own - sample_ratio_p(counts, shares)) < 1e-9


@needs_asos
def test_welch_from_published_moments_of_78_experiments_equals_scipys() -> None:
    """ASOS: every treatment and metric at its last look."""
    from scipy import stats

    rows = newest()
    assert len({row.experiment_id for row in rows}) == EXPERIMENTS
    for row in rows:
        control, treated = samples(row)
        made = absolute(control, treated)
        judged = stats.ttest_ind_from_stats(
            *(row.mean_t, row.variance_t**0.5, row.count_t),
            *(row.mean_c, row.variance_c**0.5, row.count_c),
            equal_var=False,
        )
        assert isclose(made.value / made.error, judged.statistic, rel_tol=1e-9, abs_tol=1e-9)
        assert isclose(fixed_horizon(made).p, judged.pvalue, rel_tol=1e-9, abs_tol=1e-11)


@needs_asos
def test_a_planted_pooled_variance_is_no_welch() -> None:
    """The last look of one experiment, with the arms' variances swapped."""
    row = next(row for row in newest() if row.variance_t > 1.01 * row.variance_c)
    control, treated = samples(row)
    swapped = absolute(
        Sample(control.n, control.mean, treated.variance),
        Sample(treated.n, treated.mean, control.variance),
    )
    assert not isclose(swapped.error, absolute(control, treated).error, rel_tol=1e-9)


def test_a_contrast_of_nobody_claims_nothing() -> None:
    empty = absolute(Sample(1, 0.0, 0.0), Sample(0, 0.0, 0.0))
    for found in (fixed_horizon(empty), always_valid(empty)):
        assert (found.p, found.verdict) == (1.0, 0)
    assert fixed_horizon(Contrast(0.1, 0.0, 10.0, 20)).verdict == 0
