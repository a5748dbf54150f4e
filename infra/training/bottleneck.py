"""Does the bottleneck hold: do concepts carry the scores, and nothing but what their names say?

completeness    what is left of the twin's AUROC, which has no bottleneck (chance is nothing).
leakage         boosted trees on the predicted concepts, beside the head and beside trees on the
                true labels. Above the head: the numbers carry what a linear head cannot explain.
                Above the true labels: they carry what the names do not say (arXiv:2504.14094).
interventions   somebody corrects concepts, the most telling first (arXiv:2302.14260): each goes to
                its 5th or 95th percentile by its true label (arXiv:2007.04612).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infra.training.measures import auroc, with_interval
from models.intent import MILLION
from schemas.model import RISK, Head

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LOW, HIGH = 5, 95
COMPLETENESS_MIN = 0.97
OVER_HEAD_MAX, OVER_TRUE_MAX = 0.01, 0.0
SHARE = 0.05
"""More makes corrections worth more, and the score without any a little worse."""

CORRECTED = 3
"""So many corrections must be worth making; of more, the ends of the range say too much."""


def completeness(score: float, free: float) -> float:
    """Of the AUROCs of the model and of its twin."""
    return round((score - 0.5) / (free - 0.5), 4)


def completeness_of(
    score: Floats, free: Floats, truth: Bools, visit: Ints, seed: int
) -> dict[str, Any]:
    """The same of the scores themselves, with its interval by visit."""

    def left(both: Floats, true: Bools, weights: Floats) -> float:
        return completeness(*(auroc(both[:, at], true, weights) for at in (0, 1)))

    return with_interval(left, np.stack([score, free], axis=1), truth, visit, seed=seed)


@dataclass(frozen=True, slots=True)
class Rows:
    """Concepts in ppm and what was true of them, both [n, k], and what was true of a score [n]."""

    concepts: Ints
    labels: Bools
    truth: Bools


def order_of(heads: Sequence[Head], rows: Rows, name: str) -> list[int]:
    """Concepts in the order in which to correct them: each helps score `name` most after those
    before it. Of other rows than are judged, else the order itself would know the answers.
    """
    left = [at for at in range(rows.labels.shape[1]) if rows.labels[:, at].any()]
    order: list[int] = []
    while left:
        best = max(left, key=lambda at: _reached(heads, rows, name, [*order, at]))
        order.append(best)
        left.remove(best)
    return order


def interventions(
    heads: Sequence[Head], rows: Rows, name: str, order: Sequence[int]
) -> list[tuple[int, float]]:
    """(concept corrected last, AUROC of score `name`), beginning with (-1, as it was)."""
    reached = [_reached(heads, rows, name, order[:number]) for number in range(len(order) + 1)]
    return list(zip([-1, *order], reached, strict=True))


def _reached(heads: Sequence[Head], rows: Rows, name: str, chosen: Sequence[int]) -> float:
    moved = rows.concepts.astype(np.float64)
    moved[:, chosen] = corrected(rows.concepts, rows.labels)[:, chosen]
    return round(auroc(risk(heads, moved, name), rows.truth, np.ones(len(rows.truth))), 4)


def now_and_then(concepts: Ints, labels: Bools) -> Ints:
    """Concepts [n, k] of which a share drawn at random is corrected: a head that was fitted to such
    rows takes a correction for what it is (RandInt, arXiv:2309.16928).
    """
    drawn = np.random.default_rng(0).random(concepts.shape) < SHARE
    return np.where(drawn, corrected(concepts, labels), concepts).astype(np.int64)


def corrected(concepts: Ints, labels: Bools) -> Floats:
    """Every concept [n, k] where somebody who knows puts it: at one end of where it lies."""
    low, high = np.percentile(concepts, (LOW, HIGH), axis=0)
    return np.where(labels, high, low)


def risk(heads: Sequence[Head], concepts: Floats, name: str) -> Floats:
    """One of the competing risks before calibration, of concepts in ppm [n, k]; in floats."""
    risks = [head for head in heads if head.kind == RISK]
    weights = np.array([head.weights_micro for head in risks]).T / MILLION
    logits = (2 * concepts / MILLION - 1) @ weights
    odds = np.exp(logits + np.array([head.bias_micro for head in risks]) / MILLION)
    at = [head.name for head in risks].index(name)
    share: Floats = odds[:, at] / (1 + odds.sum(axis=1))
    return share


def problems(found: Mapping[str, Any]) -> list[str]:
    """What is wrong with a bottleneck of which a card or a report tells these figures."""
    wrong = []
    left = found["completeness"]
    if left is not None and left < COMPLETENESS_MIN:
        wrong.append(f"completeness {left} instead of {COMPLETENESS_MIN}")
    leak = found["leakage"]
    if leak["predicted"] - leak["head"] > OVER_HEAD_MAX:
        wrong.append(f"trees get {leak['predicted']} from the concepts, the head {leak['head']}")
    if leak["predicted"] - leak["true"] > OVER_TRUE_MAX:
        wrong.append(f"the concepts give {leak['predicted']}, what was true only {leak['true']}")
    curve = [value for _, value in found["interventions"][: CORRECTED + 1]]
    if curve != sorted(curve):
        wrong.append(f"correcting concepts makes it worse: {curve}")
    return wrong
