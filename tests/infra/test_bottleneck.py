"""Whether concepts carry a score, and nothing but what their names say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from infra.training.bottleneck import Rows, completeness, interventions, order_of, problems, risk
from models.intent import MILLION, logit_micro, raw_ppm
from schemas.model import RISK, SIGMOID, Head

BUY = Head("buy", -500_000, (1_500_000, 200_000, -900_000), kind=RISK)
LEAVE = Head("leave", 100_000, (-400_000, 300_000, 800_000), kind=RISK)
ALONE = Head("alone", 0, (1, 1, 1), kind=SIGMOID)


def crowd(rows: int = 4000) -> Any:
    """Concepts that are half sure of labels of which the first decides, the last against it."""
    rng = np.random.default_rng(2)
    labels = rng.random((rows, 3)) < 0.5
    said = np.rint((0.35 + 0.3 * labels + rng.normal(0, 0.15, labels.shape)).clip(0, 1) * MILLION)
    truth = rng.random(rows) < 0.25 + 0.4 * labels[:, 0] - 0.25 * labels[:, 2]
    return said.astype(np.int64), labels, truth


def test_a_risk_in_floats_is_the_one_in_integers() -> None:
    """To what the table of odds rounds away."""
    said, _, _ = crowd(200)
    heads = (BUY, ALONE, LEAVE)
    for name, at in (("buy", 0), ("leave", 2)):
        whole = [raw_ppm(heads, [logit_micro(h, row) for h in heads])[at] for row in said.tolist()]
        assert np.abs(risk(heads, said.astype(np.float64), name) * MILLION - whole).max() < 20


@pytest.mark.promise("M29")
def test_corrections_begin_with_the_most_telling_concept_and_help() -> None:
    """The second concept tells nothing of buying and comes last."""
    heads, rows = (BUY, LEAVE), Rows(*crowd())
    curve = interventions(heads, rows, "buy", order_of(heads, rows, "buy"))
    assert [at for at, _ in curve] == [-1, 0, 2, 1]
    start, first, second, _ = (value for _, value in curve)
    assert second > first > start + 0.05


@pytest.mark.promise("M29")
def test_a_head_that_reads_a_concept_the_wrong_way_round_is_found() -> None:
    """Correcting it makes the score worse."""
    turned = Head("buy", -500_000, (-1_500_000, 200_000, 900_000), kind=RISK)
    curve = interventions((turned, LEAVE), Rows(*crowd()), "buy", [0, 2, 1])
    found = {"completeness": 1.0, "leakage": HOLDS, "interventions": curve}
    assert "correcting concepts makes it worse" in problems(found)[0]


HOLDS = {"head": 0.72, "predicted": 0.725, "true": 0.79}
RISES = [("", 0.72), ("a", 0.76), ("b", 0.8), ("c", 0.8), ("d", 0.7)]
FALLS = [("", 0.72), ("a", 0.76), ("b", 0.75), ("c", 0.8)]


@pytest.mark.promise("M29")
@pytest.mark.parametrize(
    ("left", "leakage", "curve", "problem"),
    [
        (0.97, HOLDS, RISES, ""),
        (None, HOLDS, RISES, ""),
        (0.969, HOLDS, RISES, "completeness"),
        (1.0, {**HOLDS, "predicted": 0.7301}, RISES, "the head"),
        (1.0, {**HOLDS, "true": 0.7249}, RISES, "what was true"),
        (1.0, HOLDS, FALLS, "makes it worse"),
    ],
)
def test_what_is_wrong_with_a_bottleneck(
    left: float | None, leakage: dict[str, float], curve: list[Any], problem: str
) -> None:
    """Each bar by itself; a fourth correction may cost something."""
    found = problems({"completeness": left, "leakage": leakage, "interventions": curve})
    assert len(found) == bool(problem) and all(problem in each for each in found)


def test_completeness_counts_from_chance() -> None:
    """Half of what is above a half."""
    assert completeness(0.6, 0.7) == 0.5 and completeness(0.71, 0.7) > 1
