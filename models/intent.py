"""4 Concepts and intent: features -> quantised concepts -> intents, by integer arithmetic.

The network ends at the concepts, which are quantised to ppm at once. From there on it is integers:

1. logit = bias + sum of weight x (2c - 1), one a head: what an explanation adds up (concept
   bottleneck: Koh et al., arXiv:2007.04612);
2. raw: a sigmoid each; the `risk` heads compete, each against all others and `continue` at 0;
3. calibrated: each through its own monotone map;
4. joined: the risks leave `continue` what they do not take, all adding up to 1,000,000; the hazards
   add up along the windows, so that a longer one is never less likely than a shorter.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from schemas.model import HAZARD, KINDS, RISK, Head

MILLION = 1_000_000
STEP_MICRO = 10_000
LIMIT_MICRO = 12_000_000
CONTINUE_ODDS = 5_000_000
"""Odds of a logit of 0; the largest, times a million, stay within 64 bits."""


class Scorer(Protocol):
    """One step of the network, offered by connectors/onnx.py."""

    def step(self, features: list[float], hidden: bytes) -> tuple[list[int], bytes]:
        """Concepts in ppm (one per concept, each in [0, 1,000,000]) and the next hidden state."""
        ...


def _tables() -> tuple[list[int], list[int]]:
    """Sigmoid in ppm and odds at each step of the logit; decimal's exp is the same everywhere."""
    sigmoids, odds = [], []
    for micro in range(-LIMIT_MICRO, LIMIT_MICRO + 1, STEP_MICRO):
        power = (Decimal(micro) / MILLION).exp()
        sigmoids.append(int((Decimal(MILLION) / (1 + 1 / power)).to_integral_value()))
        odds.append(int((CONTINUE_ODDS * power).to_integral_value()))
    return sigmoids, odds


SIGMOID_PPM, ODDS = _tables()
"""From -LIMIT_MICRO to LIMIT_MICRO, one every STEP_MICRO."""


def _between(table: list[int], logit_micro: int) -> int:
    if logit_micro < -LIMIT_MICRO:
        logit_micro = -LIMIT_MICRO
    elif logit_micro >= LIMIT_MICRO:
        logit_micro = LIMIT_MICRO - 1
    index, rest = divmod(logit_micro + LIMIT_MICRO, STEP_MICRO)
    low, high = table[index], table[index + 1]
    return low + (high - low) * rest // STEP_MICRO


def sigmoid_ppm(logit_micro: int) -> int:
    """Sigmoid of a logit in millionths, in ppm: a table every 0.01 with linear interpolation."""
    return _between(SIGMOID_PPM, logit_micro)


def risks_ppm(logits_micro: Sequence[int]) -> list[int]:
    """What each of the competing risks takes, in ppm: softmax against `continue` at logit 0.

    Rounded down, so that they never add up to more than 1,000,000. A larger logit never takes less,
    nor leaves another more.
    """
    odds = [_between(ODDS, each) for each in logits_micro]
    total = CONTINUE_ODDS + sum(odds)
    return [each * MILLION // total for each in odds]


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
    xs, ys = head.calibration_x, head.calibration_y
    if not xs:
        return raw_ppm
    at = bisect_right(xs, raw_ppm)
    if at == 0:
        return ys[0]
    if at == len(xs):
        return ys[-1]
    x0, x1, y0, y1 = xs[at - 1], xs[at], ys[at - 1], ys[at]
    return y0 + (y1 - y0) * (raw_ppm - x0) // (x1 - x0)


def raw_ppm(heads: Sequence[Head], logits_micro: Sequence[int]) -> list[int]:
    """Before calibration, in the order of the heads."""
    risks = [logit for head, logit in zip(heads, logits_micro, strict=True) if head.kind == RISK]
    shares = iter(risks_ppm(risks) if risks else ())
    return [
        next(shares) if head.kind == RISK else sigmoid_ppm(logit)
        for head, logit in zip(heads, logits_micro, strict=True)
    ]


def joined_ppm(heads: Sequence[Head], calibrated: Iterable[int]) -> list[int]:
    """The scores of calibrated heads: risks within 1,000,000 together, hazards added up."""
    out = list(calibrated)
    taken, open_ppm = 0, MILLION
    for at, head in enumerate(heads):
        if head.kind == RISK:
            taken += out[at]
        elif head.kind == HAZARD:
            open_ppm = open_ppm * (MILLION - out[at]) // MILLION
            out[at] = MILLION - open_ppm
    if taken > MILLION:
        for at, head in enumerate(heads):
            if head.kind == RISK:
                out[at] = out[at] * MILLION // taken
    return out


def scores_ppm(heads: Sequence[Head], concepts_ppm: list[int]) -> list[int]:
    """The intents in ppm, in the order of the heads."""
    raw = raw_ppm(heads, [logit_micro(head, concepts_ppm) for head in heads])
    return joined_ppm(heads, map(calibrated_ppm, heads, raw))


def score_ppm(head: Head, concepts_ppm: list[int]) -> int:
    """The intent in ppm of a head that stands alone."""
    return scores_ppm((head,), concepts_ppm)[0]


def problem_of(heads: Sequence[Head], concepts: int) -> str:
    """What makes heads over so many concepts unfit to score with, empty if nothing."""
    if len({head.name for head in heads}) != len(heads):
        return "two heads have the same name"
    for head in heads:
        xs, ys = head.calibration_x, head.calibration_y
        if head.kind not in KINDS:
            return f"head {head.name} is of no known kind: {', '.join(KINDS)}"
        if len(head.weights_micro) != concepts:
            return "a head does not have one weight for each concept"
        if len(xs) != len(ys) or list(xs) != sorted(set(xs)):
            return f"the knots of head {head.name} do not ascend, each with its value"
        if list(ys) != sorted(ys) or (ys and not 0 <= ys[0] <= ys[-1] <= MILLION):
            return f"the calibration of head {head.name} falls, or leaves 0..{MILLION}"
    return ""


class HeadsScorer(Protocol):
    """All heads of a model at once."""

    def scores_ppm(self, concepts_ppm: list[int]) -> list[int]:
        """The intents in ppm, in the order of the heads."""
        ...


class Intents:
    """`scores_ppm` of these heads; connectors/intents.py has the same in C."""

    def __init__(self, heads: tuple[Head, ...]) -> None:
        self._heads = heads

    def scores_ppm(self, concepts_ppm: list[int]) -> list[int]:
        """The intents in ppm, in the order of the heads."""
        return scores_ppm(self._heads, concepts_ppm)
