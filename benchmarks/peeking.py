"""A/A tests by the thousand: how often each interval claims a difference that is not there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.always_valid import TUNED_FOR, width_in_errors
from evidence.contrast import ALPHA
from evidence.distributions import normal_quantile

FIRST_LOOK = 50
"""Visitors an arm before anybody looks: the intervals are asymptotic."""

EXPERIMENTS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class FalsePositives:
    """Experiments, of `experiments`, in which a difference was claimed."""

    experiments: int
    always_valid_peeking: int
    fixed_horizon_once: int
    fixed_horizon_peeking: int


def play(experiments: int, visitors: int, rate: float, seed: int) -> FalsePositives:
    """Both arms convert at `rate`; one looks after every visitor up to `visitors` an arm."""
    chance = np.random.default_rng(seed)
    n = np.arange(1, visitors + 1)
    always = np.array([width_in_errors(2 * int(each), ALPHA, TUNED_FOR) for each in n])
    once = normal_quantile(1 - ALPHA / 2)
    found = np.zeros(3, int)
    for start in range(0, experiments, EXPERIMENTS_AT_ONCE):
        size = min(EXPERIMENTS_AT_ONCE, experiments - start)
        errors = _errors_apart(chance, size, n, rate)[:, FIRST_LOOK - 1 :]
        found[0] += (errors > always[FIRST_LOOK - 1 :]).any(axis=1).sum()
        found[1] += (errors[:, -1] > once).sum()
        found[2] += (errors > once).any(axis=1).sum()
    return FalsePositives(experiments, *map(int, found))


def _errors_apart(
    chance: np.random.Generator, size: int, n: NDArray[np.int64], rate: float
) -> NDArray[np.float64]:
    """|difference of the means| in standard errors, after each visitor; one row an experiment."""
    converted = chance.random((size, 2, len(n))) < rate
    means = converted.cumsum(axis=2) / n
    variance = (means * (1 - means)).sum(axis=1) / np.maximum(n - 1, 1)
    apart = np.abs(means[:, 1] - means[:, 0])
    out: NDArray[np.float64] = apart / np.sqrt(np.where(variance > 0, variance, np.inf))
    return out
