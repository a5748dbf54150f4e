"""Bootstrap: how far a figure would wander had other visitors come by.

Poisson form (Hanley, MacGibbon, "Creating non-parametric bootstrap samples using Poisson
frequencies", 2006): each row counts Poisson(1) times in each draw, so a draw is a product of
counts and columns. Rows of one visitor belong together and are added up beforehand.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evidence.contrast import ALPHA

DRAWS = 1_000
CELLS_MAX = 4_000_000
"""Counts held at a time: 32 MB."""

Floats = NDArray[np.float64]


def clustered(columns: Floats, groups: NDArray[np.int64]) -> Floats:
    """Rows of one group added up; groups are numbered from 0."""
    out = np.zeros((int(groups.max()) + 1 if len(groups) else 0, columns.shape[1]))
    np.add.at(out, groups, columns)
    return out


def resampled_sums(columns: Floats, chance: Generator, draws: int = DRAWS) -> Floats:
    """`draws` sums of each column over resampled rows; one row a draw."""
    rows = len(columns)
    at_once = max(1, CELLS_MAX // max(rows, 1))
    parts = [
        chance.poisson(1.0, (min(at_once, draws - start), rows)).astype(np.float64) @ columns
        for start in range(0, draws, at_once)
    ]
    return np.concatenate(parts)


def percentile_interval(values: Floats, alpha: float = ALPHA) -> tuple[float, float]:
    """The middle 1 - alpha of the draws."""
    low, high = np.quantile(values, [alpha / 2, 1 - alpha / 2])
    return float(low), float(high)
