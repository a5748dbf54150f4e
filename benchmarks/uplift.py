"""Hillstrom's randomised mail: whom a linear uplift learner would write to, and what that gains.

The learner is the engine's ridge (models/ridge.py) with doing nothing as its first arm, without
what an owner expects. Qini is the area between the gain of writing to those of highest uplift
first and that of writing to anybody, in visits a head.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet

from models.ridge import fit

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]
Learner = Callable[[Floats, NDArray[np.bool_], Floats], Floats]
NOBODY, MENS, WOMENS = "No E-Mail", "Mens E-Mail", "Womens E-Mail"
PRIOR = 50.0
"""Rewards that say a context makes no difference."""


def read(path: Path) -> Columns:
    """The columns of the file."""
    table = parquet.read_table(path)
    return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def context(columns: Columns) -> Floats:
    """What was known before the mail, each between 0 and 1, a bias of 1 first."""
    made = [np.ones(len(columns["recency"])), columns["recency"] / 12]
    made.append(np.log1p(columns["history"].astype(float)) / 8)
    made += [columns[name].astype(float) for name in ("mens", "womens", "newbie")]
    for name in ("zip_code", "channel"):
        made += [(columns[name] == each).astype(float) for each in np.unique(columns[name])]
    return np.column_stack(made)


def plain(x: Floats, treated: NDArray[np.bool_], y: Floats) -> Floats:
    """Two least-squares fits, one an arm, and their difference: the rival."""
    fits = [np.linalg.lstsq(x[arm], y[arm], rcond=None)[0] for arm in (treated, ~treated)]
    found: Floats = fits[0] - fits[1]
    return found


def uplift(x: Floats, treated: NDArray[np.bool_], y: Floats) -> Floats:
    """The learner's delta: what the mail adds, by context."""
    arms = (~treated, treated)
    grams = np.array([x[arm].T @ x[arm] for arm in arms])
    sums = np.array([x[arm].T @ y[arm] for arm in arms])
    found: Floats = fit(grams, sums, np.zeros((1, x.shape[1])), PRIOR).deltas[0]
    return found


def qini(score: Floats, treated: NDArray[np.bool_], y: Floats) -> float:
    """Area between the gain by score and that by chance, as a mean over shares of people."""
    order = np.argsort(-score, kind="stable")
    hit, wrote = y[order], treated[order]
    shares = np.arange(1, len(y) + 1) / len(y)
    with_mail = np.cumsum(hit * wrote) / np.maximum(np.cumsum(wrote), 1)
    without = np.cumsum(hit * ~wrote) / np.maximum(np.cumsum(~wrote), 1)
    gain = (with_mail - without) * shares
    return float((gain - gain[-1] * shares).mean())


def qinis(columns: Columns, arm: str, splits: int, seed: int, learner: Learner = uplift) -> Floats:
    """Qini on the half that the learner did not see, over random halves."""
    chosen = np.isin(columns["segment"], (NOBODY, arm))
    x, y = context(columns)[chosen], columns["visit"][chosen].astype(float)
    treated = columns["segment"][chosen] == arm
    chance, out = np.random.default_rng(seed), []
    for _ in range(splits):
        seen = chance.random(len(y)) < 0.5
        delta = learner(x[seen], treated[seen], y[seen])
        out.append(qini(x[~seen] @ delta, treated[~seen], y[~seen]))
    return np.array(out)
