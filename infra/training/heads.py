"""Linear heads on quantised concepts: a convex refit with known signs, calibrated, in integers.

Joint training leaves signs that flip from seed to seed. So each head is fitted again on the frozen
concepts (logistic loss, L2, bounds on known signs: one optimum), then a monotone map is fitted on
validation visits, and everything is rounded to the integers that serving computes with.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.intent import MILLION, score_ppm
from schemas.model import Head

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KNOTS = 14
_RIDGE = 1e-3
_STEPS = 600
_BLEND = 0.85
"""Share of the isotonic map; the rest is the raw score, so that the map never goes flat."""


def fit(
    name: str, concepts: Ints, truth: Floats, names: tuple[str, ...], signs: Mapping[str, int]
) -> Head:
    """Bounded logistic regression of `truth` on concepts in ppm [n, k], without calibration."""
    x = 2 * concepts / MILLION - 1
    low = np.array([0.0 if signs.get(each, 0) > 0 else -np.inf for each in names])
    high = np.array([0.0 if signs.get(each, 0) < 0 else np.inf for each in names])
    weights, bias = np.zeros(len(names)), _logit(truth.mean())
    step = 1 / (0.25 * (1 + np.linalg.eigvalsh(x.T @ x / len(x))[-1]) + _RIDGE)
    ahead, momentum, bias_ahead = weights, 1.0, bias
    for _ in range(_STEPS):
        slope = 1 / (1 + np.exp(-(x @ ahead + bias_ahead))) - truth
        moved = np.clip(ahead - step * (x.T @ slope / len(x) + _RIDGE * ahead), low, high)
        bias_moved = bias_ahead - step * slope.mean()
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + (momentum - 1) / grown * (moved - weights)
        bias_ahead = bias_moved + (momentum - 1) / grown * (bias_moved - bias)
        weights, bias, momentum = moved, bias_moved, grown
    return Head(name, round(float(bias) * MILLION), tuple(round(w * MILLION) for w in weights))


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def scores(head: Head, concepts: Ints) -> Ints:
    """The head's scores in ppm, by the very function that serving uses."""
    return np.array([score_ppm(head, row) for row in concepts.tolist()], np.int64)


def calibrate(head: Head, concepts: Ints, truth: Floats) -> Head:
    """The head with a monotone map from raw to calibrated ppm, fitted on other visits."""
    raw = scores(head, concepts)
    order = np.argsort(raw, kind="stable")
    parts = np.array_split(order, KNOTS)
    xs = np.array([raw[part].mean() for part in parts])
    ys = _monotone(np.array([truth[part].mean() for part in parts])) * MILLION
    ys = _BLEND * ys + (1 - _BLEND) * xs
    knots = {0: int(ys[0] / 2), MILLION: int((MILLION + ys[-1]) / 2)}
    knots.update({round(x): round(y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)})
    placed = sorted(knots)
    return Head(
        head.name, head.bias_micro, head.weights_micro,
        tuple(placed), tuple(sorted(knots[x] for x in placed)),
    )  # fmt: skip


def _monotone(ys: Floats) -> Floats:
    """Pool adjacent violators, equal weights."""
    pools: list[tuple[float, int]] = []
    for y in ys.tolist():
        pools.append((y, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (b, m), (a, n) = pools.pop(), pools.pop()
            pools.append(((a * n + b * m) / (n + m), n + m))
    return np.concatenate([np.full(n, y) for y, n in pools])
