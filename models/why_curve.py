"""4 Scores along a line: one concept takes many values, the others stay; exact, as in intent.py.

What models/intent.py computes for one state, this computes for an array of values of one concept,
in the same 64-bit integers, so that a search over every ppm is affordable.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.intent import contributions, sigmoid_ppm
from schemas.ids import MILLION
from schemas.model import Head

Line = NDArray[np.int64]
_STEP_MICRO = 10_000
_LIMIT_MICRO = 12_000_000
_KNOTS = np.array(
    [sigmoid_ppm(at) for at in range(-_LIMIT_MICRO, _LIMIT_MICRO, _STEP_MICRO)]
    + [sigmoid_ppm(_LIMIT_MICRO)],
    np.int64,
)


def score_line(head: Head, concepts_ppm: list[int], at: int, values: Line) -> Line:
    """The head's score in ppm where concept number `at` takes each of `values`."""
    fixed = contributions(head, concepts_ppm)
    logit = head.bias_micro + sum(fixed) - fixed[at]
    line = logit + head.weights_micro[at] * (2 * values - MILLION) // MILLION
    return _calibrated(head, _sigmoid(line))


def _sigmoid(logits: Line) -> Line:
    place = np.clip(logits, -_LIMIT_MICRO, _LIMIT_MICRO - 1) + _LIMIT_MICRO
    index, rest = np.divmod(place, _STEP_MICRO)
    low, high = _KNOTS[index], _KNOTS[index + 1]
    return np.asarray(low + (high - low) * rest // _STEP_MICRO, np.int64)


def _calibrated(head: Head, raw: Line) -> Line:
    if not head.calibration_x:
        return raw
    xs = np.array(head.calibration_x, np.int64)
    ys = np.array(head.calibration_y, np.int64)
    if len(xs) == 1:
        return np.full_like(raw, ys[0])
    at = np.searchsorted(xs, raw, side="right")
    left = np.clip(at - 1, 0, len(xs) - 2)
    x0, x1, y0, y1 = xs[left], xs[left + 1], ys[left], ys[left + 1]
    # Knots may share an x; bisect_right never stands between them.
    width = np.maximum(x1 - x0, 1)
    inside = y0 + (y1 - y0) * (raw - x0) // width
    return np.where(at == 0, ys[0], np.where(at == len(xs), ys[-1], inside))


def quality_line(base_ppm: int, response: dict[str, int], lines: dict[str, Line]) -> Line:
    """A campaign's quality in ppm along the line; `lines` holds every name it weighs."""
    total: Line = np.asarray(base_ppm * MILLION, np.int64)
    for name, weight in response.items():
        total = total + weight * lines.get(name, np.asarray(0, np.int64))
    return np.asarray(np.clip(total // MILLION, 0, MILLION), np.int64)
