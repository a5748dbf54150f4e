"""How good a score is: AUROC, average precision, calibration error, with intervals by visit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Measure = Callable[[Floats, Bools, Floats], float]

_BINS = 4096
_MASS_BINS = 15


def auroc(scores: Floats, truth: Bools, weights: Floats) -> float:
    """P(score of a positive > score of a negative), ties count half; NaN with one class only."""
    bins = (np.clip(scores, 0, 1) * (_BINS - 1)).astype(np.int64)
    positive = np.bincount(bins[truth], weights[truth], _BINS)
    negative = np.bincount(bins[~truth], weights[~truth], _BINS)
    if not positive.sum() or not negative.sum():
        return float("nan")
    below = np.cumsum(negative) - negative / 2
    return float((positive * below).sum() / positive.sum() / negative.sum())


def auprc(scores: Floats, truth: Bools, weights: Floats) -> float:
    """Average precision; NaN without positives."""
    bins = (np.clip(scores, 0, 1) * (_BINS - 1)).astype(np.int64)
    positive = np.bincount(bins[truth], weights[truth], _BINS)[::-1]
    everybody = np.bincount(bins, weights, _BINS)[::-1]
    if not positive.sum():
        return float("nan")
    precision = np.cumsum(positive) / np.maximum(np.cumsum(everybody), 1e-12)
    return float((precision * positive).sum() / positive.sum())


def brier(scores: Floats, truth: Bools, weights: Floats) -> float:
    """Mean squared error of a probability."""
    return float(np.average((scores - truth) ** 2, weights=weights))


def log_loss(scores: Floats, truth: Bools, weights: Floats) -> float:
    """Mean negative log-likelihood, probabilities kept 1e-6 away from 0 and 1."""
    p = np.clip(scores, 1e-6, 1 - 1e-6)
    return float(np.average(-np.where(truth, np.log(p), np.log(1 - p)), weights=weights))


def ece(scores: Floats, truth: Bools, weights: Floats) -> float:
    """Expected calibration error over 15 bins of equal mass."""
    bins = _mass_bins(scores, weights)
    gap = np.bincount(bins, weights * (scores - truth), _MASS_BINS)
    return float(np.abs(gap).sum() / weights.sum())


def reliability(scores: Floats, truth: Bools) -> list[list[float]]:
    """(mean score, share that came true) of each of those bins, ascending."""
    bins = _mass_bins(scores, np.ones(len(scores)))
    count = np.maximum(np.bincount(bins, minlength=_MASS_BINS), 1)
    columns = [np.bincount(bins, each, _MASS_BINS) / count for each in (scores, truth)]
    found: list[list[float]] = np.round(np.stack(columns, axis=1), 4).tolist()
    return found


def _mass_bins(scores: Floats, weights: Floats) -> Ints:
    """The number of each score's bin, bins being of equal mass."""
    order = np.argsort(scores, kind="stable")
    mass = np.cumsum(weights[order])
    middle = mass - weights[order] / 2
    bins = np.empty(len(scores), np.int64)
    bins[order] = np.clip(middle * _MASS_BINS // max(mass[-1], 1e-9), 0, _MASS_BINS - 1)
    return bins


def with_interval(
    measure: Measure, scores: Floats, truth: Bools, visit: Ints, *, seed: int, rounds: int = 100
) -> dict[str, object]:
    """`value` and `ci`, the 95 % percentile interval of a Poisson bootstrap over whole visits.

    `visit` numbers the visit of each row from 0: rows of one visit are not independent.
    """
    value = measure(scores, truth, np.ones(len(scores)))
    if np.isnan(value):
        return {"value": None, "ci": None}
    rng = np.random.default_rng(seed)
    drawn = [
        measure(scores, truth, rng.poisson(1.0, int(visit.max()) + 1)[visit].astype(np.float64))
        for _ in range(rounds)
    ]
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return {"value": round(value, 4), "ci": [round(float(low), 4), round(float(high), 4)]}
