"""Lead time: how long before an exit without purchase churn_risk crosses its threshold.

The threshold is the 80th percentile of the risk over all rows. An exit is a visit without a
purchase, crossed if the risk reached the threshold before its last event. Its match is a visit,
drawn at random, that is still open at the same event and goes on for five events or more: how
often that one was crossed by then is the price of the warning.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infra.training.data import Data
from infra.training.labels import INTENTS

PERCENTILE = 80
STAYS_ON = 5
ROUNDS = 200
Floats = NDArray[np.float64]


def report(data: Data, risk: Floats, done: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    """Shares crossed of exits and of matched stays, and the seconds between, with intervals."""
    rng = np.random.default_rng(seed)
    starts = np.flatnonzero(np.diff(data.visit, prepend=-1))
    lengths = np.bincount(data.visit)
    threshold = float(np.percentile(risk[done], PERCENTILE))
    buys = data.intents[starts, list(INTENTS).index("purchase_intent")] > 0.5
    judged = np.flatnonzero(done[starts])
    exits = judged[~buys[judged] & (lengths[judged] > 1)]
    over = [
        np.flatnonzero(risk[s : s + n] >= threshold) for s, n in zip(starts, lengths, strict=True)
    ]
    first = np.array([int(each[0]) if len(each) else 1 << 30 for each in over])
    crossed = first[exits] < lengths[exits] - 1
    seconds = [
        data.age_s[starts[v] + lengths[v] - 1] - data.age_s[starts[v] + first[v]]
        for v in exits[crossed]
    ]
    stays = []
    by_length = judged[np.argsort(lengths[judged], kind="stable")]
    ascending = lengths[by_length]
    for visit in exits:
        low = int(np.searchsorted(ascending, lengths[visit] + STAYS_ON))
        if low < len(by_length):
            match = by_length[rng.integers(low, len(by_length))]
            stays.append(first[match] < lengths[visit] - 1)
    return {
        "threshold": round(threshold, 4),
        "exits": len(exits),
        "stays": len(stays),
        "exits_crossed": _mean(crossed.astype(float), rng),
        "stays_crossed": _mean(np.array(stays, float), rng),
        "seconds": _figure(np.array(seconds), np.median, rng),
    }


def _mean(values: Floats, rng: np.random.Generator) -> dict[str, Any]:
    return _figure(values, np.mean, rng)


def _figure(values: Floats, of: Any, rng: np.random.Generator) -> dict[str, Any]:
    if not len(values):
        return {"value": None, "ci": None}
    drawn = [of(values[rng.integers(0, len(values), len(values))]) for _ in range(ROUNDS)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {
        "value": round(float(of(values)), 4),
        "ci": [round(float(low), 4), round(float(high), 4)],
    }
