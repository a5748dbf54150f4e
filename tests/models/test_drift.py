"""Drift: far from training is seen, off the mark is seen, and what was published takes effect."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.context import ECE_MAX_PPM, Context
from models.drift import ECE_BINS, Reference, ece_ppm, psi, references
from models.effects import Decide
from models.user import step
from schemas.campaign import Campaigns
from schemas.model import Head, Model
from schemas.site import Site
from tests.builders import USER, FixedScorer, campaign, event

THIRDS = Reference((300_000, 600_000), (0.3, 0.3, 0.4))
CARD = {
    "concept_percentiles_ppm": {"frustration": {"p5": 0, "p50": 0, "p90": 70_000, "p95": 90_000}},
    "score_percentiles_ppm": {"purchase_intent": {"p10": 10_000, "p90": 500_000}},
}


def test_a_card_s_percentiles_are_bins_with_the_shares_between_them():
    """Equal percentiles are one cut; values at it are above it."""
    found = references(CARD)
    assert found["purchase_intent"] == Reference((10_000, 500_000), (0.1, 0.8, 0.1))
    assert found["frustration"] == Reference((0, 70_000, 90_000), (0.05, 0.85, 0.05, 0.05))
    assert [found["purchase_intent"].bin_of(p) for p in (9_999, 10_000, 499_999, 500_000)] == [
        0, 1, 1, 2,
    ]  # fmt: skip
    assert references({}) == {}


def test_psi_is_the_textbook_s_sum():
    """Nothing moved is 0; half of one third gone to another is a lot."""
    assert psi(THIRDS, [30, 30, 40]) == pytest.approx(0)
    moved = psi(THIRDS, [15, 45, 40])
    assert moved == pytest.approx((0.15 - 0.3) * log(0.5) + (0.45 - 0.3) * log(1.5))
    assert psi(THIRDS, [0, 0, 1000]) > 4 and psi(THIRDS, [0, 0, 0]) == 0


@given(st.lists(st.integers(0, 500), min_size=3, max_size=3))
def test_psi_is_never_negative(counts):
    """Each term has both factors of one sign."""
    assert psi(THIRDS, counts) >= -1e-12


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ([], 0),
        ([(0, False), (1_000_000, True)] * ECE_BINS, 0),
        ([(0, False)] * 75 + [(500_000, True)] * 75, 250_000),
        ([(0, True)] * 5, 1_000_000),
        # Ten in fifteen bins lie one by one, so each is off by its own distance.
        ([(300_000, True)] * 3 + [(300_000, False)] * 7, (3 * 700_000 + 7 * 300_000) // 10),
        # A hundred and fifty in a bin of ten each: three of ten came true in every one.
        ([(300_000 + at, at % 10 < 3) for at in range(150)], 74),
    ],
)
def test_calibration_error_of_known_cases(said, error):
    """In ppm: by how much scores miss what came true, within bins of equal mass."""
    assert ece_ppm(said) == error


@pytest.mark.promise("C60")
@pytest.mark.parametrize(
    ("ece", "source"), [(0, "model"), (ECE_MAX_PPM, "model"), (ECE_MAX_PPM + 1, "rule")]
)
def test_a_model_that_is_measured_to_be_off_leaves_rules_to_decide(ece, source):
    """The measure is in the log, so every replay falls back at the same event."""
    ctx = Context(lambda _: FixedScorer(400_000))
    ctx.add("sites", Site(site="demo", version=1, salt=b"salt", mint_secret=b"mint"))
    ctx.add("campaigns", Campaigns(site="demo", version=1, campaigns=(campaign("a"),)))
    heads = (Head("purchase_intent", 0, (1_000_000,)),)
    ctx.add("models", Model(version=4, concepts=("stickiness",), heads=heads, ece_ppm=ece))
    _, effects, _ = step(None, event("page_view"), USER, ctx)
    (decision,) = [each.decision for each in effects if isinstance(each, Decide)]
    assert (decision.source, decision.versions.model) == (source, 4)
    assert bool(decision.scores) == (source == "model")
