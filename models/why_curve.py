"""4 Scores along a line: one concept takes many values, the others stay; exact, as in intent.py.

What models/intent.py computes for one state, this computes for an array of values of one concept,
in the same 64-bit integers, so that a search over every ppm is affordable. Heads that compete or
add up need not be monotone in a concept, so for what lies between two values there are bounds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.intent import (
    CONTINUE_ODDS,
    LIMIT_MICRO,
    ODDS,
    SIGMOID_PPM,
    STEP_MICRO,
    calibrated_ppm,
    contributions,
    joined_ppm,
    raw_ppm,
)
from schemas.ids import MILLION
from schemas.model import HAZARD, RISK, Head

Line = NDArray[np.int64]
_SIGMOIDS, _ODDS = np.array(SIGMOID_PPM, np.int64), np.array(ODDS, np.int64)


def moved(heads: Sequence[Head], at: int) -> set[str]:
    """Names of the heads that concept number `at` can move: of competing ones, all or none."""
    own = {head.name for head in heads if head.weights_micro[at]}
    groups = {head.kind for head in heads if head.name in own} & {RISK, HAZARD}
    return own | {head.name for head in heads if head.kind in groups}


def score_lines(
    heads: Sequence[Head], concepts_ppm: list[int], at: int, values: Line
) -> dict[str, Line]:
    """Name -> the score in ppm where concept number `at` takes each of `values`, of `moved`."""
    names = moved(heads, at)
    chosen = [head for head in heads if head.name in names]
    logits = [_logits(head, concepts_ppm, at, values) for head in chosen]
    odds = {n: _between(_ODDS, logits[n]) for n, head in enumerate(chosen) if head.kind == RISK}
    total = sum(odds.values(), np.int64(CONTINUE_ODDS))
    lines = [
        odds[n] * MILLION // total if n in odds else _between(_SIGMOIDS, logits[n])
        for n in range(len(chosen))
    ]
    lines = [_calibrated(head, line) for head, line in zip(chosen, lines, strict=True)]
    return dict(zip([head.name for head in chosen], _joined(chosen, lines), strict=True))


def score_bounds(
    heads: Sequence[Head], concepts_ppm: list[int], at: int, ends: tuple[int, int]
) -> dict[str, Line]:
    """Name -> (least, most) score with concept `at` anywhere between the ends, of `moved`.

    Calibrations must be monotone. A risk is least where its own logit is and its rivals' are not.
    """
    names = moved(heads, at)
    chosen = [head for head in heads if head.name in names]
    both = [sorted(_logits(head, concepts_ppm, at, np.array(ends)).tolist()) for head in chosen]
    least = [_extreme(chosen, both, n, 0) for n in range(len(chosen))]
    most = [_extreme(chosen, both, n, 1) for n in range(len(chosen))]
    pairs = zip([head.name for head in chosen], least, most, strict=True)
    return {name: np.array((low, high), np.int64) for name, low, high in pairs}


def _extreme(heads: list[Head], both: list[list[int]], at: int, side: int) -> int:
    """The least (0) or most (1) score of head `at`: rivals stand at their other end."""
    rival = [head.kind == RISK and n != at for n, head in enumerate(heads)]
    logits = [pair[1 - side if other else side] for pair, other in zip(both, rival, strict=True)]
    raw = raw_ppm(heads, logits)
    # Calibrated, a rival's share is at its own end again: what it takes when it is largest.
    for n, other in enumerate(rival):
        if other:
            far = [pair[1 - side if n == m else side] for m, pair in enumerate(both)]
            raw[n] = raw_ppm(heads, far)[n]
    return joined_ppm(heads, map(calibrated_ppm, heads, raw))[at]


def _logits(head: Head, concepts_ppm: list[int], at: int, values: Line) -> Line:
    fixed = contributions(head, concepts_ppm)
    rest = head.bias_micro + sum(fixed) - fixed[at]
    return np.asarray(rest + head.weights_micro[at] * (2 * values - MILLION) // MILLION, np.int64)


def _between(table: Line, logits: Line) -> Line:
    place = np.clip(logits, -LIMIT_MICRO, LIMIT_MICRO - 1) + LIMIT_MICRO
    index, rest = np.divmod(place, STEP_MICRO)
    low, high = table[index], table[index + 1]
    return np.asarray(low + (high - low) * rest // STEP_MICRO, np.int64)


def _joined(heads: list[Head], lines: list[Line]) -> list[Line]:
    """As models.intent.joined_ppm."""
    out = [*lines]
    taken, left = np.asarray(0, np.int64), np.asarray(MILLION, np.int64)
    for at, head in enumerate(heads):
        if head.kind == RISK:
            taken = np.asarray(taken + lines[at])
        elif head.kind == HAZARD:
            left = np.asarray(left * (MILLION - lines[at]) // MILLION)
            out[at] = np.asarray(MILLION - left)
    whole = np.maximum(taken, MILLION)
    risks = [at for at, head in enumerate(heads) if head.kind == RISK]
    for at in risks:
        out[at] = out[at] * MILLION // whole
    return out


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
