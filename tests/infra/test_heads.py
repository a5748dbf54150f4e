"""Labels and heads: what a model is fitted to, and how it is put together again in integers."""

from __future__ import annotations

import numpy as np
import pytest

from infra.demo.goods import STAND_IN
from infra.training.heads import calibrate_all, fit_all
from infra.training.labels import CONCEPTS, INTENTS, labels, medians
from infra.training.measures import ece
from infra.training.visits import visits
from models.intent import logit_micro, raw_ppm, scores_ppm
from schemas.model import HAZARD, RISK

PRESENT = ("hesitation", "exploration", "category_focus")
"""Concepts whose rule also names the page in view or the kinds met."""


@pytest.mark.promise("M29")
def test_labels_look_ahead_only() -> None:
    """A label never depends on what came before the event, but for the page it happens on."""
    of_category = medians([(item.category, item.price_micros) for item in STAND_IN])
    visit = next(v for v in visits(40, "ahead", STAND_IN) if len(v.events) > 12 and not v.will_buy)
    whole = labels(visit.events, of_category)
    kept = [at for at, name in enumerate((*CONCEPTS, *INTENTS)) if name not in PRESENT]
    for cut, full in zip(labels(visit.events[6:], of_category)[1:], whole[7:], strict=True):
        assert [cut[at] for at in kept] == [full[at] for at in kept]


def test_a_head_fit_respects_its_signs_and_its_calibration_follows_the_truth() -> None:
    rng = np.random.default_rng(5)
    concepts = rng.integers(0, 1_000_000, (4000, 2))
    truth = (rng.random((4000, 1)) < concepts[:, :1] / 1e6).astype(float)
    free = fit_all(concepts, truth, ["x"], {}, ("a", "b"), {})
    free = calibrate_all(free, concepts, truth, {})
    (bound,) = fit_all(concepts, truth, ["x"], {}, ("a", "b"), {"x": {"a": -1}})
    assert free[0].weights_micro[0] > 1_000_000 and bound.weights_micro[0] == 0
    assert scores_ppm(free, [900_000, 500_000])[0] > 2 * scores_ppm(free, [200_000, 500_000])[0]


def test_risks_and_hazards_are_fitted_as_serving_joins_them() -> None:
    """Mean scores meet base rates: the risks' of all rows, the hazards' of who is still open."""
    rng = np.random.default_rng(9)
    concepts = rng.integers(0, 1_000_001, (6000, 2))
    drawn, early = rng.random(6000), rng.random(6000)
    buys, leaves = drawn < concepts[:, 0] / 3e6, drawn > 1 - concepts[:, 1] / 3e6
    soon, late = early < 0.1, early < 0.1 + concepts[:, 0] / 4e6
    truth = np.stack([buys, leaves, soon, late], axis=1).astype(float)
    names = ["buy", "leave", "soon", "late"]
    kinds = {"buy": RISK, "leave": RISK, "soon": HAZARD, "late": HAZARD}
    heads = fit_all(concepts, truth, names, kinds, ("a", "b"), {})
    heads = calibrate_all(heads, concepts, truth, kinds)
    said = np.array([scores_ppm(heads, row) for row in concepts.tolist()]) / 1e6
    assert np.abs(said.mean(axis=0) - truth.mean(axis=0)).max() < 0.01
    assert raw_ppm(heads, [logit_micro(head, [0, 0]) for head in heads])[0] < 200_000


def test_the_calibration_error_is_that_of_its_bins() -> None:
    """A third says .9 where .6 happens, the others .1 where .2 happens: .3 and .1 apart."""
    scores = np.repeat([0.9, 0.1], [3000, 6000])
    truth = np.concatenate([np.arange(3000) % 10 < 6, np.arange(6000) % 10 < 2])
    assert ece(scores, truth, np.ones(9000)) == pytest.approx((0.3 + 2 * 0.1) / 3, abs=0.001)
    assert ece(truth * 1.0, truth, np.ones(9000)) == 0.0
