"""The direct method: what a reward would have been, by a ridge regression on context and action.

Reward = bias + context . theta + beta of the action. Each row is predicted by a fit that has not
seen it (five folds), so that a model that overfits cannot flatter a policy. How hard the ridge
pulls towards the mean is chosen by the squared error on the fold left out, from moments alone.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FOLDS = 5
STRENGTHS = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)
"""Rows that say "the mean", against which a number of context or an action has to speak up."""

ROWS_AT_ONCE = 20_000


class Direct(Struct, frozen=True):
    """Coefficients by fold: of bias and context (folds, 1 + d), of the actions (folds, k)."""

    shared: Floats
    actions: Floats
    strength: float


class _Moments(Struct):
    gram: Floats
    sums: Floats
    squares: float

    def less(self, other: _Moments) -> _Moments:
        return _Moments(
            self.gram - other.gram, self.sums - other.sums, self.squares - other.squares
        )


def fold_of(groups: Ints) -> Ints:
    """The fold of each row; rows of one group share one."""
    return groups % FOLDS


def direct(context: Floats, actions: Ints, count: int, rewards: Floats, folds: Ints) -> Direct:
    """Fit each fold's model on the others; `count` actions are numbered from 0."""
    size = 1 + context.shape[1]
    parts = [_moments(context, actions, count, rewards, folds == each) for each in range(FOLDS)]
    whole = _Moments(
        sum((each.gram for each in parts), np.zeros_like(parts[0].gram)),
        sum((each.sums for each in parts), np.zeros_like(parts[0].sums)),
        sum(each.squares for each in parts),
    )
    best: tuple[float, float, list[Floats]] | None = None
    for strength in STRENGTHS:
        fits = [_solved(whole.less(part), strength) for part in parts]
        error = sum(_error(part, fit) for part, fit in zip(parts, fits, strict=True))
        if best is None or error < best[0]:
            best = error, strength, fits
    assert best is not None
    made = np.array(best[2])
    return Direct(made[:, :size], made[:, size:], best[1])


def predictions(
    model: Direct, context: Floats, actions: Ints, keys: Ints, table: Floats, folds: Ints
) -> tuple[Floats, Floats]:
    """Of each row: the reward of its action, and that of a policy with chances table[keys]."""
    by_key = table @ model.actions.T
    shared = model.shared[folds]
    base = shared[:, 0] + np.einsum("ij,ij->i", context, shared[:, 1:])
    return base + model.actions[folds, actions], base + by_key[keys, folds]


def _moments(
    context: Floats, actions: Ints, count: int, rewards: Floats, chosen: NDArray[np.bool_]
) -> _Moments:
    size = 1 + context.shape[1] + count
    out = _Moments(np.zeros((size, size)), np.zeros(size), 0.0)
    at = np.flatnonzero(chosen)
    for start in range(0, len(at), ROWS_AT_ONCE):
        rows = at[start : start + ROWS_AT_ONCE]
        design = np.zeros((len(rows), size))
        design[:, 0] = 1.0
        design[:, 1:-count] = context[rows]
        design[np.arange(len(rows)), size - count + actions[rows]] = 1.0
        out.gram += design.T @ design
        out.sums += design.T @ rewards[rows]
        out.squares += float(rewards[rows] @ rewards[rows])
    return out


def _solved(moments: _Moments, strength: float) -> Floats:
    """Ridge on all but the bias, which is what everything else is pulled towards."""
    pull = np.full(len(moments.sums), strength)
    pull[0] = 1e-9
    out: Floats = np.linalg.solve(moments.gram + np.diag(pull), moments.sums)
    return out


def _error(left_out: _Moments, fit: Floats) -> float:
    return float(left_out.squares - 2 * fit @ left_out.sums + fit @ left_out.gram @ fit)
