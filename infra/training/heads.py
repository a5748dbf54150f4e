"""Linear heads on quantised concepts: a convex refit with known signs, calibrated, in integers.

Joint training leaves signs that flip from seed to seed. So heads are fitted again on the frozen
concepts (logistic loss, L2, bounds on known signs: one optimum); the risks are fitted together, as
one softmax against going on; a window's hazard is fitted on who did not buy in the windows before
it. Then a monotone map a head is fitted on validation visits, and everything is rounded to the
integers that serving computes with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from models.intent import MILLION, logit_micro, raw_ppm, scores_ppm
from schemas.model import HAZARD, RISK, SIGMOID, Head

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KNOTS = 20
_RIDGE = 1e-4
_STEPS = 300
_ROWS_MAX = 40_000
"""More rows move ten weights no further: every nth is taken."""
_BLEND = 0.95
"""Share of the isotonic map; the rest is the raw score, so that the map never goes flat."""


def fit_all(
    concepts: Ints,
    truth: Floats,
    names: Sequence[str],
    kinds: Mapping[str, str],
    of_concepts: tuple[str, ...],
    signs: Mapping[str, Mapping[str, int]],
) -> tuple[Head, ...]:
    """A head for each intent: concepts in ppm [n, k], truth [n, m] in the order of `names`."""
    made: dict[str, Head] = {}
    risks = [name for name in names if kinds.get(name) == RISK]
    groups = [risks] if risks else []
    groups += [[name] for name in names if name not in risks]
    for group in groups:
        rows = np.flatnonzero(at_risk(truth, names, kinds, group[0]))
        rows = rows[:: -(-len(rows) // _ROWS_MAX)]
        columns = [names.index(name) for name in group]
        fitted = _fit(concepts[rows], truth[rows][:, columns], of_concepts,
                      [signs.get(name, {}) for name in group])  # fmt: skip
        for name, (weights, bias) in zip(group, fitted, strict=True):
            made[name] = Head(name, round(bias * MILLION),
                              tuple(round(w * MILLION) for w in weights),
                              kind=kinds.get(name, SIGMOID))  # fmt: skip
    return tuple(made[name] for name in names)


def at_risk(
    truth: Floats, names: Sequence[str], kinds: Mapping[str, str], name: str
) -> NDArray[np.bool_]:
    """Rows that count for a head: for a hazard those who did not buy in a shorter window."""
    chain = [each for each in names if kinds.get(each) == HAZARD]
    if name not in chain or name == chain[0]:
        return np.ones(len(truth), np.bool_)
    shorter = chain[chain.index(name) - 1]
    return truth[:, names.index(shorter)] < 0.5


def _fit(
    concepts: Ints, truth: Floats, names: tuple[str, ...], signs: Sequence[Mapping[str, int]]
) -> list[tuple[list[float], float]]:
    """Weights and bias a column of truth: one sigmoid, or several columns as one softmax."""
    x = np.hstack([2 * concepts / MILLION - 1, np.ones((len(concepts), 1))])
    low = np.array([[0.0 if each.get(n, 0) > 0 else -np.inf for each in signs] for n in names])
    high = np.array([[0.0 if each.get(n, 0) < 0 else np.inf for each in signs] for n in names])
    low, high = (np.vstack([bound, np.full((1, len(signs)), end)])
                 for bound, end in ((low, -np.inf), (high, np.inf)))  # fmt: skip
    ridge = _RIDGE * np.vstack([np.ones((len(names), 1)), np.zeros((1, 1))])
    step = 1 / (0.5 * np.linalg.eigvalsh(x.T @ x / len(x))[-1] + _RIDGE)
    weights = np.zeros((x.shape[1], len(signs)))
    base = np.clip(truth.mean(axis=0), 1e-4, 1 - 1e-4)
    weights[-1] = np.log(base / (1 - base.sum() if len(base) > 1 else 1 - base))
    ahead, momentum = weights, 1.0
    for _ in range(_STEPS):
        slope = x.T @ (_shares(x @ ahead) - truth) / len(x) + ridge * ahead
        moved = np.clip(ahead - step * slope, low, high)
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + (momentum - 1) / grown * (moved - weights)
        weights, momentum = moved, grown
    return [(column[:-1].tolist(), float(column[-1])) for column in weights.T]


def _shares(logits: Floats) -> Floats:
    """What each column takes against a logit of 0; of one column the sigmoid."""
    top = np.maximum(logits.max(axis=1, keepdims=True), 0)
    odds = np.exp(logits - top)
    shares: Floats = odds / (np.exp(-top) + odds.sum(axis=1, keepdims=True))
    return shares


def scores(heads: Sequence[Head], concepts: Ints) -> Ints:
    """Scores in ppm [n, m], by the very function that serving uses."""
    return np.array([scores_ppm(heads, row) for row in concepts.tolist()], np.int64)


def raw(heads: Sequence[Head], concepts: Ints) -> Ints:
    """The same before calibration."""
    return np.array(
        [raw_ppm(heads, [logit_micro(head, row) for head in heads]) for row in concepts.tolist()],
        np.int64,
    )


def calibrate_all(
    heads: Sequence[Head], concepts: Ints, truth: Floats, kinds: Mapping[str, str]
) -> tuple[Head, ...]:
    """The heads with monotone maps from raw to calibrated ppm, fitted on other visits."""
    names = [head.name for head in heads]
    said = raw(heads, concepts)
    out = []
    for at, head in enumerate(heads):
        rows = at_risk(truth, names, kinds, head.name)
        out.append(_calibrated(head, said[rows, at], truth[rows, at]))
    return tuple(out)


def _calibrated(head: Head, said: Ints, truth: Floats) -> Head:
    parts = [part for part in np.array_split(np.argsort(said, kind="stable"), KNOTS) if len(part)]
    xs = np.array([said[part].mean() for part in parts])
    ys = _monotone(np.array([truth[part].mean() for part in parts])) * MILLION
    ys = _BLEND * ys + (1 - _BLEND) * xs
    knots = {0: int(ys[0] / 2), MILLION: int((MILLION + ys[-1]) / 2)}
    knots.update({round(x): round(y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)})
    placed = sorted(knots)
    return replace(
        head, calibration_x=tuple(placed), calibration_y=tuple(sorted(knots[x] for x in placed))
    )


def _monotone(ys: Floats) -> Floats:
    """Pool adjacent violators, equal weights."""
    pools: list[tuple[float, int]] = []
    for y in ys.tolist():
        pools.append((y, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (b, m), (a, n) = pools.pop(), pools.pop()
            pools.append(((a * n + b * m) / (n + m), n + m))
    return np.concatenate([np.full(n, y) for y, n in pools])
