"""4 Concepts and intent: features -> quantised concepts -> intents, by integer arithmetic.

The recurrent or plain network ends at the concepts, which are quantised to ppm at once. Each
intent is a linear head over them, logit = bias + sum of weight x (2c - 1), computed here in
integers, so that the explanation is the computation (concept bottleneck: Koh et al.,
arXiv:2007.04612).
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from typing import Protocol

from schemas.model import Head

MILLION = 1_000_000
STEP_MICRO = 10_000
LIMIT_MICRO = 12_000_000


class Scorer(Protocol):
    """One step of the network, offered by connectors/onnx.py."""

    def step(self, features: list[float], hidden: bytes) -> tuple[list[int], bytes]:
        """Concepts in ppm (one per concept, each in [0, 1,000,000]) and the next hidden state."""
        ...


def _sigmoid_table() -> list[int]:
    """Sigmoid in ppm at each step of the logit; decimal's exp is the same on every machine."""
    table = []
    for micro in range(-LIMIT_MICRO, LIMIT_MICRO + 1, STEP_MICRO):
        value = Decimal(MILLION) / (1 + (Decimal(-micro) / MILLION).exp())
        table.append(int(value.to_integral_value()))
    return table


SIGMOID_PPM = _sigmoid_table()
"""From -LIMIT_MICRO to LIMIT_MICRO, one every STEP_MICRO."""


def sigmoid_ppm(logit_micro: int) -> int:
    """Sigmoid of a logit in millionths, in ppm: a table every 0.01 with linear interpolation."""
    if logit_micro < -LIMIT_MICRO:
        logit_micro = -LIMIT_MICRO
    elif logit_micro >= LIMIT_MICRO:
        logit_micro = LIMIT_MICRO - 1
    logit = logit_micro + LIMIT_MICRO
    index, rest = divmod(logit, STEP_MICRO)
    low, high = SIGMOID_PPM[index], SIGMOID_PPM[index + 1]
    return low + (high - low) * rest // STEP_MICRO


def logit_micro(head: Head, concepts_ppm: list[int]) -> int:
    """Logit of a head in millionths: the sum of `contributions` and the bias, exactly."""
    return head.bias_micro + sum(contributions(head, concepts_ppm))


def contributions(head: Head, concepts_ppm: list[int]) -> list[int]:
    """What each concept adds to the logit, in millionths."""
    return [
        weight * (2 * concept - MILLION) // MILLION
        for weight, concept in zip(head.weights_micro, concepts_ppm, strict=True)
    ]


def calibrated_ppm(head: Head, raw_ppm: int) -> int:
    """The head's monotone map at `raw_ppm`, linear between knots; identity without knots."""
    return _calibrated_ppm(head.calibration_x, head.calibration_y, raw_ppm)


def _calibrated_ppm(xs: tuple[int, ...], ys: tuple[int, ...], raw_ppm: int) -> int:
    if not xs:
        return raw_ppm
    at = bisect_right(xs, raw_ppm)
    if at == 0:
        return ys[0]
    if at == len(xs):
        return ys[-1]
    x0, x1, y0, y1 = xs[at - 1], xs[at], ys[at - 1], ys[at]
    return y0 + (y1 - y0) * (raw_ppm - x0) // (x1 - x0)


def score_ppm(head: Head, concepts_ppm: list[int]) -> int:
    """The intent in ppm: calibrated sigmoid of the logit."""
    return calibrated_ppm(head, sigmoid_ppm(logit_micro(head, concepts_ppm)))


class HeadsScorer(Protocol):
    """All heads of a model at once."""

    def scores_ppm(self, concepts_ppm: list[int]) -> list[int]:
        """The intents in ppm, in the order of the heads."""
        ...


class Intents:
    """All heads of a model, prepared once: `scores_ppm` is `score_ppm` of each, in one pass."""

    def __init__(self, heads: tuple[Head, ...]) -> None:
        self._heads = [
            (head.bias_micro, head.weights_micro, head.calibration_x, head.calibration_y)
            for head in heads
        ]

    def scores_ppm(self, concepts_ppm: list[int]) -> list[int]:
        """The intents in ppm, in the order of the heads."""
        signed = [2 * concept - MILLION for concept in concepts_ppm]
        out = []
        for bias, weights, xs, ys in self._heads:
            terms = [w * c // MILLION for w, c in zip(weights, signed, strict=True)]
            out.append(_calibrated_ppm(xs, ys, sigmoid_ppm(bias + sum(terms))))
        return out
