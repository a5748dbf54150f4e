"""Off-policy evaluation: what another policy would have earned, from the log of the one that ran.

With w = chance of the logged action under the policy / its logged propensity, and q a model:

- IPS    mean of w r: unbiased where propensities are true, wild where weights are large
- SNIPS  sum of w r / sum of w: a little bias for much less variance
- DM     mean of the model's expectation under the policy: as good as the model, no better
- DR     mean of DM + w (r - q): unbiased if either propensities or model are right

Dudik, Langford, Li, "Doubly robust policy evaluation and learning", ICML 2011; SNIPS by
Swaminathan, Joachims, NeurIPS 2015; the effective sample size (sum of w)^2 / sum of w^2 is Kish's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.random import Generator
from numpy.typing import NDArray

from evidence.bootstrap import DRAWS, clustered, percentile_interval, resampled_sums
from evidence.direct_method import direct, fold_of, predictions

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ESS_MIN = 1_000
"""Effective rows below which nothing is said: a handful of rows would decide."""

ESTIMATORS = ("ips", "snips", "dm", "dr")
GATE = ("snips", "dr")
"""Both have to see an improvement before a policy passes."""

DRAWS_AT_ONCE = 50
PASSED, NOT_SHOWN, REFUSED = "passed", "not shown", "refused"


class Logged(Struct, frozen=True):
    """Rows of a log: one decision each, or one slot of a list.

    `actions` number the policy's columns. `groups` number who the rows belong to, from 0: rows of
    one visitor are resampled together. `context` is (rows, numbers), scaled near one.
    """

    rewards: Floats
    actions: Ints
    propensities: Floats
    context: Floats
    groups: Ints


class Target(Struct, frozen=True):
    """The policy asked about: the chances of row i are table[keys[i]], which sum to one."""

    keys: Ints
    table: Floats


class Columns(Struct, frozen=True):
    """One number a row each."""

    rewards: Floats
    weights: Floats
    predicted: Floats
    expected: Floats

    def matrix(self) -> Floats:
        """The columns whose sums give every estimate."""
        residual = self.weights * (self.rewards - self.predicted)
        return np.column_stack(
            [
                *(np.ones(len(self.rewards)), self.rewards, self.weights),
                *(self.weights * self.rewards, self.expected, self.expected + residual),
            ]
        )


def columns(logged: Logged, target: Target) -> tuple[Columns, float]:
    """Weights and predictions of each row, and the ridge's strength."""
    folds = fold_of(logged.groups)
    model = direct(logged.context, logged.actions, target.table.shape[1], logged.rewards, folds)
    predicted, expected = predictions(
        model, logged.context, logged.actions, target.keys, target.table, folds
    )
    weights = target.table[target.keys, logged.actions] / logged.propensities
    return Columns(logged.rewards, weights, predicted, expected), model.strength


def evaluated(
    logged: Logged,
    target: Target,
    chance: Generator,
    tell: Callable[[int], None] = lambda _: None,
    draws: int = DRAWS,
) -> dict[str, Any]:
    """All estimates with bootstrap intervals, and the verdict; `tell` hears of draws done."""
    made, strength = columns(logged, target)
    matrix = made.matrix()
    point = estimates(matrix.sum(axis=0)[None, :])
    drawn = estimates(_resampled(clustered(matrix, logged.groups), chance, draws, tell))
    found = {name: _figures(point, drawn, name) for name in ESTIMATORS}
    ess = effective(made.weights)
    return {
        "rows": len(made.rewards),
        "visitors": int(logged.groups.max()) + 1,
        "actions": target.table.shape[1],
        "logging": {"value": float(point["logging"][0]), "ci": _interval(drawn["logging"])},
        "estimates": found,
        "ess": round(ess, 1),
        "weight_max": float(made.weights.max()),
        "weight_mean": float(made.weights.mean()),
        "ridge": strength,
        "verdict": verdict(ess, found),
    }


def verdict(ess: float, found: dict[str, Any]) -> str:
    """The promotion gate: refused, not shown, or passed."""
    if ess < ESS_MIN:
        return REFUSED
    lows = [found[name]["difference_ci"][0] for name in GATE]
    return PASSED if all(low is not None and low > 0 for low in lows) else NOT_SHOWN


def effective(weights: Floats) -> float:
    """How many rows of equal weight would be worth as much; 0 where none weighs anything.

    >>> effective(np.array([1.0, 1.0, 1.0])), effective(np.array([3.0, 0.0, 0.0]))
    (3.0, 1.0)
    """
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def estimates(sums: Floats) -> dict[str, Floats]:
    """Estimates of each row of sums over the columns; not a number where no weight is left."""
    n, rewards, weights, weighted, expected, corrected = sums.T
    weighing = np.where(weights > 0, weights, np.nan)
    return {
        "logging": rewards / n,
        "ips": weighted / n,
        "snips": weighted / weighing,
        "dm": expected / n,
        "dr": corrected / n,
    }


def _resampled(rows: Floats, chance: Generator, draws: int, tell: Callable[[int], None]) -> Floats:
    parts = []
    for start in range(0, draws, DRAWS_AT_ONCE):
        parts.append(resampled_sums(rows, chance, min(DRAWS_AT_ONCE, draws - start)))
        tell(min(start + DRAWS_AT_ONCE, draws))
    return np.concatenate(parts)


def _figures(point: dict[str, Floats], drawn: dict[str, Floats], name: str) -> dict[str, Any]:
    value, logging = float(point[name][0]), float(point["logging"][0])
    known = value == value
    return {
        "value": value if known else None,
        "ci": _interval(drawn[name]),
        "difference": value - logging if known else None,
        "difference_ci": _interval(drawn[name] - drawn["logging"]),
    }


def _interval(values: Floats) -> list[float | None]:
    """Low and high; open where some draw has no value."""
    return [None, None] if np.isnan(values).any() else list(percentile_interval(values))
